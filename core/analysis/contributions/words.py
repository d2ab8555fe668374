"""The source's share in each word of a translation, and words that hardly come from the source.

Nothing here imports torch.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.analysis.contributions.results import SourceShares
from core.analysis.trace.trace import Trace
from core.text.pieces import PiecedText

MOST_NAMED = 3
"""Words that one warning names."""


def word_shares(trace: Trace, source_share: NDArray[np.float64]) -> list[float]:
    """The mean share of the source over the pieces of each word of the translation.

    Args:
        source_share: of each step, as `Contributions` has it.
    """
    return means_of_words(trace.target, source_share)


def means_of_words(text: PiecedText, source_share: NDArray[np.float64]) -> list[float]:
    """The same for a text; its pieces end in `</s>`, as the steps do."""
    of_word: list[list[float]] = [[] for _ in text.words]
    for piece, share in zip(text.pieces, source_share, strict=True):
        if piece.word >= 0:
            of_word[piece.word].append(float(share))
    return [sum(shares) / len(shares) if shares else 0.0 for shares in of_word]


def detached_warnings(
    trace: Trace, source_share: NDArray[np.float64], known: SourceShares
) -> tuple[str, ...]:
    """Plain sentences on words, and on a whole translation, that hardly come from the source."""
    found = []
    shares = word_shares(trace, source_share)
    low = [
        word.text
        for word, share in zip(trace.target.words, shares, strict=True)
        if share < known.low_word
    ]
    if low:
        verb = "comes" if len(low) == 1 else "come"
        found.append(
            f"{_quoted(low)} hardly {verb} from the source: less than {known.low_word:.0%}; 99 of 100 words of "
            f"{known.text} have more."
        )
    mean = float(np.mean(source_share))
    if mean < known.low_sentence:
        found.append(
            f"The translation as a whole hardly comes from the source: {mean:.0%}; 99 of 100 sentences of "
            f"{known.text} have more."
        )
    return tuple(found)


def _quoted(words: Sequence[str]) -> str:
    """Each in an isolate, so that a word from right to left does not turn the sentence around."""
    named = ", ".join(f"“\u2068{word}\u2069”" for word in words[:MOST_NAMED])
    return named + (f" and {len(words) - MOST_NAMED} more" if len(words) > MOST_NAMED else "")
