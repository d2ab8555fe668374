"""Source sentences as people type them in haste.

Text to train on is written with care: a model that reads nothing else is at a loss before "where is
my book". Changing a share of the sources teaches it to read both; the translations stay as they are.
"""

import random
from collections.abc import Iterable, Iterator

SENTENCE_ENDS = " .?!…。？！"
SEED = 1


def without_end(sentence: str) -> str:
    """Without the marks at its end, unless it is nothing else."""
    return sentence.rstrip(SENTENCE_ENDS) or sentence


def in_haste(sentence: str) -> str:
    """Without capitals and without the marks at its end."""
    return without_end(sentence.lower())


CHANGES = (str.lower, str.upper, without_end, in_haste)
"""What may become of a sentence, each as often."""


def roughened(pairs: Iterable[tuple[str, str]], share: float) -> Iterator[tuple[str, str]]:
    """The same pairs, a share of the sources changed; the same ones at every call.

    Args:
        share: of the pairs, from 0 to 1.
    """
    draws = random.Random(SEED)
    for source, target in pairs:
        changes = draws.random() < share
        yield draws.choice(CHANGES)(source) if changes else source, target
