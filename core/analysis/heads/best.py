"""The cross-attention head to open first, and why that one."""

from dataclasses import dataclass

from core.analysis.head_place import HeadPlace
from core.analysis.heads.measures import RankedHead, ranked_heads
from core.analysis.heads.word_attention import AlignmentStep
from core.analysis.trace.trace import Trace


@dataclass(frozen=True, slots=True)
class BestHead:
    """The cross-attention head to open first, and why."""

    place: HeadPlace
    rows: AlignmentStep
    label: str
    reason: str

    @property
    def is_late(self) -> bool:
        """Whether it attends to a word's source one step after the word is written."""
        return self.rows == "consumed"

    @property
    def how_to_read(self) -> str:
        """A note on how to read its weights; empty for a head that is not one step late."""
        if not self.is_late:
            return ""
        return (
            "Its rows are one step late: each looks at the source of the word that the step consumed, "
            "left of the arrow."
        )


def covering_head(shown: Trace) -> BestHead:
    """The cross-attention head whose queries together attend to most of this source."""
    words = shown.weights["cross"][..., :-1]  # all source columns but </s>
    coverage = words.max(-2).mean(-1)  # mean of each source token's largest weight
    layer, head = divmod(int(coverage.argmax()), coverage.shape[1])
    return BestHead(
        HeadPlace("cross", layer, head),
        "produced",
        "covers most",
        "covers this source most completely (no alignment was measured for this checkpoint)",
    )


@dataclass(frozen=True, slots=True)
class HeadForStep:
    """A cross-attention head to inspect for the word of one step, and the step to read it at."""

    step: int  # from 1
    ranked: RankedHead


def heads_for_step(shown: Trace, best: BestHead, step: int) -> list[HeadForStep]:
    """Cross-attention heads to inspect for the word written at this step (from 1), best first.

    Like `ranked_heads`, but a head that is known to be late is read and ranked at the step that
    consumes the word. No step consumes `</s>`, so a late head is left out there.
    """
    heads = [HeadForStep(step, ranked) for ranked in ranked_heads(shown, step - 1)]
    if not best.is_late:
        return heads
    others = [head for head in heads if head.ranked.place != best.place]
    if step == len(shown.steps):
        return others
    late = [
        HeadForStep(step + 1, ranked)
        for ranked in ranked_heads(shown, step)
        if ranked.place == best.place
    ]
    return sorted([*late, *others], key=lambda head: -head.ranked.weight)
