"""What changed from one attempt to the next, and what each change did to the reward.

Nothing here imports torch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from core.evaluation.rewards import Reward


@dataclass(frozen=True, slots=True)
class Edit:
    """A run of words of two attempts: the same in both, or changed as a whole."""

    before: str
    """In the first attempt; empty where the second one put something in."""
    after: str
    """In the second attempt; empty where it left something out."""
    gain: float | None = None
    """What the change did to the reward: that of the second attempt, minus that with only this
    change undone; -1 to 1. None where nothing was changed, or without a reference."""

    @property
    def is_kept(self) -> bool:
        return self.before == self.after


def edits(
    first: str, second: str, *, reference: str | None = None, reward: Reward | None = None
) -> tuple[Edit, ...]:
    """How the second attempt differs from the first, in order.

    Attempts that are single words, such as numbers, are compared character by character.

    Args:
        reference, reward: what each change is valued by, both or neither.
    """
    by_word = any(" " in text for text in (first, second))
    joint = " " if by_word else ""
    old, new = (text.split() if by_word else list(text) for text in (first, second))
    runs = [
        (joint.join(old[a:b]), joint.join(new[c:d]))
        for _, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    ]
    if reference is None or reward is None:
        return tuple(Edit(before, after) for before, after in runs)
    gains = _gains(runs, joint, reference, reward)
    return tuple(
        Edit(before, after, gain) for (before, after), gain in zip(runs, gains, strict=True)
    )


def _gains(
    runs: Sequence[tuple[str, str]], joint: str, reference: str, reward: Reward
) -> list[float | None]:
    """The gain of each run; None for those that were kept."""
    after = [new for _, new in runs]
    changed = [at for at, (old, new) in enumerate(runs) if old != new]
    undone = [[*after[:at], runs[at][0], *after[at + 1 :]] for at in changed]
    texts = [joint.join(filter(None, text)) for text in (after, *undone)]
    whole, *without = reward(texts, [reference] * len(texts))
    by_place = dict(zip(changed, (whole - each for each in without), strict=True))
    return [by_place.get(at) for at in range(len(runs))]
