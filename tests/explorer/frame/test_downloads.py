"""What is taken away of a page is what the page shows: figures, components, SVG, the trace."""

import io
import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import numpy as np
import pytest
import streamlit as st

from core.analysis.head_place import HeadPlace
from core.analysis.trace.trace import Trace
from core.config import KINDS
from explorer.figures.colours import PALETTE, weight_levels
from tests.checkpoints import SENTENCE, write_checkpoint, write_history, write_timeline
from tests.checkpoints import reports as some_reports
from tests.explorer.apart import traced
from tests.explorer.pages import PROMPT, Shelf, charts, link, shelf
from tests.explorer.readings import components, first_map, numbers, tiles, unpacked

__all__ = ["shelf"]

Taken = dict[str, Any]


@pytest.fixture(scope="module", autouse=True)
def folder(shelf: Shelf) -> Path:
    write_timeline(write_checkpoint(shelf.root / "tiny", metrics=PROMPT), 9)
    write_history(shelf.root / "tiny", some_reports())
    return shelf.root / "tiny"


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> Taken:
    """What each download button gives that is drawn from now on, by its label.

    It is made as the server makes it when a reader clicks: in a thread that knows of no visitor.
    """
    found: Taken = {}
    button = st.download_button

    def record(label: str, data: Any, **more: Any) -> bool:
        with ThreadPoolExecutor(1) as pool:
            found[label] = pool.submit(data).result() if callable(data) else data
        return button(label, data, **more)

    monkeypatch.setattr(st, "download_button", record)
    return found


def sections(page: str) -> dict[str, Any]:
    """Of a file: the title of each picture, and what is drawn."""
    titles = re.findall(r"<h2[^>]*>(.*?)</h2>", page)
    drawn = re.findall(r'<script type="application/json">(.*?)</script>', page, re.DOTALL)
    return dict(zip(titles, map(json.loads, drawn), strict=True))


def data_of(figure: dict[str, Any]) -> list[tuple[str, list[float]]]:
    """The numbers of each trace of a figure that is drawn, without what only answers clicks."""
    return [
        (of["type"], numbers(of["z" if of["type"] == "heatmap" else "y"]).ravel().tolist())
        for of in figure["data"]
        if of.get("marker", {}).get("opacity") != 0
    ]


def test_the_link_to_a_view_is_the_one_in_the_address_bar(shelf: Shelf) -> None:
    page = shelf.own("heads", text=SENTENCE, kind="decoder", values="norms", alpha="1.5")
    query = dict(parse_qsl(page.code[0].value.partition("?")[2]))
    assert query == {name: link(page, name) for name in page.query_params}
    assert {"text", "kind", "values", "alpha", "layer", "head", "step"} <= set(query)


LINKS: dict[str, tuple[str, dict[str, str]]] = {
    "heads": ("heads", {"kind": "decoder", "layer": "2", "head": "4"}),
    "norms": ("heads", {"kind": "cross", "layer": "1", "head": "4", "values": "norms"}),
    "inside": ("inside", {"layer": "2", "head": "4", "step": "3"}),
    "ablate": ("ablate", {"ablation": "enc.L1=skip", "layer": "2", "head": "4", "scored": "3"}),
    "experiment": ("positions", {"positions": "shift", "k": "3", "layer": "2", "head": "4"}),
    "curves": ("positions", {"picture": "curves", "dimensions": "3.8"}),
    "training": ("training", {"snapshot": "9"}),
}


@pytest.mark.parametrize(("name", "link"), LINKS.values(), ids=LINKS)
def test_the_figures_of_the_file_are_those_of_the_page(
    shelf: Shelf, taken: Taken, name: str, link: dict[str, str]
) -> None:
    page = shelf.own(name, text=SENTENCE, **link)
    file = sections(taken["View as HTML"])
    in_file = [of["figure"] for of in file.values() if "figure" in of]
    assert [data_of(of) for of in in_file] == [data_of(of) for of in charts(page)]
    assert in_file


def test_the_heads_of_the_file_are_those_of_the_page(shelf: Shelf, taken: Taken) -> None:
    page = shelf.own("heads", text=SENTENCE, kind="decoder", layer="2", head="4", drawing="lines")
    file = sections(taken["View as HTML"])
    overview = bytes.fromhex(file["Decoder self-attention: all heads"]["bytes"])
    lines = bytes.fromhex(file["Decoder self-attention, layer 2, head 4"]["bytes"])
    assert lines == components(page, "attention_lines")[0]
    shown, levels = tiles(components(page, "attention_overview")[0])
    meta, in_file = tiles(overview)
    assert meta["chosen"] == shown["chosen"] == [2, 4]
    assert np.array_equal(in_file, levels)


def test_the_translation_of_the_file_is_that_of_the_page(shelf: Shelf, taken: Taken) -> None:
    page = shelf.own("translate", text=SENTENCE, layer="2", head="4", step="3")
    file = sections(taken["View as HTML"])
    meta, values = unpacked(bytes.fromhex(file["Step by step"]["bytes"]))
    shown, shown_values = unpacked(components(page, "translation_stepper")[0])
    assert values == shown_values
    assert meta == {**shown, "can_change": False}
    assert file["What the search explored"]["data"] == components(page, "beam_tree")[0]


def test_the_switches_of_the_file_are_those_of_the_page(shelf: Shelf, taken: Taken) -> None:
    page = shelf.own("ablate", text=SENTENCE, ablation="enc.L1=skip,cross.L1H3=0")
    file = sections(taken["View as HTML"])
    title = (
        "Switched off after training: cross-attention layer 1, head 3 off; encoder layer 1 skipped"
    )
    assert file[title]["data"] == components(page, "attention_toggles")[0]


def test_the_model_of_the_file_is_that_of_the_page(shelf: Shelf, taken: Taken) -> None:
    page = shelf.own("anatomy", text=SENTENCE)
    (drawn,) = sections(taken["View as HTML"]).values()
    shown, values = unpacked(components(page, "model_anatomy")[0])
    in_file, values_in_file = unpacked(bytes.fromhex(drawn["bytes"]))
    without_pages = [{**block, "page": None, "path": None} for block in shown["blocks"]]
    assert in_file == {**shown, "blocks": without_pages}
    assert values_in_file == values


Squares = dict[tuple[int, int], str]


def squares(svg: str) -> dict[tuple[float, float], Squares]:
    """Matrices of an SVG by how far down and right they stand: their cells' colours, likewise."""
    found = {}
    for x, y, group in re.findall(r'<g transform="translate\((\S+) (\S+)\)"[^>]*>(.*?)</g>', svg):
        cells: Squares = {}
        for fill, path in re.findall(r'<path fill="(.*?)" d="(.*?)"/>', group):
            for right, down in re.findall(r"M(\S+) (\S+?)h", path):
                cells[int(float(down)), int(float(right))] = fill
        found[float(y), float(x)] = cells
    return found


def colours(weights: np.ndarray, cell: int) -> Squares:
    return {
        (row * cell, column * cell): str(colour)
        for (row, column), colour in np.ndenumerate(PALETTE[weight_levels(weights)])
    }


@pytest.mark.parametrize("values", ["weights", "norms"])
def test_the_head_for_print_is_the_one_that_is_named(
    shelf: Shelf, folder: Path, taken: Taken, values: str
) -> None:
    """However it is drawn on screen; more than 40 steps are small cells."""
    place = HeadPlace("cross", 1, 3)
    page = shelf.own(
        "heads", text=SENTENCE, layer="2", head="4", values=values, drawing="lines", together="1"
    )
    assert not page.exception
    trace = traced(folder)
    weights = place.of(trace.weights)
    title = place.name
    if values == "norms":
        norms = trace.weights["cross"][1] * trace.value_norms["cross"][1][:, None]
        weights, title = norms[3] / norms.max(), f"{title}, norm-weighted"
    svg = taken["Head 4 as SVG"]
    (drawn,) = squares(svg).values()
    assert drawn == colours(weights, 14)
    assert f">{title}</title>" in svg


@pytest.mark.parametrize("kind", KINDS)
def test_all_heads_for_print_stand_in_their_places(
    shelf: Shelf, folder: Path, taken: Taken, kind: str
) -> None:
    page = shelf.own("heads", text="The cat.", kind=kind, prefix="300.301.3")
    assert not page.exception
    weights = traced(folder, prefix=(300, 301, 3), text="The cat.").weights[kind]  # type: ignore[index]
    drawn = squares(taken["All heads as SVG"])
    downs, rights = (sorted(set(places)) for places in zip(*drawn, strict=True))
    assert {(downs.index(y), rights.index(x)): cells for (y, x), cells in drawn.items()} == {
        (layer, head): colours(weights[layer, head], 10)
        for layer, head in np.ndindex(weights.shape[:2])
    }


def test_the_data_are_the_trace(shelf: Shelf, folder: Path, taken: Taken) -> None:
    shelf.own("heads", text=SENTENCE, ablation="enc.L1=skip")
    trace = traced(folder, "enc.L1=skip")
    (folder / "taken.npz").write_bytes(taken["Data as NPZ"])
    assert Trace.load(folder / "taken.npz").found == trace.found
    written = json.loads(taken["Data as JSON"])
    with np.load(io.BytesIO(taken["Data as NPZ"])) as arrays:
        for kind in KINDS:
            np.testing.assert_array_equal(arrays[f"{kind}_weights"], trace.weights[kind])
            np.testing.assert_allclose(written["weights"][kind], trace.weights[kind], atol=1e-6)


def test_a_heat_map_in_the_file_has_its_rows(shelf: Shelf, folder: Path, taken: Taken) -> None:
    """And not only the same numbers as the page: those of the trace."""
    shelf.own("heads", text=SENTENCE, kind="encoder", layer="2", head="4")
    (figure,) = (of["figure"] for of in sections(taken["View as HTML"]).values() if "figure" in of)
    np.testing.assert_allclose(
        first_map(figure), traced(folder).weights["encoder"][1, 3], rtol=1e-5, atol=1e-6
    )
