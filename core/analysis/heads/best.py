"""The cross-attention head to open first, and why that one."""

from dataclasses import dataclass

from core.analysis.head_place import HeadPlace
from core.analysis.heads.measures import RankedHead, confidence, keys_of, ranked_heads
from core.analysis.heads.word_attention import AlignmentStep
from core.analysis.trace.trace import Trace
from core.config import Kind


@dataclass(frozen=True, slots=True)
class BestHead:
    """The cross-attention head to open first, and why."""

    place: HeadPlace
    rows: AlignmentStep
    label: str
    reason: str
    same_step: HeadPlace | None = None
    """Of a late head: the one that best shows a word's source in the step that writes it."""

    @property
    def at_first(self) -> HeadPlace:
        """The head to show first: it looks, in each step, at the source of what the step writes."""
        return self.same_step or self.place

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
            "The rows of this head are one step late: each looks at the source of the word that the step consumed, "
            "left of the arrow. This is known as alignment with input, AWI (Kobayashi et al. 2020), or SHIFT-ATT "
            "(Chen et al. 2020)."
        )


def covering_head(shown: Trace) -> BestHead:
    """The cross-attention head whose queries together attend to most of this source."""
    words = shown.weights["cross"][..., :-1]  # all source columns but </s>
    coverage = words.max(-2).mean(-1)  # mean of each source token's largest weight
    layer, head = divmod(int(coverage.argmax()), coverage.shape[1])
    return BestHead(
        HeadPlace("cross", layer, head),
        "produced",
        "best-covering",
        "attends to more of this source than any other (which head aligns best was not measured)",
    )


def clearest_head(shown: Trace, kind: Kind) -> HeadPlace:
    """The head of this kind whose queries point most clearly at one piece of text.

    Weight on special tokens does not count (confidence, Voita et al. 2019, section 4), so a head
    that attends to `</s>` when it has nothing to do is not the clearest.
    """
    found = confidence(shown.weights[kind], keys_of(shown, kind))
    layer, head = divmod(int(found.argmax()), found.shape[1])
    return HeadPlace(kind, layer, head)


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
