"""A run, and another value for every field of it."""

from typing import Any

from explorer.choice.choice import Run
from tests.checkpoints import SENTENCE

OTHER = "The cat finds a ball."
RUN = Run(text=SENTENCE)
SAMPLED = RUN.replace(method="sample")

CHANGES: dict[str, tuple[Run, dict[str, Any]]] = {
    "text": (RUN, {"text": OTHER}),
    "prefix": (RUN, {"prefix": (300, 301)}),
    "target": (RUN, {"target": "Der Mann."}),
    "method": (RUN, {"method": "greedy"}),
    "beam_size": (RUN, {"beam_size": 2}),
    "length_penalty": (RUN, {"length_penalty": "power"}),
    "alpha": (RUN, {"alpha": 1.5}),
    "temperature": (SAMPLED, {"temperature": 0.5}),
    "seed": (SAMPLED, {"seed": 7}),
    "ablation": (RUN, {"ablation": "cross.L1H1=0"}),
}
SEARCHES = [name for name in CHANGES if name not in ("text", "prefix", "target", "ablation")]
"""The fields that say how a translation is searched for."""
