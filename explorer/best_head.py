"""The cross-attention head to open first, and why that one."""

from dataclasses import dataclass
from pathlib import Path

from core.records import Trace
from core.words import Rows
from explorer.engine.checkpoints import metrics


@dataclass(frozen=True, slots=True)
class BestHead:
    """The cross-attention head to open first (from 1), and why."""

    layer: int
    head: int
    rows: Rows
    label: str
    reason: str


def best_head(folder: Path, shown: Trace) -> BestHead:
    """The head that aligns words best on gold alignments, measured once and stored; see `align`.

    A checkpoint without that measurement falls back to the head that covers this source best.
    """
    alignment = metrics(folder).get("alignment")
    if alignment:
        return BestHead(
            layer=alignment["layer"],
            head=alignment["head"],
            rows=alignment["rows"],
            label="best-aligned",
            reason=(
                f"aligns words best: error rate {alignment['alignment_error_rate']:.2f} on "
                f"{alignment['n_sentences']} hand-aligned sentence pairs"
            ),
        )
    return covering_head(shown)


def covering_head(shown: Trace) -> BestHead:
    """The cross-attention head whose rows together look at the most of this source."""
    words = shown.weights["cross"][..., :-1]  # all source columns but </s>
    coverage = words.max(-2).mean(-1)  # how much of each source token its best row got
    layer, head = divmod(int(coverage.argmax()), coverage.shape[1])
    return BestHead(
        layer + 1,
        head + 1,
        "produced",
        "covers most",
        "covers this source most completely (no alignment was measured for this checkpoint)",
    )
