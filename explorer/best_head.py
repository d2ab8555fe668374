"""The cross-attention head to open first, and why that one."""

from dataclasses import dataclass
from pathlib import Path

from core.measures import RankedHead, ranked_heads
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

    @property
    def is_late(self) -> bool:
        """Whether it looks at a word's source not when the word is written, but one step later."""
        return self.rows == "consumed"

    @property
    def how_to_read(self) -> str:
        """What to know before reading its rows; nothing, if each speaks of what its step wrote."""
        if not self.is_late:
            return ""
        return (
            "Its rows are one step late: each looks at the source of the word that the step consumed, "
            "left of the arrow."
        )


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


@dataclass(frozen=True, slots=True)
class HeadForStep:
    """A cross-attention head worth a look for the word of one step, and the step to read it at."""

    step: int  # from 1
    ranked: RankedHead


def heads_for_step(shown: Trace, best: BestHead, step: int) -> list[HeadForStep]:
    """Which head to look at for the word made at this step (from 1), best first.

    As `ranked_heads`, but a head that is known to be late is read, and ranked, by the row that
    consumes the word; for `</s>` there is none.
    """
    heads = [HeadForStep(step, ranked) for ranked in ranked_heads(shown, step - 1)]
    if not best.is_late:
        return heads
    place = (best.layer - 1, best.head - 1)
    others = [head for head in heads if (head.ranked.layer, head.ranked.head) != place]
    if step == len(shown.steps):
        return others
    late = [
        HeadForStep(step + 1, ranked)
        for ranked in ranked_heads(shown, step)
        if (ranked.layer, ranked.head) == place
    ]
    return sorted([*late, *others], key=lambda head: -head.ranked.weight)
