"""What changed from one attempt to the next, and what each change did to the reward.

Nothing here imports torch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby

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

    Attempts that are single words, such as numbers, are compared digit by digit, the last one under
    the last one.

    Args:
        reference, reward: what each change is valued by, both or neither.
    """
    by_word = any(" " in text for text in (first, second))
    joint = " " if by_word else ""
    runs = _by_word(first, second) if by_word else _by_place(first, second)
    if reference is None or reward is None:
        return tuple(Edit(before, after) for before, after in runs)
    gains = _gains(runs, joint, reference, reward)
    return tuple(
        Edit(before, after, gain) for (before, after), gain in zip(runs, gains, strict=True)
    )


def _by_word(first: str, second: str) -> list[tuple[str, str]]:
    old, new = first.split(), second.split()
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    return [(" ".join(old[a:b]), " ".join(new[c:d])) for _, a, b, c, d in matcher.get_opcodes()]


def _by_place(first: str, second: str) -> list[tuple[str, str]]:
    """Runs of places at which the two have the same character, or another one or none."""
    width = max(len(first), len(second))
    shift = width - len(first), width - len(second)
    places = [(_at(first, n - shift[0]), _at(second, n - shift[1])) for n in range(width)]
    runs = [list(run) for _, run in groupby(places, lambda place: place[0] == place[1])]
    return [("".join(old for old, _ in run), "".join(new for _, new in run)) for run in runs]


def _at(text: str, place: int) -> str:
    return text[place] if place >= 0 else ""


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
