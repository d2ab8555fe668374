"""Alignment error rates that others measured, to stand beside ours.

All are of German-English on the 508 sentences of Vilar et al. 2006, models of
six layers. Other data, another direction and other sizes than the models here: order and sign can be
compared, levels cannot.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from core.analysis.alignment.words import Reading


@dataclass(frozen=True, slots=True)
class PublishedLayers:
    """Per cent, a number for each layer from the lowest, or of the best layer alone."""

    source: str
    by_reading: Mapping[Reading, tuple[float, ...]]
    is_best_only: bool = False


KOBAYASHI = PublishedLayers(
    "Kobayashi et al. 2020, best layer (mean of 5 seeds)",
    {
        ("weights", "produced"): (47.7,),
        ("norms", "produced"): (41.4,),
        ("weights", "consumed"): (29.8,),
        ("norms", "consumed"): (25.0,),
    },
    is_best_only=True,
)
"""https://arxiv.org/abs/2004.10102, section 5"""

FERRANDO = PublishedLayers(
    "Ferrando et al. 2022 (ALTI+), weights",
    {
        ("weights", "consumed"): (61.7, 28.2, 46.4, 90.3, 93.2, 94.0),
        ("weights", "produced"): (91.8, 88.6, 67.6, 49.9, 50.5, 64.2),
    },
)
"""https://arxiv.org/abs/2205.11631"""

FERRANDO_CONTRIBUTIONS = PublishedLayers(
    "Ferrando et al. 2022 (ALTI+), contributions",
    {
        ("norms", "consumed"): (47.1, 26.0, 36.1, 85.5, 83.1, 84.4),
        ("norms", "produced"): (85.2, 85.6, 69.5, 47.8, 38.9, 51.6),
    },
)

ALIGNERS: Mapping[str, float] = {
    "awesome-align, tuned": 15.1,
    "Mgiza": 20.6,
    "eflomal": 22.6,
    "fast_align": 27.0,
}
"""Programs made to align, both directions joined, on the same 508 sentences."""
