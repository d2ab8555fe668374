"""How far a translation keeps the order of its source."""

from collections.abc import Sequence

import numpy as np


def kept_order(links: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """How many neighbouring target words go on where the one before stopped, of how many.

    With all of them, the translation is monotone; their share is 1 - (C - 1)/(M - 1), the fuzzy
    reordering score of Talbot et al. 2011, for C runs of M linked words.

    Args:
        links: source word, target word; a target word has at most one link.
    """
    sources = [source for _, source in sorted((target, source) for source, target in links)]
    steps = np.diff(sources)
    return int(np.isin(steps, (0, 1)).sum()), len(steps)
