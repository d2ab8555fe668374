"""What Positions shows is the model's own table, and what the model does under another one."""

import html
import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from explorer.app_pages.positions.fields import PositionsFields
from explorer.figures.axes import signed
from explorer.figures.head import piece_labels
from tests.checkpoints import SENTENCE, write_checkpoint
from tests.explorer.apart import held, loaded, traced
from tests.explorer.pages import Shelf, charts, shelf
from tests.explorer.readings import (
    Numbers,
    assert_shown,
    first_map,
    lines_in_words,
    markup,
    numbers,
    said,
)

__all__ = ["shelf"]

MODELS = {"paper": {}, "halves": {"positions": "sinusoidal_halves"},
          "learned": {"positions": "learned"}}  # fmt: skip


def n_drawn(root: Path, model: str) -> int:
    """So many positions are drawn of a short sentence."""
    return max(32, 2 * len(source(root, model)))


@pytest.fixture(scope="module", autouse=True)
def root(shelf: Shelf) -> Path:
    for name, shape in MODELS.items():
        write_checkpoint(shelf.root / name, **shape)
    return shelf.root


def opened(shelf: Shelf, model: str = "paper", **more: str) -> AppTest:
    return shelf("positions", text=SENTENCE, model=model, **more)


def table(root: Path, model: str) -> Numbers:
    """The vectors that this model adds, all of them."""
    of = loaded(root / model).checkpoint.model
    with torch.inference_mode():
        rows = of.embedding.positions_for(torch.arange(of.config.max_positions))
    return rows.double().numpy()  # type: ignore[no-any-return]


def source(root: Path, model: str) -> list[str]:
    return piece_labels(piece.name for piece in traced(root / model).source.pieces)


def test_the_table_of_the_paper_is_sines_and_cosines(root: Path) -> None:
    """So that what is compared below is the paper's formula, and pairs stand side by side."""
    angles = np.arange(1024)[:, None] / 10_000 ** (np.arange(0, 24, 2) / 24)
    expected = np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(1024, 24)
    np.testing.assert_allclose(table(root, "paper"), expected, atol=1e-4)


@pytest.mark.parametrize("model", MODELS)
def test_a_curve_is_the_dimension_of_its_name(shelf: Shelf, root: Path, model: str) -> None:
    page = opened(shelf, model, picture="curves", dimensions="4.7.21")
    chart = charts(page)[0]
    n = n_drawn(root, model)
    rows = table(root, model)[:n]
    for drawn, dimension in zip(chart["data"], (4, 7, 21), strict=True):
        assert_shown(numbers(drawn["y"]), rows[:, dimension])
        assert list(numbers(drawn["x"])) == list(range(n))
        assert drawn["name"].split(":")[0] == str(dimension)
        if model != "learned":
            pair = dimension // 2 if model == "paper" else dimension % 12
            is_sine = dimension % 2 == 0 if model == "paper" else dimension < 12
            wave = 2 * math.pi * 10_000 ** (2 * pair / 24)
            kind = "sin" if is_sine else "cos"
            digits = 1 if wave < 100 else 0
            assert drawn["name"] == f"{dimension}: {kind}, repeats after {wave:,.{digits}f}"
    hover = [html.unescape(text) for text in chart["data"][0]["text"]]
    assert hover[: len(source(root, model))] == [
        f"{p} {word}" for p, word in enumerate(source(root, model))
    ]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("extent", ["many", "sentence"])
def test_the_whole_table_is_the_models(shelf: Shelf, root: Path, model: str, extent: str) -> None:
    page = opened(shelf, model, picture="table", extent=extent)
    chart = charts(page)[0]
    words = source(root, model)
    n = n_drawn(root, model) if extent == "many" else len(words)
    assert_shown(first_map(chart), table(root, model)[:n])
    assert chart["data"][0]["zmax"] == -chart["data"][0]["zmin"] > 0
    (_, lowest), *_, (_, highest) = chart["data"][0]["colorscale"]
    assert (lowest, highest) == ("rgb(103,0,31)", "rgb(5,48,97)")  # red below zero, blue above
    if extent == "sentence":
        ticks = [html.unescape(text) for text in chart["layout"]["yaxis"]["ticktext"]]
        assert ticks == [f"{p} {word}" for p, word in enumerate(words)]
    else:
        frame = chart["layout"]["shapes"][0]
        assert (frame["y0"], frame["y1"]) == (-0.5, len(words) - 0.5)
    assert f"the {'learned' if model == 'learned' else 'fixed'} vector" in said(page)


@pytest.mark.parametrize("model", MODELS)
def test_dot_products_are_those_of_the_rows(shelf: Shelf, root: Path, model: str) -> None:
    page = opened(shelf, model, picture="distance")
    products, by_distance = charts(page)[:2]
    n = n_drawn(root, model)
    rows = table(root, model)[:n]
    expected = rows @ rows.T
    np.testing.assert_allclose(first_map(products), expected, rtol=1e-4, atol=1e-4)
    diagonals = [np.diagonal(expected, k) for k in range(n)]
    lowest, highest, mean = by_distance["data"]
    for drawn, of in ((lowest, np.min), (highest, np.max), (mean, np.mean)):
        np.testing.assert_allclose(
            numbers(drawn["y"]), [of(d) for d in diagonals], rtol=1e-4, atol=1e-4
        )
    assert (highest["name"], mean["name"]) == ("lowest to highest over p", "mean over p")
    if model == "learned":
        spread = max(float(d.max() - d.min()) for d in diagonals)
        assert f"differs by at most {spread:.2g} here" in said(page)


@pytest.mark.parametrize("model", ["paper", "halves"])
def test_one_matrix_leads_from_every_position_to_the_one_k_later(
    shelf: Shelf, root: Path, model: str
) -> None:
    page = opened(shelf, model, picture="shift", position="2", k="4")
    matrix, row = charts(page)[:2]
    moved = first_map(matrix)
    rows = table(root, model)
    np.testing.assert_allclose(rows[:-4] @ moved.T, rows[4:], atol=2e-4)
    before, after, made = (numbers(drawn["y"]) for drawn in row["data"])
    assert_shown(before, rows[2])
    assert_shown(after, rows[6])
    np.testing.assert_allclose(made, rows[6], atol=2e-4)
    words = source(root, model)
    assert f"**From p = 2 (“{words[2]}”) to 6 (“{words[6]}”)**" in said(page)
    assert "**The matrix M for k = 4, the same for every p**" in said(page)
    error = re.search(r"It does, to (\S+): that is the largest", said(page))
    assert error
    assert float(error[1]) == pytest.approx(np.abs(rows[:-4] @ moved.T - rows[4:]).max(), rel=0.5)


def test_a_learned_table_stands_beside_the_sinusoids(shelf: Shelf, root: Path) -> None:
    chart = charts(opened(shelf, "learned", picture="learned"))[0]
    n = n_drawn(root, "learned")
    learned, sinusoids = table(root, "learned")[:n], table(root, "paper")[:n]
    for drawn, expected in zip(
        chart["data"],
        (learned, cosines(learned), sinusoids, cosines(sinusoids)),
        strict=True,
    ):
        np.testing.assert_allclose(numbers(drawn["z"]), expected, atol=1e-4)
    titles = [note["text"] for note in chart["layout"]["annotations"]]
    assert titles == ["learned", "sinusoids", "learned: cosines", "sinusoids: cosines"]


def cosines(rows: Numbers) -> Numbers:
    lengths = np.linalg.norm(rows, axis=1)
    return rows @ rows.T / lengths[:, None] / lengths  # type: ignore[no-any-return]


EXPERIMENTS = {
    "off": ({"positions": "off"}, "pos=off", "no positions"),
    "shift": (
        {"positions": "shift", "k": "3", "stacks": "encoder"}, "enc.pos=shift:3",
        "positions shifted by 3 in the encoder",
    ),
    "scale": (
        {"positions": "scale", "scale": "0.5", "stacks": "decoder"}, "dec.pos=scale:0.5",
        "positions scaled by 0.5 in the decoder",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("chosen", "ablation", "name"), EXPERIMENTS.values(), ids=EXPERIMENTS)
def test_both_translations_are_those_of_the_experiment(
    shelf: Shelf, root: Path, chosen: dict[str, str], ablation: str, name: str
) -> None:
    page = opened(shelf, **chosen)
    folder = root / "paper"
    before, after, forced = traced(folder), traced(folder, ablation), held(folder, ablation)
    shown = [" ".join(words).replace("[", "").replace("]", "") for words in lines_in_words(page)]
    assert shown == [" ".join(trace.target.text.split()) for trace in (before, after)]
    assert shown[0] != shown[1]
    assert f"With {name}: " in said(page)
    assert (
        f"total log-probability {signed(forced.best.log_probability_nats, 2)} (before: "
        f"{signed(before.best.log_probability_nats, 2)})" in said(page)
    )


def strip(body: str) -> list[tuple[str, str]]:
    """Of a strip: each word, and the position below it."""
    items = re.findall(r"<li[^>]*><span[^>]*>(.*?)</span><span[^>]*>(.*?)</span></li>", body)
    return [(html.unescape(word), re.sub("<[^>]*>", "", place)) for word, place in items]


def strips(page: AppTest) -> dict[str, list[tuple[str, str]]]:
    bodies = [body for body in markup(page) if "<ol" in body]
    return {re.findall('aria-label="(.*?)"', body)[0]: strip(body) for body in bodies}


@pytest.mark.parametrize(("chosen", "ablation", "name"), EXPERIMENTS.values(), ids=EXPERIMENTS)
def test_strips_say_where_each_word_is_moved_to(
    shelf: Shelf, root: Path, chosen: dict[str, str], ablation: str, name: str
) -> None:
    found = strips(opened(shelf, **chosen))
    trace = traced(root / "paper")
    words = {
        "encoder": source(root, "paper"),
        "decoder": piece_labels(piece.name for piece in trace.consumed),
    }
    stacks = [chosen["stacks"]] if "stacks" in chosen else ["encoder", "decoder"]
    assert list(found) == [f"Positions in the {stack}" for stack in stacks]
    for stack in stacks:
        drawn = found[f"Positions in the {stack}"]
        shown = words[stack][:60]
        assert [word for word, _ in drawn] == shown
        for p, (_, place) in enumerate(drawn):
            there = {"off": "none", "shift": p + 3, "scale": p // 2}[chosen["positions"]]
            assert place == (str(p) if there == p else f"{p} → {there}")


def test_what_is_not_said_in_the_link_is_the_usual_experiment(shelf: Shelf, root: Path) -> None:
    """k and s of the link are used where their change is, and no other."""
    assert PositionsFields().positions == "off"
    page = opened(shelf, k="3", scale="0.25")
    shown = [" ".join(w).replace("[", "").replace("]", "") for w in lines_in_words(page)]
    assert shown[1] == " ".join(traced(root / "paper", "pos=off").target.text.split())
