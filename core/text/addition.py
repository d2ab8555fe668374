"""Additions as parallel text: `4821 + 9377` is to become `14198`.

A task with one right answer, for learning to correct oneself: the most significant digit is written
first, so a first attempt has to guess carries that come from digits not yet added.
"""

import random
import re
from collections.abc import Iterator

N_DIGITS = 4
_SUM = re.compile(rf"([1-9]\d{{{N_DIGITS - 1}}}) \+ ([1-9]\d{{{N_DIGITS - 1}}})", re.ASCII)


def addends(text: str) -> tuple[int, int] | None:
    """The two numbers of a sum such as `4821 + 9377`; None if the text is none."""
    found = _SUM.fullmatch(text)
    return (int(found[1]), int(found[2])) if found else None


def carries(left: int, right: int) -> tuple[int, ...]:
    """What each digit of the sum gets from the place to its right, 0 or 1, the last digit's first.

    One more than the numbers have digits: the last is the sum's leading 1, if it has one.
    """
    found = [0]
    for place in range(N_DIGITS):
        digits = (left // 10**place % 10) + (right // 10**place % 10)
        found.append(int(digits + found[-1] >= 10))
    return tuple(found)


def addition_pairs(n: int, seed: int = 1, *, carry_share: float = 0.5) -> Iterator[tuple[str, str]]:
    """`n` sums of two four-digit numbers as text, and their results; the same for the same seed.

    Args:
        carry_share: the chance, 0 to 1, that the digits at one place are drawn to add up to 9 or
            more, where a carry starts or is passed on.
    """
    draw = random.Random(seed)
    for _ in range(n):
        columns = [
            _column(draw, is_first=place == 0, carry_share=carry_share) for place in range(N_DIGITS)
        ]
        left, right = (int("".join(str(column[side]) for column in columns)) for side in (0, 1))
        yield f"{left} + {right}", str(left + right)


def _column(draw: random.Random, *, is_first: bool, carry_share: float) -> tuple[int, int]:
    """The two digits at one place; a number begins with no zero."""
    least = 1 if is_first else 0
    left = draw.randint(least, 9)
    carries = draw.random() < carry_share
    return left, draw.randint(max(least, 9 - left) if carries else least, 9)
