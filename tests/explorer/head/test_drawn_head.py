"""The numbers in a picture of a head are those of the head that its title names, on every page.

What is expected is computed apart from the app: with `core` alone, on the checkpoint's folder.
"""

import base64
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import core
from core.analysis.ablation import Ablation
from core.analysis.ablation.edits import ablating
from core.analysis.head_place import KIND_NAMES, HeadPlace
from core.analysis.heads.rollout import norm_weighted
from core.analysis.trace.head_internals import head_internals
from core.analysis.trace.trace import Trace
from core.config import KINDS
from tests.checkpoints import SENTENCE, write_timeline
from tests.checkpoints import write_checkpoint as write
from tests.explorer.pages import Open, charts, open_page, subheaders, texts

__all__ = ["open_page"]

PLACES = [HeadPlace(kind, layer, head) for kind in KINDS for layer, head in ((0, 1), (1, 4))]


def link_to(place: HeadPlace) -> dict[str, str]:
    return {
        "kind": place.kind, "layer": str(place.layer_number), "head": str(place.head_number),
    }  # fmt: skip


def drawn(chart: dict[str, Any]) -> NDArray[np.float64]:
    """The numbers of the first heat map in a chart."""
    z = chart["data"][0]["z"]
    flat = np.frombuffer(base64.b64decode(z["bdata"]), z["dtype"])
    return flat.reshape([int(n) for n in z["shape"].split(",")]).astype(np.float64)


def heat_maps(page: Any) -> list[NDArray[np.float64]]:
    return [drawn(chart) for chart in charts(page) if chart["data"][0]["type"] == "heatmap"]


def traced(folder: Path, ablation: str = "", prefix: tuple[int, ...] = (), **more: Any) -> Trace:
    translator = core.load(folder, **more)
    edits = [ablating(translator.checkpoint.model, [Ablation.parse(ablation)])] if ablation else []
    return translator.trace(SENTENCE, prefix=prefix, edits=edits)


def held(folder: Path, ablation: str = "", **more: Any) -> Trace:
    """The first translation, forced under a change."""
    pieces = tuple(piece.id for piece in traced(folder).target.pieces)
    return traced(folder, ablation, pieces, **more)


def assert_drawn(numbers: NDArray[np.float64], expected: NDArray[Any]) -> None:
    assert numbers.shape == expected.shape
    np.testing.assert_allclose(numbers, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.label)
@pytest.mark.parametrize("values", ["weights", "norms"])
def test_heads_draws_the_head_that_it_names(
    open_page: Open, tmp_path: Path, place: HeadPlace, values: str
) -> None:
    page = open_page(page="heads", text=SENTENCE, values=values, **link_to(place))
    assert place.name in subheaders(page)
    found = traced(tmp_path / "tiny")
    shown = found.weights
    if values == "norms":
        shown = {
            kind: norm_weighted(found.weights[kind], found.value_norms[kind]) for kind in KINDS
        }
    (numbers,) = heat_maps(page)
    assert_drawn(numbers, place.of(shown))


ABLATION = "cross.L1H3=0,enc.L2.ffn=skip"


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.label)
@pytest.mark.parametrize("rows", ["first", "new"])
def test_ablate_draws_the_head_before_and_after(
    open_page: Open, tmp_path: Path, place: HeadPlace, rows: str
) -> None:
    page = open_page(page="ablate", text=SENTENCE, ablation=ABLATION, rows=rows, **link_to(place))
    folder = tmp_path / "tiny"
    after = held(folder, ABLATION) if rows == "first" else traced(folder, ABLATION)
    before_drawn, after_drawn = heat_maps(page)
    assert_drawn(before_drawn, place.of(traced(folder).weights))
    assert_drawn(after_drawn, place.of(after.weights))
    for when in ("before", "after"):
        assert f"**{place.name}, {when}**" in texts(page)


@pytest.mark.parametrize("place", PLACES[::2], ids=lambda place: place.label)
def test_positions_draws_the_head_before_and_after(
    open_page: Open, tmp_path: Path, place: HeadPlace
) -> None:
    page = open_page(page="positions", text=SENTENCE, positions="shift", k="3", **link_to(place))
    folder = tmp_path / "tiny"
    before_drawn, after_drawn = heat_maps(page)
    assert_drawn(before_drawn, place.of(traced(folder).weights))
    assert_drawn(after_drawn, place.of(held(folder, "pos=shift:3").weights))


@pytest.mark.parametrize("snapshot", [0, 40])
def test_training_draws_its_head_with_the_weights_of_the_step(
    open_page: Open, tmp_path: Path, snapshot: int
) -> None:
    folder = tmp_path / "tiny"
    alignment = {
        "layer": 3, "head": 2, "rows": "produced", "alignment_error_rate": 0.3, "n_sentences": 7,
    }  # fmt: skip
    write_timeline(write(folder, metrics={"alignment": alignment}), 40)
    page = open_page(page="training", text=SENTENCE, snapshot=str(snapshot))
    assert not page.exception
    place = HeadPlace("cross", 2, 1)
    assert re.search(rf"\*\*{re.escape(place.name)} \(best-aligned\), ", texts(page))
    expected = held(folder, step=snapshot) if snapshot else traced(folder)
    (numbers,) = heat_maps(page)
    assert_drawn(numbers, place.of(expected.weights))


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.label)
def test_inside_frames_the_head_and_row_whose_share_it_tells(
    open_page: Open, tmp_path: Path, place: HeadPlace
) -> None:
    """The last picture: a column a head, a row a query, as the layer's shares are."""
    asks = "row" if place.kind == "encoder" else "step"
    page = open_page(page="inside", text=SENTENCE, **{asks: "2"}, **link_to(place))
    translator = core.load(tmp_path / "tiny")
    inside = head_internals(translator.checkpoint.model, traced(tmp_path / "tiny"), place)
    norms = charts(page)[-1]
    shares = inside.share_norms / inside.share_norms.sum(0)
    assert_drawn(drawn(norms), inside.share_norms.T)
    frame = norms["layout"]["shapes"][-1]
    assert (frame["x0"], frame["x1"]) == (place.head - 0.5, place.head + 0.5)
    assert (frame["y0"], frame["y1"]) == (0.5, 1.5)
    assert f"brings {shares[place.head, 1]:.0%} of the summed lengths" in texts(page)


def test_kinds_are_named_apart() -> None:
    assert len(set(KIND_NAMES.values())) == len(KINDS)
