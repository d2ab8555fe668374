"""What each component draws, read back from the browser, beside the numbers of the trace itself.

Every number that is compared is worked out here, from the trace, and not by what made the payload.
"""

import dataclasses
import itertools
import math
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, Locator, expect
from plotly.colors import sample_colorscale

from core.analysis.head_place import HeadPlace
from core.analysis.heads.best import BestHead
from core.analysis.trace.trace import Trace
from core.config import ModelConfig
from explorer.app_pages.translate.tokens import source_tokens, step_tokens
from explorer.components.anatomy import component as anatomy
from explorer.components.anatomy.blocks import anatomy as blocks_of
from explorer.components.anatomy.component import NextPiece, Sentence
from explorer.components.beam import component as beam
from explorer.components.lines import component as lines
from explorer.components.overview import component as overview
from explorer.components.player import component as player
from explorer.components.stepper import component as stepper
from explorer.components.toggles import component as toggles
from explorer.figures.colours import ATTENTION_RGB, OKABE_ITO
from tests.core.helpers import random_weights
from tests.e2e.board import Board, pixels
from tests.e2e.conftest import ROOT, box_of
from tests.explorer.figure_sentences import sentence_for, vectors_for, view_of

pytestmark = pytest.mark.e2e

TRACE = Trace.load(ROOT / "checkpoints/en-de/example.npz")
SOURCE = [piece.name.removeprefix("▁") for piece in TRACE.source.pieces]
TARGET = [piece.name.removeprefix("▁") for piece in TRACE.target.pieces]
CROSS = TRACE.weights["cross"]
BEST = BestHead(HeadPlace("cross", 0, 5), "consumed", "best-aligned", "")


@pytest.fixture(scope="module")
def board(browser: Browser) -> Iterator[Board]:
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    yield Board(page)
    context.close()
    assert not faults


def test_the_numbers_here_tell_rows_columns_and_heads_apart() -> None:
    """Or else the comparisons below could not fail."""
    assert len(SOURCE) != len(TARGET)
    assert CROSS.shape[0] != CROSS.shape[1]
    heads = CROSS.reshape(-1, *CROSS.shape[2:])
    assert all(
        np.abs(one - other).max() > 0.2 for i, one in enumerate(heads) for other in heads[:i]
    )


def percent(share: float) -> str:
    return "< 1 %" if 0 < 100 * share < 1 else f"{math.floor(100 * share + 0.5)} %"


def rgb(colour: str) -> list[int]:
    if colour.startswith("#"):
        return list(bytes.fromhex(colour[1:]))
    return [int(float(number)) for number in re.findall(r"[\d.]+", colour)]


def viridis(weights: NDArray[np.floating]) -> NDArray[np.int64]:
    """The colours of weights on a square-root ramp: .. -> .. 3."""
    colours = sample_colorscale("Viridis", np.sqrt(weights).clip(0, 1).ravel().tolist())
    return np.array([rgb(colour) for colour in colours]).reshape(*weights.shape, 3)


# All heads at once


@pytest.fixture
def tiles(board: Board) -> Locator:
    values = np.linspace(-3, 1.65, 32).reshape(4, 8)
    tint = overview.Tint("Change", values, limit=3.0)
    data = overview.payload(CROSS, HeadPlace("cross", 2, 4), tint=tint)
    return board.draw("overview", overview.SCRIPT, overview.STYLE, data).locator(".tile")


def test_every_tile_is_the_head_that_it_names(tiles: Locator) -> None:
    names = tiles.evaluate_all("tiles => tiles.map(tile => tile.name)")
    assert names == [f"Layer {n}, head {h}" for n in range(1, 5) for h in range(1, 9)]
    for index, drawn in enumerate(CROSS.reshape(32, 13, 11)):
        found = pixels(tiles.nth(index).locator("canvas"))
        assert np.abs(found[..., :3].astype(int) - viridis(drawn)).max() <= 4, names[index]
        assert (found[..., 3] == 255).all()


def test_a_tint_is_that_of_its_tile(tiles: Locator) -> None:
    values = np.linspace(-3, 1.65, 32)
    for index in (0, 9, 22, 31):
        written = f"{values[index]:.2f}".replace("-", "−").replace("−0.00", "0.00")
        expect(tiles.nth(index)).to_have_attribute("title", re.compile(rf"Change {written}$"))
        share = np.sign(values[index]) * math.sqrt(abs(values[index]) / 3)
        colour = rgb(sample_colorscale("RdBu", [(share + 1) / 2])[0])
        tile = tiles.nth(index)
        drawn = rgb(tile.evaluate("it => getComputedStyle(it).backgroundColor"))
        assert np.abs(np.subtract(drawn, colour)).max() <= 1
        expect(tile.locator(".number")).to_have_text(written)


def test_the_tile_that_is_clicked_is_reported_and_the_one_pointed_at_enlarged(
    board: Board, tiles: Locator
) -> None:
    pressed = "tiles => tiles.findIndex(tile => tile.getAttribute('aria-pressed') === 'true')"
    assert tiles.evaluate_all(pressed) == 2 * 8 + 4
    for layer, head in ((2, 3), (4, 7)):
        tiles.nth(8 * (layer - 1) + head - 1).click()
        assert board.reported() == [["chosen", [layer, head]]]
        assert tiles.evaluate_all(pressed) == 8 * (layer - 1) + head - 1
    tiles.nth(11).hover()
    large = pixels(board.page.locator(".preview canvas"))
    assert np.abs(large[..., :3].astype(int) - viridis(CROSS[1, 3])).max() <= 4
    expect(board.page.locator(".preview figcaption")).to_contain_text("Layer 2, head 4:")


# A translation step by step


def stepper_drawn(board: Board, name: str, place: HeadPlace, step: int) -> Locator:
    data = stepper.payload(
        source_tokens(TRACE), step_tokens(TRACE, BEST), TRACE.weights, start="<s>", run=name,
        place=place, step=step, late=BEST.place,
    )  # fmt: skip
    return board.draw(name, stepper.SCRIPT, stepper.STYLE, data)


@pytest.mark.parametrize(("layer", "head"), [(1, 6), (3, 2)])
def test_a_step_shows_its_own_row_of_the_head_that_is_chosen(
    board: Board, layer: int, head: int
) -> None:
    name = f"stepper{layer}{head}"
    for step in (2, 7):
        drawn = stepper_drawn(board, name, HeadPlace("cross", 0, 0), 1)
        drawn.get_by_role("button", name=re.compile(f"^Step {step}: ")).click()
        drawn.get_by_role("combobox", name="Layer").select_option(str(layer))
        drawn.get_by_role("combobox", name="Head").select_option(str(head))
        read = ["<s>", *TARGET[: step - 1]]
        read = read if len(read) <= 6 else [*read[:2], "…", *read[-3:]]
        expect(drawn.get_by_role("status")).to_have_text(
            f"Step {step} of 13: the decoder reads {' '.join(read)} and writes {TARGET[step - 1]} "
            f"({percent(math.exp(TRACE.steps[step - 1].log_probability_nats))})"
        )
        for kind, looked_at in (("decoder", ["<s>", *TARGET[: step - 1]]), ("cross", SOURCE)):
            row = TRACE.weights[kind][layer - 1, head - 1, step - 1, : len(looked_at)]
            cells = drawn.locator(f".block.{kind} .cell")
            assert cells.locator(".text").all_inner_texts() == looked_at
            title = drawn.locator(f".block.{kind} h3").text_content()
            assert title.endswith(f"attention, layer {layer}, head {head})")
            shares = cells.evaluate_all(
                "cells => cells.map(it => it.style.getPropertyValue('--share'))"
            )
            np.testing.assert_allclose(np.array(shares, float), np.sqrt(row), atol=0.003)
            written = cells.locator(".share").all_inner_texts()
            assert written == [percent(float(weight)) for weight in row]
        matrix = pixels(drawn.locator("canvas.matrix"))
        expected = TRACE.weights["encoder"][layer - 1, head - 1]
        np.testing.assert_allclose(matrix[..., 3], 255 * np.sqrt(expected), atol=1)
        at = np.unravel_index(expected.argmax(), expected.shape)
        np.testing.assert_allclose(matrix[at][:3], ATTENTION_RGB, atol=2)
        assert board.reported(5_000)[-1] == [
            "view", {"layer": layer, "head": head, "step": step, "run": name}
        ]  # fmt: skip


def test_candidates_are_those_of_their_step_and_report_themselves(board: Board) -> None:
    drawn = stepper_drawn(board, "candidates", HeadPlace("cross", 0, 5), 4)
    columns = drawn.locator(".column")
    for step in (1, 5, 12):
        column, traced = columns.nth(step - 1), TRACE.steps[step - 1]
        of_chip = column.locator(".target .bar").evaluate(
            "it => Number(it.style.getPropertyValue('--share'))"
        )
        assert of_chip == pytest.approx(math.exp(traced.log_probability_nats), abs=1e-6)
        offers = column.locator(".candidate")
        assert offers.locator(".text").all_inner_texts() == [
            TRACE.names[candidate.token].removeprefix("▁") for candidate in traced.candidates
        ]
        assert offers.locator(".share").all_inner_texts() == [
            percent(math.exp(candidate.log_probability_nats)) for candidate in traced.candidates
        ]
        taken = [candidate.token == traced.token for candidate in traced.candidates]
        for index in (taken.index(True), taken.index(False)):
            offers.nth(index).click()
        offered = traced.candidates[taken.index(False)].token
        assert board.reported() == [["taken", {"step": step, "id": offered, "run": "candidates"}]]
    drawn.get_by_label("Another word").fill(" Dame ")
    drawn.get_by_role("button", name="Continue with this word", exact=True).click()
    assert board.reported() == [["typed", {"step": 4, "text": "Dame", "run": "candidates"}]]


def test_ribbons_join_a_word_with_the_source_that_its_own_row_looks_at(board: Board) -> None:
    """The best head is late: the row of a word is that of the step that consumes it."""
    drawn = stepper_drawn(board, "ribbons", HeadPlace("cross", 0, 5), 4)
    ribbons = drawn.locator(".ribbons path").evaluate_all(
        "paths => paths.map(it => [Number(it.dataset.target), Number(it.dataset.source), "
        "parseFloat(it.style.strokeWidth), it.getAttribute('d').match(/[\\d.]+/g).map(Number)])"
    )
    middles = {
        side: drawn.locator(chips).evaluate_all(
            "chips => chips.map(it => { const box = it.getBoundingClientRect();"
            "const from = it.closest('.stage').querySelector('.ribbons').getBoundingClientRect();"
            "return box.left + box.width / 2 - from.left; })"
        )
        for side, chips in (("source", ".token.source"), ("target", ".column"))
    }
    for target, source, width, points in ribbons:
        assert width == pytest.approx(1 + 7 * CROSS[0, 5, target + 1, source], abs=1e-3)
        assert points[0] == pytest.approx(middles["source"][source], abs=1)
        assert points[-2] == pytest.approx(middles["target"][target], abs=1)
    for target in range(12):
        linked = {source for of, source, *_ in ribbons if of == target}
        assert int(CROSS[0, 5, target + 1, :-1].argmax()) in linked, TARGET[target]
    drawn.locator(".token.target").nth(9).hover()
    linked = {source for of, source, *_ in ribbons if of == 9}
    chips = "chips => chips.flatMap((it, i) => it.classList.contains('linked') ? [i] : [])"
    assert set(drawn.locator(".token.source").evaluate_all(chips)) == linked
    assert drawn.locator(".token.target").evaluate_all(chips) == [9]


# The tree of hypotheses


def test_every_node_of_the_tree_is_at_its_place_with_its_numbers(board: Board) -> None:
    tree = TRACE.found.tree
    data = beam.beam_payload(TRACE.found, TRACE.names, chosen=7)
    drawn = board.draw("beam", beam.SCRIPT, beam.STYLE, data)
    nodes = drawn.locator(".node")
    boxes = nodes.evaluate_all(
        "nodes => nodes.map(it => [...it.querySelectorAll('rect')].map(rect => "
        "['x', 'y', 'width', 'height'].map(name => Number(rect.getAttribute(name)))))"
    )
    named = nodes.evaluate_all("nodes => nodes.map(it => it.getAttribute('aria-label'))")
    assert len(boxes) == len(tree)
    best = {49}
    while (first := min(best)) > 0:
        best.add(tree[first].parent)
    for node, ((x, _, width, _), filled), name in zip(tree, boxes, named, strict=True):
        assert x == 12 + 118 * node.depth
        probability = math.exp(node.log_probability_nats)
        assert filled[2] == pytest.approx(width * probability, abs=1e-3)
        text, step, *said = name.split(", ")
        if text:  # a comma is a piece of its own
            assert text == TRACE.names[node.token].removeprefix("▁")
            assert step == f"step {node.depth}"
        assert f"nats ({100 * probability:.1f} %)" in name
        assert f"total {node.total_nats:.2f} nats".replace("-", "−") in said
        assert f"score {node.score:.2f}".replace("-", "−") in said
    is_winner = nodes.evaluate_all("nodes => nodes.map(it => it.classList.contains('winner'))")
    assert {index for index, wins in enumerate(is_winner) if wins} == best
    assert nodes.evaluate_all(
        "nodes => nodes.flatMap((it, i) => it.classList.contains('chosen') ? [i] : [])"
    ) == [7]
    assert [
        str(nodes.nth(end).locator(".score").text_content())[:2] for end in TRACE.found.ends
    ] == ["#1", "#2"]
    right_middles = {
        (x + width, y + height / 2): index for index, ((x, y, width, height), _) in enumerate(boxes)
    }
    left_middles = {
        (x, y + height / 2): index for index, ((x, y, _, height), _) in enumerate(boxes)
    }
    edges = drawn.locator(".edge").evaluate_all(
        "edges => edges.map(it => it.getAttribute('d').match(/[\\d.]+/g).map(Number))"
    )
    joined = {left_middles[tuple(d[-2:])]: right_middles[tuple(d[:2])] for d in edges}
    assert joined == {index: node.parent for index, node in enumerate(tree) if index}


def test_the_node_that_is_clicked_is_reported_and_described(board: Board) -> None:
    data = beam.beam_payload(TRACE.found, TRACE.names)
    drawn = board.draw("opened", beam.SCRIPT, beam.STYLE, data)
    for index in (3, 20, 49):
        drawn.locator(".node").nth(index).click()
        assert board.reported() == [["opened", index]]
        card = drawn.locator(".card")
        expect(card.locator("b")).to_have_text(
            TRACE.names[TRACE.found.tree[index].token].removeprefix("▁")
        )
        total = f"{TRACE.found.tree[index].total_nats:.2f}".replace("-", "−")
        expect(card).to_contain_text(f"total {total} nats")


# The model


CONFIG = ModelConfig(
    vocabulary_size=1_009, n_encoder_layers=2, n_decoder_layers=3, d_model=96, d_ff=301,
    n_heads=6, d_k=13, d_v=17,
)  # fmt: skip
PAGE_PATHS = {"Heads": "heads", "Positions": "positions", "Inside attention": "inside"}
FIGURE = dataclasses.replace(
    sentence_for(CONFIG, n_source=7, n_steps=5), vectors=vectors_for(CONFIG, 7, 5)
)


FIGURE_NAMES = (f"figure{number}" for number in itertools.count())


def drawn_model(
    board: Board, config: ModelConfig = CONFIG, sentence: Sentence = FIGURE, **view: Any
) -> Locator:
    """The figure anew, with nothing chosen or pointed at before."""
    name = next(FIGURE_NAMES)
    data = anatomy.anatomy_payload(config, sentence, view_of(**view), run=name, pages=PAGE_PATHS)
    return board.draw(name, anatomy.SCRIPT, anatomy.STYLE, data)


def seen_last(board: Board) -> dict[str, Any]:
    """What the figure reports when the reader has been quiet for a moment."""
    board.page.wait_for_timeout(600)
    name, value = board.reported()[-1]
    assert name == "view"
    return dict(value)


def block(drawn: Locator, name: str) -> Locator:
    return drawn.locator(f".block[data-name='{name}']")


def test_every_block_opens_in_place_with_its_own_numbers(board: Board) -> None:
    drawn = drawn_model(board, step=4)
    attention = 6 * 96 * (2 * 13 + 2 * 17)
    feed_forward = 2 * 96 * 301 + 301 + 96
    words = drawn.locator(".panel")
    for name, says, title in (
        ("encoder.embedding.tokens", f"{1_009 * 96:,} parameters", "Input Embedding"),
        ("encoder.layers.self_attention", f"{attention:,} parameters × 2 layers", "Multi-Head"),
        ("decoder.layers.cross_attention", "Q 6 × 4 × 13, K 6 × 7 × 13, V 6 × 7 × 17 → 4 × 96",
         "Multi-Head Attention"),
        ("decoder.layers.self_attention", f"{attention:,} parameters × 3 layers", "Masked"),
        ("decoder.layers.feed_forward", f"{feed_forward:,} parameters × 3 layers", "Feed Forward"),
        ("encoder.layers.feed_forward_norm", "192 parameters × 2 layers = 384", "Add & Norm"),
        ("decoder.layers.self_attention.weights", "weights 6 × 4 × 4 → heads 6 × 4 × 17", "softmax"),
        ("decoder.embedding.positions", "No parameters of its own", "Positional Encoding"),
    ):  # fmt: skip
        block(drawn, name).locator(".shape").first.click(force=True, position={"x": 8, "y": 8})
        expect(words.locator("h3")).to_contain_text(title)
        expect(words).to_contain_text(says)
    assert drawn.locator(".times").all_text_contents() == ["×2", "×3"]
    words.get_by_role("link").click()
    assert board.reported()[-1][1]["name"] == "decoder.embedding.positions"


def test_a_link_names_the_head_of_its_block(board: Board) -> None:
    heads = {"encoder": 2, "decoder": 3, "cross": 5}
    layers = {"encoder": 1, "decoder": 3}
    drawn = drawn_model(board, layers=layers, heads=heads, step=3, row=6)
    for name, query in (
        ("encoder.layers.self_attention", "kind=encoder&layer=1&head=2"),
        ("decoder.layers.cross_attention", "kind=cross&layer=3&head=5"),
    ):
        block(drawn, name).locator(".title").click()
        link = drawn.locator(".panel a")
        assert link.get_attribute("href") == f"heads?{query}&step=3&row=6"
        link.click()
        ((event, opened),) = board.reported()[-1:]
        assert (event, opened["name"]) == ("opened", name)
        assert opened["view"]["kind"] == query.partition("&")[0].removeprefix("kind=")


@pytest.mark.parametrize(("layers", "heads"), [((1, 1), (1, 1, 1)), ((2, 3), (4, 6, 5))])
def test_ribbons_are_the_weights_of_the_head_on_show(
    board: Board, layers: tuple[int, int], heads: tuple[int, int, int]
) -> None:
    step, row = 4, 3
    chosen = dict(zip(("encoder", "decoder", "cross"), heads, strict=True))
    of_sides = dict(zip(("encoder", "decoder"), layers, strict=True))
    drawn = drawn_model(board, layers=of_sides, heads=chosen, step=step, row=row)
    for kind, side, query in (
        ("encoder", "encoder", row - 1), ("decoder", "decoder", step - 1),
        ("cross", "decoder", step - 1),
    ):  # fmt: skip
        weights = FIGURE.weights[kind][of_sides[side] - 1, chosen[kind] - 1]  # type: ignore[index]
        name = f"{side}.layers.{'cross' if kind == 'cross' else 'self'}_attention.weights"
        ribbons = block(drawn, name).locator(".ribbon").evaluate_all(RIBBONS)
        found = {(query, key): (width, state) for query, key, width, state in ribbons}
        expected = {place: weight for place, weight in np.ndenumerate(weights) if weight >= 0.02}
        assert set(found) == set(expected)
        for (of_query, key), weight in expected.items():
            width, state = found[of_query, key]
            assert width == pytest.approx(0.8 + 6 * weight, abs=0.03)
            if of_query == query:
                assert state == "current"
            else:
                is_future = kind != "encoder" and of_query > query
                assert state == ("future" if is_future else "past")
        labels = block(drawn, name).locator(".share").all_text_contents()
        assert labels[0] == percent(float(weights[query].max()))
        bold = (
            block(drawn, name)
            .locator(".key")
            .evaluate_all(
                "keys => keys.flatMap((it, key) => (it.style.fontWeight === '700' ? [key] : []))"
            )
        )
        assert sorted(labels) == sorted(percent(float(weights[query][key])) for key in bold)


RIBBONS = """ribbons => ribbons.map(it => [it.query, it.key, Number(it.getAttribute("stroke-width")),
  it.getAttribute("class").split(" ")[1]])"""


def test_strips_are_the_vectors_of_the_tokens_on_show(board: Board) -> None:
    assert FIGURE.vectors
    for encoder_layer, decoder_layer, step, row in ((1, 3, 2, 7), (2, 1, 5, 1)):
        drawn = drawn_model(board, step=step, row=row,
            layers={"encoder": encoder_layer, "decoder": decoder_layer},
        )  # fmt: skip
        for side, layer, position in (
            ("encoder", encoder_layer, row - 1), ("decoder", decoder_layer, step - 1),
        ):  # fmt: skip
            stack = getattr(FIGURE.vectors, side)
            assert_strip(drawn, f"{side}.embedding.tokens", stack.tokens[position])
            assert_strip(drawn, f"{side}.embedding.positions", stack.positions[position])
            for each in stack.layers[layer - 1].sublayers:
                name = f"{side}.layers.{each.name}"
                assert_strip(drawn, name, each.output[position])
                assert_strip(drawn, f"{name}_norm", each.normed[position], 0)
                assert_strip(drawn, f"{name}_norm", each.residual_sum[position], 1)


def assert_strip(drawn: Locator, name: str, vector: NDArray[np.floating], which: int = 0) -> None:
    """Whether a strip of a block has the colours of the first 32 numbers on a scale to ±2 or 3."""
    colours = block(drawn, name).locator(".strip").nth(which).locator("rect").evaluate_all(
        "cells => cells.map(it => it.style.fill)"
    )  # fmt: skip
    assert len(colours) == 32
    limit = drawn.locator(".legend text").first.text_content()
    most = float(re.findall(r"[\d.]+", str(limit))[0])
    shares = (vector[:32] / most).clip(-1, 1)
    expected = sample_colorscale("RdBu", ((shares + 1) / 2).tolist())
    difference = np.array([rgb(one) for one in colours]) - [rgb(one) for one in expected]
    assert np.abs(difference).max() <= 8, name


def test_the_numbers_of_a_norm_are_its_vectors(board: Board) -> None:
    assert FIGURE.vectors
    drawn = drawn_model(board, step=3, layers={"encoder": 1, "decoder": 2},
                        block="decoder.layers.cross_attention_norm")  # fmt: skip
    each = FIGURE.vectors.decoder.layers[1].sublayers[1]
    cells = drawn.locator(".panel td").all_text_contents()
    x = each.residual_sum[2] - each.output[2]
    for cell, vector in zip(cells, (x, each.output[2], each.residual_sum[2], each.normed[2]),
                            strict=True):  # fmt: skip
        numbers = [float(part.replace("−", "-")) for part in cell.split(", ")[:4]]
        assert numbers == pytest.approx(vector[:4], abs=0.0081)
    mean, deviation = each.residual_sum[2].mean(), each.residual_sum[2].std()
    told = str(drawn.locator(".panel").text_content()).replace("−", "-")
    assert f"mean {mean:.2f} and deviation {deviation:.2f}" in told


@pytest.mark.parametrize("row", [3, None])
def test_the_words_beside_the_figure_are_those_of_the_step(board: Board, row: int | None) -> None:
    drawn = drawn_model(board, step=4, row=row, layers={"encoder": 1, "decoder": 3},
                        heads={"encoder": 1, "decoder": 2, "cross": 5})  # fmt: skip
    told = re.sub("[\u2068\u2069]", "", str(drawn.locator(".panel").text_content()))
    most = int(FIGURE.weights["cross"][2, 4, 3].argmax())
    followed = (
        "“s2”: you chose it; click it again to let go."
        if row
        else f"“s{most}”: this step's cross-attention, layer 3, head 5, gives it the largest weight of all words."
    )
    assert told.startswith(
        "Step 4 of 5The decoder has read “t0 t1 t2 t3” and writes “t4” (75 %)."
        f"In the encoder you see the vectors of {followed}"
        "In the decoder you see those of “t3”, the token that this step reads last."
    )


def first_numbers(written: str) -> list[float]:
    return [float(part.replace("−", "-")) for part in written.split(", ")[:4]]


def test_the_numbers_of_every_block_are_those_of_the_tokens_on_show(board: Board) -> None:
    assert FIGURE.vectors
    scores = tuple((1.5 + step, -2.25 * step) for step in range(5))
    layers, heads = {"encoder": 2, "decoder": 3}, {"encoder": 4, "decoder": 6, "cross": 5}
    drawn = drawn_model(board, sentence=dataclasses.replace(FIGURE, logits=scores), step=4, row=3,
                        layers=layers, heads=heads)  # fmt: skip

    def opened(name: str) -> tuple[dict[str, str], str]:
        """The table of a block, and all that stands beside the figure."""
        block(drawn, name).press("Enter")
        rows = drawn.locator(".panel tr").evaluate_all(CELLS)
        told = str(drawn.locator(".panel").text_content())
        return dict(rows), re.sub("[\u2068\u2069]", "", told)

    for side, position, token in (("encoder", 2, "s2"), ("decoder", 3, "t3")):
        stack, layer = getattr(FIGURE.vectors, side), layers[side]
        numbers, _ = opened(f"{side}.embedding.tokens")
        assert list(numbers) == [f"“{token}”, scaled"]
        scaled = first_numbers(numbers[f"“{token}”, scaled"])
        assert scaled == pytest.approx(stack.tokens[position][:4], abs=0.0081)
        numbers, _ = opened(f"{side}.embedding.positions")
        assert list(numbers) == ["embedding", f"+ position {position}", "= sum"]
        vectors = stack.tokens, stack.positions, stack.embedded
        for written, vector in zip(numbers.values(), vectors, strict=True):
            assert first_numbers(written) == pytest.approx(vector[position][:4], abs=0.0081)
        hidden = stack.layers[layer - 1].hidden[position]
        numbers, told = opened(f"{side}.layers.feed_forward")
        assert f"“{token}” sets {(hidden > 0).sum()} of 301 units above 0" in told
        best = np.argsort(-np.abs(hidden))[:5]
        assert list(numbers) == [f"unit {unit + 1}" for unit in best]
        values = [float(value.replace("−", "-")) for value in numbers.values()]
        assert values == pytest.approx(hidden[best], abs=0.0051)
    for kind, side, query, token in (
        ("encoder", "encoder", 2, "s2"), ("decoder", "decoder", 3, "t3"), ("cross", "decoder", 3, "t3"),
    ):  # fmt: skip
        weights = FIGURE.weights[kind][layers[side] - 1, heads[kind] - 1][query]  # type: ignore[index]
        letter = "t" if kind == "decoder" else "s"
        best = np.argsort(-weights)[:4]
        name = f"{side}.layers.{'cross' if kind == 'cross' else 'self'}_attention"
        for each in (name, f"{name}.weights"):
            numbers, told = opened(each)
            assert numbers == {f"“{letter}{key}”": percent(float(weights[key])) for key in best}
            assert f"“{token}” attends to" in told
    numbers, _ = opened("linear")
    assert numbers == {"“t4”": "4.50", "“<b>”": "−6.75"}
    numbers, told = opened("softmax")
    assert numbers == {"“t4”, taken": "75 %", "“<b>”": "13 %", "all others": "13 %"}
    assert "What may follow “t0 t1 t2 t3”" in told


CELLS = """rows => rows.map(row => [...row.cells].map(it => it.textContent.replace(/[\u2068\u2069]/g, "")))"""


def test_the_distribution_and_the_tokens_are_those_of_the_step(board: Board) -> None:
    steps = tuple(
        dataclasses.replace(step, next_pieces=(
            NextPiece(f"a{i}", 0.5 + i / 20, is_taken=False), NextPiece(f"b{i}", 0.1, is_taken=True),
        ))
        for i, step in enumerate(FIGURE.steps)
    )  # fmt: skip
    drawn = drawn_model(board, sentence=dataclasses.replace(FIGURE, steps=steps), step=2)
    for step in (2, 3, 5):
        while drawn.locator(".slider").input_value() != str(step):
            drawn.get_by_role("button", name="Step forward").click()
        texts = drawn.locator(".distribution text").all_text_contents()
        share = percent(0.5 + (step - 1) / 20)
        assert texts == ["Output probabilities", f"a{step - 1}", share, f"b{step - 1}", "10 %"]
        read = drawn.locator(".tokens.target .token:not(.future)").all_text_contents()
        assert read == [f"t{i}" for i in range(step)]
        expect(drawn.locator(".tokens.target .chosen")).to_have_text(f"t{step - 1}")
    assert drawn.locator(".tokens.source .token").all_text_contents() == [f"s{i}" for i in range(7)]


def test_without_a_choice_the_source_piece_is_the_one_the_step_attends_to_most(
    board: Board,
) -> None:
    weights = FIGURE.weights["cross"][0, 0]
    drawn = drawn_model(board, step=1)
    seen = set()
    for step in range(1, 6):
        best = int(weights[step - 1].argmax())
        expect(drawn.locator(".tokens.source .chosen")).to_have_text(f"s{best}")
        seen.add(best)
        drawn.get_by_role("button", name="Step forward").click()
    assert len(seen) > 1
    drawn.locator(".tokens.source .token").nth(4).click()
    assert seen_last(board)["row"] == 5
    drawn.get_by_role("button", name="Step back").click()
    expect(drawn.locator(".tokens.source .chosen")).to_have_text("s4")


def test_a_token_that_is_pointed_at_shows_its_way_and_the_page_hears_of_it(board: Board) -> None:
    drawn = drawn_model(board, step=4, row=1)
    board.page.evaluate(
        "addEventListener('explorer:point', (event) => { window.heard = event.detail; })"
    )
    drawn.locator(".tokens.source .token").nth(5).hover()
    assert board.page.evaluate("window.heard") == {"source": [5], "target": []}
    assert FIGURE.vectors
    assert_strip(drawn, "encoder.embedding.tokens", FIGURE.vectors.encoder.tokens[5])
    name = "decoder.layers.cross_attention.weights"
    lit = block(drawn, name).locator(".ribbon.lit").evaluate_all("r => r.map(it => it.key)")
    assert lit
    assert set(lit) == {5}
    drawn.locator(".now").hover()
    assert_strip(drawn, "encoder.embedding.tokens", FIGURE.vectors.encoder.tokens[0])
    board.page.evaluate(
        "dispatchEvent(new CustomEvent('explorer:point', { detail: { source: [2], target: [1] } }))"
    )
    assert_strip(drawn, "encoder.embedding.tokens", FIGURE.vectors.encoder.tokens[2])
    assert_strip(drawn, "decoder.embedding.tokens", FIGURE.vectors.decoder.tokens[1])


def test_a_token_that_was_pressed_does_not_stay_pointed_at(board: Board) -> None:
    """The figure plays on from there, although no event ends the pointing of a finger."""
    drawn = drawn_model(board, step=4)
    drawn.get_by_role("button", name="Play").click()
    drawn.locator(".tokens.target .token").nth(0).click()
    expect(drawn.locator(".tokens.target .chosen")).to_have_text("t0")
    expect(drawn.locator(".tokens.target .chosen")).to_have_text("t2")
    expect(drawn.locator(".token.lit")).to_have_count(0)
    drawn.get_by_role("button", name="Pause").click()


def test_a_layer_and_a_head_that_are_chosen_are_reported_and_drawn(board: Board) -> None:
    drawn = drawn_model(board, step=4)
    drawn.get_by_role("radio", name="Decoder layer 3").click()
    drawn.get_by_role("radio", name="Head of cross-attention 5").focus()
    board.page.keyboard.press("ArrowRight")
    expect(drawn.get_by_role("radio", name="Head of cross-attention 2")).to_be_focused()
    seen = seen_last(board)
    assert seen["layers"] == {"encoder": 1, "decoder": 3}
    assert seen["heads"] == {"encoder": 1, "decoder": 1, "cross": 2}
    assert seen["kind"] == "cross"
    assert FIGURE.vectors
    sublayer = FIGURE.vectors.decoder.layers[2].sublayers[0]
    assert_strip(drawn, "decoder.layers.self_attention", sublayer.output[3])
    weights = FIGURE.weights["cross"][2, 1]
    ribbons = block(drawn, "decoder.layers.cross_attention.weights").locator(".ribbon")
    drawn.get_by_role("radio", name="Head of encoder self-attention 6").click()
    seen = seen_last(board)
    assert (seen["kind"], seen["heads"]["encoder"]) == ("encoder", 6)
    assert ribbons.count() == ((np.rint(255 * np.sqrt(weights)) / 255) ** 2 >= 0.02).sum()


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"n_encoder_layers": 1, "n_decoder_layers": 24, "n_heads": 32},
        {"n_encoder_layers": 13, "n_decoder_layers": 1, "n_heads": 1},
        {"positions": "none"},
        {"positions": "learned", "output_bias": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("width", [1280, 700, 388])
def test_any_shape_is_drawn_within_its_edges_in_the_order_of_the_paper(
    board: Board, changes: dict[str, Any], width: int
) -> None:
    config = ModelConfig(vocabulary_size=100, d_model=24, d_ff=30, **changes)
    sentence = dataclasses.replace(
        sentence_for(config, n_source=31, n_steps=25), vectors=vectors_for(config, 31, 25)
    )
    board.page.set_viewport_size({"width": width, "height": 900})
    drawn = drawn_model(board, config, sentence, step=20)
    board.page.set_viewport_size({"width": width, "height": 900})
    assert drawn.locator(".figure > svg").evaluate(OUTSIDE) == []
    assert min(drawn.locator(".figure > svg").evaluate(TEXT_SIZES)) >= 10
    places = drawn.locator(".block").evaluate_all(
        "blocks => Object.fromEntries(blocks.map(it => { const box = it.getBoundingClientRect();"
        "return [it.block.name, [box.left + box.width / 2, box.top + box.height / 2]]; }))"
    )
    for side in ("encoder", "decoder"):
        own = [f"{side}.embedding.tokens"]
        own += [f"{side}.embedding.positions"] * (config.positions != "none")
        names = ["self_attention", "cross_attention", "feed_forward"][:: 2 - (side == "decoder")]
        own += [f"{side}.layers.{name}{end}" for name in names for end in ("", "_norm")]
        own += ["linear", "softmax"] * (side == "decoder")
        heights = [places[name][1] for name in own]
        assert heights == sorted(heights, reverse=True), side
    assert len(places) == sum(1 for _ in blocks_of(config))
    one, other = places["encoder.layers.self_attention"], places["decoder.layers.self_attention"]
    if width == 388:
        assert one[1] > other[1]
    else:
        assert one[0] < other[0]
    board.page.set_viewport_size({"width": 1280, "height": 1000})


OUTSIDE = """svg => {
  const edge = svg.getBoundingClientRect();
  return [...svg.querySelectorAll("text, rect, circle, path")].map((it) => [it, it.getBoundingClientRect()])
    .filter(([it, box]) => box.width && getComputedStyle(it).opacity !== "0" &&
      (box.left < edge.left - 1 || box.right > edge.right + 1 || box.top < edge.top - 1 || box.bottom > edge.bottom + 1))
    .map(([it]) => it.outerHTML.slice(0, 120));
}"""
TEXT_SIZES = """svg => [...svg.querySelectorAll("text")].filter((it) => it.textContent)
  .map((it) => parseFloat(getComputedStyle(it).fontSize))"""


# Lines between two columns


@pytest.mark.parametrize("n_heads", [1, 2])
def test_lines_of_a_token_have_the_strength_of_its_weights(board: Board, n_heads: int) -> None:
    heads = [5, 2][:n_heads]
    shown = CROSS[0, heads]
    data = lines.lines_payload(
        shown, rows=TARGET, columns=SOURCE, row_title="step", column_title="source",
        heads=[f"Head {head + 1}" for head in heads],
    )  # fmt: skip
    drawn = board.draw(f"lines{n_heads}", lines.SCRIPT, lines.STYLE, data)
    colours = [ATTENTION_RGB] if n_heads == 1 else [rgb(OKABE_ITO[0]), rgb(OKABE_ITO[1])]
    for side, place, rows in (
        ("left", 2, shown[:, 2]), ("left", 9, shown[:, 9]), ("right", 4, shown[:, :, 4]),
    ):  # fmt: skip
        token = drawn.locator(f".{side} .token").nth(place)
        token.click()
        canvas = pixels(drawn.locator("canvas"))
        end = canvas.shape[1] - 2 if side == "left" else 1
        for head, (of_head, colour) in enumerate(zip(rows, colours, strict=True)):
            shift = (head - (n_heads - 1) / 2) * 3
            for other, weight in enumerate(of_head):
                at = 24 * other + 12 + shift
                line = canvas[math.floor(at) - 1 : math.floor(at) + 2, end]
                alpha = int(line[:, 3].max())
                expected = 255 * round(24 * math.sqrt(weight)) / 24 if weight >= 0.001 else 0
                assert abs(alpha - expected) <= 14, (side, place, head, other)
                if alpha > 100:
                    np.testing.assert_allclose(line[line[:, 3].argmax(), :3], colour, atol=6)
        others = SOURCE if side == "left" else TARGET
        shares = drawn.locator(f".{'right' if side == 'left' else 'left'} .token .shares")
        for other, written in enumerate(shares.all()):
            weights = sorted((float(w) for w in rows[:, other] if w >= 0.01), reverse=True)
            expected_texts = [f"{math.floor(100 * w + 0.5)} %" for w in weights]
            assert written.locator(".share").all_inner_texts() == expected_texts, others[other]
        strongest = others[int(rows[0].argmax())]
        mine = (TARGET if side == "left" else SOURCE)[place]
        verb = "looks at" if side == "left" else "is looked at by"
        first = f"{verb} {'Head 6: ' if n_heads > 1 else ''}{strongest} "
        expect(drawn.locator(".status")).to_contain_text(f"“{mine}” {first}")
        token.click()


def test_a_head_that_is_hidden_has_no_lines_and_the_others_keep_theirs(board: Board) -> None:
    data = lines.lines_payload(
        CROSS[0, [5, 2]], rows=TARGET, columns=SOURCE, row_title="step", column_title="source",
        heads=["Head 6", "Head 3"],
    )  # fmt: skip
    drawn = board.draw("hidden", lines.SCRIPT, lines.STYLE, data)
    for hidden, kept in ((0, 1), (1, 0)):
        button = drawn.locator(".heads .head").nth(hidden)
        button.click()
        canvas = pixels(drawn.locator("canvas"))
        seen = canvas[canvas[..., 3] > 200][:, :3]
        assert len(seen)
        assert np.abs(seen.astype(int) - rgb(OKABE_ITO[kept])).max() <= 6
        button.click()


# Switches


CONFIG = ModelConfig(
    vocabulary_size=100, n_encoder_layers=2, n_decoder_layers=3, d_model=96, n_heads=3
)
EFFECTS = {
    f"{kind}.L{layer}H{head}": nats
    for kind, n in (("enc", 2), ("dec", 3), ("cross", 3))
    for layer in range(1, n + 1)
    for head, nats in zip((1, 2, 3), (-0.3 * layer, 0.21 * layer, 0.01), strict=True)
}
SWITCH = "button[role=switch]"


def switches(board: Board, name: str, states: dict[str, str]) -> Locator:
    data = toggles.payload(
        CONFIG,
        states,
        effects=toggles.Effects("Change", EFFECTS, "nats"),
        marked=("cross.L2H3", "best-aligned"),
    )
    return board.draw(name, toggles.SCRIPT, toggles.STYLE, data)


def place_of(switch: Locator) -> str:
    return str(switch.evaluate("it => it.cell.place"))


def test_every_switch_shows_the_state_and_the_worth_of_its_own_place(board: Board) -> None:
    states = {"cross.L2H1": "off", "enc.L1H3": "changed", "dec.L3.self": "off"}
    drawn = switches(board, "switches", states)
    kinds = {"Encoder self-attention": "enc", "Decoder self-attention": "dec"}
    most = max(map(abs, EFFECTS.values()))
    n_heads = 0
    for switch in drawn.locator(SWITCH).all():
        place, said = place_of(switch), str(switch.get_attribute("aria-label"))
        state = "off" if place in ("cross.L2H1", "dec.L3.self") else "on"
        state = "inside" if re.match(r"dec\.L3H", place) else state
        is_on = state == "on"
        assert switch.get_attribute("aria-checked") == str(is_on).lower(), place
        head = re.match(r"(.+), layer (\d), head (\d)", said)
        if not head:
            continue
        n_heads += 1
        assert place == f"{kinds.get(head[1], 'cross')}.L{head[2]}H{head[3]}"
        assert ("best-aligned" in said) == (place == "cross.L2H3")
        nats = EFFECTS[place]
        assert f"Without it alone: {nats:.2f} nats".replace("-", "−") in said
        if place == "enc.L1H3":
            expect(switch).to_have_text("≠")
        elif is_on:
            written = f"{nats:.1f}".replace("-", "−") if abs(nats) >= 0.05 else "0"
            expect(switch).to_have_text(written)
            share = np.sign(nats) * math.sqrt(abs(nats) / most)
            colour = sample_colorscale("RdBu", [(share + 1) / 2])[0]
            drawn_colour = switch.evaluate("it => getComputedStyle(it).backgroundColor")
            assert np.abs(np.subtract(rgb(drawn_colour), rgb(colour))).max() <= 1, place
        else:
            expect(switch).to_have_text("✕")
    assert n_heads == len(EFFECTS)
    legend = drawn.locator(".legend .step")
    ends = [
        rgb(legend.nth(i).evaluate("it => getComputedStyle(it).backgroundColor")) for i in (0, 4)
    ]
    assert ends == [rgb(sample_colorscale("RdBu", [end])[0]) for end in (0.0, 1.0)]
    assert [legend.nth(i).inner_text() for i in (0, 2, 4)] == ["−0.90", "0.00", "0.90"]


def test_the_switch_that_is_clicked_is_reported(board: Board) -> None:
    drawn = switches(board, "clicked", {"enc.L2H2": "off"})
    for name, places in (
        ("Cross-attention, layer 3, head 2", ["enc.L2H2", "cross.L3H2"]),
        ("Encoder self-attention, layer 2, head 2", ["cross.L3H2"]),
        ("Decoder layer 2, whole", ["cross.L3H2", "dec.L2"]),
        ("Encoder layer 1, feed-forward sub-layer", ["cross.L3H2", "dec.L2", "enc.L1.ffn"]),
    ):
        drawn.get_by_role("switch", name=re.compile(f"^{name}[,:]")).click()
        assert board.reported(5_000) == [["off", places]]
    alone = drawn.get_by_role("switch", name=re.compile("^Cross-attention, layer 1, head 3"))
    alone.dblclick()
    ((_, off),) = board.reported(5_000)
    cross = {f"cross.L{layer}H{head}" for layer in (1, 3) for head in (1, 2, 3)}
    assert {place for place in off if place.startswith("cross")} == cross - {"cross.L1H3"}


# The film of a training


FILM = {
    name: player.HeadRows(
        random_weights(1, 1, n_rows, 5, seed=n_rows)[0, 0],
        [f"{name} {row}" for row in range(n_rows)],
        [*range(n_rows - 1), -1],
    )
    for name, n_rows in (("own 9", 3), ("held 9", 4), ("own", 2), ("held", 6))
}
PLACES_OF_FILM = [(9, False), (9, True), (0, False), (0, True)]


@pytest.mark.parametrize(("step", "is_held"), PLACES_OF_FILM)
def test_each_cell_of_the_film_is_the_weight_that_it_tells(
    board: Board, step: int, is_held: bool
) -> None:
    words = [player.PlayedWord("Mann", gloss="man"), player.PlayedWord("ab", times=5)]
    data = player.payload(
        [
            player.Moment(9, "step 9", 0.125, words, FILM["own 9"], FILM["held 9"]),
            player.Moment(0, "finished", 0.0015, words, FILM["own"], FILM["held"]),
        ],
        source=[(f"s{key}", key) for key in range(5)],
        head="Cross-attention, layer 1, head 6",
        run="one",
        snapshot=step,
        is_held=is_held,
    )
    drawn = board.draw(f"film{step}{is_held}", player.SCRIPT, player.STYLE, data)
    shown = FILM[f"{'held' if is_held else 'own'}{' 9' if step else ''}"]
    canvas, (n_rows, n_columns) = drawn.locator("canvas"), shown.weights.shape
    found = pixels(canvas)[..., :3].astype(int)
    assert np.abs(found - viridis(shown.weights)).max() <= 4
    assert drawn.locator(".rows .label").all_text_contents() == shown.labels
    columns = drawn.locator(".columns .label").all_text_contents()
    assert columns == ["s0", "s1", "s2", "s3", "s4"]
    name = "step 9" if step else "finished"
    expect(drawn.locator(".moment.current .name")).to_have_text(name)
    expect(drawn.get_by_role("status")).to_have_text(f"Cross-attention, layer 1, head 6: {name}")
    assert drawn.locator(".moment .share").all_text_contents() == [
        "13 % per piece",
        "< 1 % per piece",
    ]
    assert (
        drawn.locator(".moment .said").all_text_contents()
        == [
            "Mann",
            "ab ab ab … (5 times)",
        ]
        * 2
    )
    assert drawn.locator(".moment .gloss").all_text_contents() == ["man"] * 2
    box = box_of(canvas)
    for row, column in ((0, 0), (0, 4), (1, 3), (n_rows - 1, 0), (n_rows - 1, 2)):
        canvas.hover(position={
            "x": (column + 0.5) * box["width"] / n_columns, "y": (row + 0.5) * box["height"] / n_rows,
        })  # fmt: skip
        weight = percent(float(shown.weights[row, column]))
        expect(drawn.locator(".told")).to_have_text(
            f"{shown.labels[row]} looks at s{column}: {weight}"
        )
