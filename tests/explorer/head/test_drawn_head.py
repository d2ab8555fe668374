"""The numbers in a picture of a head are those of the head that its title names, on every page.

What is expected is computed apart from the app: with `core` alone, on the checkpoint's folder.
Training's head is drawn in `app_pages/training/test_drawn.py`.
"""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.analysis.head_place import KIND_NAMES, HeadPlace
from core.analysis.heads.rollout import norm_weighted
from core.config import KINDS
from tests.checkpoints import SENTENCE, write_checkpoint
from tests.explorer.apart import held, loaded, traced
from tests.explorer.pages import Shelf, charts, shelf, subheaders, texts
from tests.explorer.readings import Numbers, assert_shown, first_map, heat_maps

__all__ = ["shelf"]

PLACES = [HeadPlace(kind, layer, head) for kind in KINDS for layer, head in ((0, 1), (1, 4))]


@pytest.fixture(scope="module", autouse=True)
def folder(shelf: Shelf) -> Path:
    write_checkpoint(shelf.root / "tiny")
    return shelf.root / "tiny"


def link_to(place: HeadPlace) -> dict[str, str]:
    return {
        "kind": place.kind, "layer": str(place.layer_number), "head": str(place.head_number),
        "which": "chosen",
    }  # fmt: skip


def before_and_after(page: AppTest) -> list[Numbers]:
    """The last two heat maps; Positions has one of its table before them."""
    return heat_maps(page)[-2:]


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.label)
@pytest.mark.parametrize("values", ["weights", "norms"])
def test_heads_draws_the_head_that_it_names(
    shelf: Shelf, folder: Path, place: HeadPlace, values: str
) -> None:
    page = shelf("heads", text=SENTENCE, values=values, **link_to(place))
    assert place.name in subheaders(page)
    found = traced(folder)
    shown = found.weights
    if values == "norms":
        shown = {
            kind: norm_weighted(found.weights[kind], found.value_norms[kind]) for kind in KINDS
        }
    (numbers,) = heat_maps(page)
    assert_shown(numbers, place.of(shown))


ABLATION = "cross.L1H3=0,enc.L2.ffn=skip"


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.label)
@pytest.mark.parametrize("rows", ["first", "new"])
def test_ablate_draws_the_head_before_and_after(
    shelf: Shelf, folder: Path, place: HeadPlace, rows: str
) -> None:
    page = shelf("ablate", text=SENTENCE, ablation=ABLATION, rows=rows, **link_to(place))
    after = held(folder, ABLATION) if rows == "first" else traced(folder, ABLATION)
    before_drawn, after_drawn = before_and_after(page)
    assert_shown(before_drawn, place.of(traced(folder).weights))
    assert_shown(after_drawn, place.of(after.weights))
    for when in ("before", "after"):
        assert f"**{place.name}, {when}**" in texts(page)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.label)
def test_positions_draws_the_head_before_and_after(
    shelf: Shelf, folder: Path, place: HeadPlace
) -> None:
    page = shelf("positions", text=SENTENCE, positions="shift", k="3", **link_to(place))
    before_drawn, after_drawn = before_and_after(page)
    assert_shown(before_drawn, place.of(traced(folder).weights))
    assert_shown(after_drawn, place.of(held(folder, "pos=shift:3").weights))
    for when in ("before", "after"):
        assert f"**{place.name}, {when}**" in texts(page)


@pytest.mark.parametrize(
    ("name", "change", "ablation"),
    [("ablate", {"ablation": ABLATION}, ABLATION), ("positions", {"positions": "off"}, "pos=off")],
)
def test_the_first_translation_is_held_to_its_end(
    shelf: Shelf, folder: Path, name: str, change: dict[str, str], ablation: str
) -> None:
    """Pieces that end with </s>: a model that is not held there would write on."""
    place, pieces = PLACES[-1], (300, 301, 302, 3)
    page = shelf(name, text=SENTENCE, prefix="300.301.302.3", **change, **link_to(place))
    before, after = traced(folder, "", pieces), traced(folder, ablation, pieces)
    for shown, expected in zip(before_and_after(page), (before, after), strict=True):
        assert len(expected.steps) == 4
        assert_shown(shown, place.of(expected.weights))


def test_an_experiment_comes_on_top_of_what_is_changed_already(shelf: Shelf, folder: Path) -> None:
    place = PLACES[-1]
    page = shelf(
        "positions",
        text=SENTENCE,
        positions="shift",
        k="3",
        ablation="enc.L1H2=0",
        **link_to(place),
    )
    before_drawn, after_drawn = before_and_after(page)
    before = traced(folder, "enc.L1H2=0")
    pieces = tuple(piece.id for piece in before.target.pieces)
    after = traced(folder, "enc.L1H2=0,pos=shift:3", pieces)
    assert_shown(before_drawn, place.of(before.weights))
    assert_shown(after_drawn, place.of(after.weights))


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.label)
def test_inside_frames_the_head_and_row_whose_share_it_tells(
    shelf: Shelf, folder: Path, place: HeadPlace
) -> None:
    """The last picture: a column a head, a row a query, as the layer's shares are."""
    asks = "row" if place.kind == "encoder" else "step"
    page = shelf("inside", text=SENTENCE, **{asks: "2"}, **link_to(place))
    inside = loaded(folder).inside(
        traced(folder), place.kind, layer=place.layer_number, head=place.head_number
    )
    norms = charts(page)[-1]
    shares = inside.share_norms / inside.share_norms.sum(0)
    assert_shown(first_map(norms), inside.share_norms.T)
    row, frame = norms["layout"]["shapes"]
    assert (frame["x0"], frame["x1"]) == (place.head - 0.5, place.head + 0.5)
    assert (frame["y0"], frame["y1"]) == (row["y0"], row["y1"]) == (0.5, 1.5)
    assert f"adds {100 * shares[place.head, 1]:.0f} % of the summed lengths" in texts(page)


def test_kinds_are_named_apart() -> None:
    assert len(set(KIND_NAMES.values())) == len(KINDS)
