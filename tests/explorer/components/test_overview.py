"""All heads at once: tints say what their numbers are."""

import json
import re
from typing import Any

import numpy as np
from plotly.colors import unlabel_rgb

from core.analysis.head_place import HeadPlace
from explorer.components.overview.component import Tint, payload
from explorer.figures.colours import effect_colour
from tests.checkpoints import SENTENCE
from tests.explorer.pages import Open, open_page

__all__ = ["open_page"]

WEIGHTS = np.full((2, 2, 3, 3), 1 / 3, np.float32)
CHANGES = np.array([[-2.4, -0.06], [0.0, 0.16]])


def tint(**more: Any) -> dict[str, Any]:
    data = payload(WEIGHTS, HeadPlace("cross", 0, 0), tint=Tint("change", CHANGES, **more))
    n = int.from_bytes(data[:4], "little")
    return json.loads(data[4 : 4 + n])["tint"]  # type: ignore[no-any-return]


def test_the_framed_tile_is_the_head_that_is_chosen() -> None:
    """The script counts layers and heads from 1."""
    data = payload(np.zeros((3, 5, 2, 2), np.float32), HeadPlace("cross", 2, 0))
    n = int.from_bytes(data[:4], "little")
    assert json.loads(data[4 : 4 + n])["chosen"] == [3, 1]


def test_signed_numbers_are_red_below_zero_and_blue_above() -> None:
    falls, falls_little, none, rises = map(unlabel_rgb, tint(limit=2.4)["colours"])
    for red, _, blue in (falls, falls_little):
        assert red > blue
    assert rises[2] > rises[0]
    assert len(set(none)) == 1
    assert falls[2] < falls_little[2]


def test_the_strongest_colour_is_at_the_limit() -> None:
    assert tint(limit=2.4)["colours"][0] == effect_colour(-1)[0]
    assert tint(limit=9.6)["colours"][0] == effect_colour(-0.25)[0]


def test_other_numbers_reach_from_the_lowest_to_the_highest() -> None:
    assert tint()["colours"][0] != tint(limit=2.4)["colours"][0]
    assert len(set(tint()["colours"])) == 4


def test_numbers_have_a_true_minus_sign() -> None:
    assert tint(limit=2.4)["labels"] == ["−2.40", "−0.06", "0.00", "0.16"]


def test_the_page_says_where_the_colours_end(open_page: Open) -> None:
    page = open_page(page="heads", text=SENTENCE, measure="effect")
    assert not page.exception
    said = " ".join(text.value for text in page.markdown)
    assert "Red: it falls" in said
    assert re.search(r"Colours end at −(\d+\.\d\d) and \1,", said)
    assert "yellow" not in said
