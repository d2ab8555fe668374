"""What each component draws, read back from the browser, beside the numbers of the trace itself.

Every number that is compared is worked out here, from the trace, and not by what made the payload.
"""

import math
import re
from collections.abc import Iterator

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
from explorer.components.beam import component as beam
from explorer.components.lines import component as lines
from explorer.components.overview import component as overview
from explorer.components.stepper import component as stepper
from explorer.components.toggles import component as toggles
from explorer.figures.colours import ATTENTION_RGB, OKABE_ITO
from tests.e2e.board import Board, pixels
from tests.e2e.conftest import ROOT

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
        stripe = tiles.nth(index).locator(".stripe")
        assert rgb(stripe.evaluate("it => getComputedStyle(it).backgroundColor")) == colour


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
        expect(drawn.get_by_role("status")).to_have_text(
            f"Step {step} of 13: the decoder reads {TARGET[step - 2]} and writes {TARGET[step - 1]} "
            f"({percent(math.exp(TRACE.steps[step - 1].log_probability_nats))})"
        )
        for kind, looked_at in (("decoder", ["<s>", *TARGET[: step - 1]]), ("cross", SOURCE)):
            row = TRACE.weights[kind][layer - 1, head - 1, step - 1, : len(looked_at)]
            cells = drawn.locator(f".block.{kind} .cell")
            assert cells.locator(".text").all_inner_texts() == looked_at
            shares = cells.evaluate_all(
                "cells => cells.map(it => it.style.getPropertyValue('--share'))"
            )
            np.testing.assert_allclose(np.array(shares, float), np.sqrt(row), atol=0.003)
            written = cells.locator(".share").all_inner_texts()
            levels = (np.rint(255 * np.sqrt(row)) / 255) ** 2
            assert written == [percent(float(level)) for level in levels]
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
    drawn.get_by_role("button", name="Go on from here", exact=True).click()
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


def test_every_block_of_the_model_says_its_own_numbers_and_opens_itself(board: Board) -> None:
    config = ModelConfig(
        vocabulary_size=1_009, n_encoder_layers=2, n_decoder_layers=3, d_model=96, d_ff=301,
        n_heads=6, d_k=13, d_v=17,
    )  # fmt: skip
    data = anatomy.anatomy_payload(config, ["Heads", "Positions", "Inside attention", "Translate"])
    drawn = board.draw("anatomy", anatomy.SCRIPT, anatomy.STYLE, data)
    attention = 6 * 96 * (2 * 13 + 2 * 17)
    feed_forward = 2 * 96 * 301 + 301 + 96
    texts = {
        block.name: of.locator("text").all_text_contents()
        for block in anatomy.anatomy(config)
        for of in [drawn.locator(".block").nth(names(drawn).index(block.name))]
    }
    assert f"{1_009 * 96:,}" in texts["encoder.embedding.tokens"]
    for side, n in (("encoder", 2), ("decoder", 3)):
        assert f"{n} × {attention:,}" in texts[f"{side}.layers.self_attention"]
        assert f"{n} × {feed_forward:,}" in texts[f"{side}.layers.feed_forward"]
    assert f"3 × {attention:,}" in texts["decoder.layers.cross_attention"]
    assert drawn.locator(".times").all_text_contents() == ["2 ×", "3 ×"]
    for name, opens in (
        ("decoder.layers.cross_attention", True), ("encoder.layers.self_attention", True),
        ("decoder.layers.self_attention.weights", True), ("encoder.layers.feed_forward", False),
        ("decoder.embedding.positions", True),
    ):  # fmt: skip
        block = drawn.locator(".block").nth(names(drawn).index(name))
        block.locator(".shape").click(force=True, position={"x": 8, "y": 8})
        assert board.reported() == ([["opened", name]] if opens else [])
        side, title = name.split(".")[0], block.evaluate("it => it.block.title")
        expect(drawn.locator(".facts b")).to_contain_text(f"{title} ({side}")


def names(drawn: Locator) -> list[str]:
    found: list[str] = drawn.locator(".block").evaluate_all(
        "blocks => blocks.map(it => it.block.name)"
    )
    return found


def test_blocks_stand_in_the_order_of_the_paper(board: Board) -> None:
    config = ModelConfig(vocabulary_size=100)
    drawn = board.draw(
        "order", anatomy.SCRIPT, anatomy.STYLE, anatomy.anatomy_payload(config, ["Heads"])
    )
    places = drawn.locator(".block").evaluate_all(
        "blocks => Object.fromEntries(blocks.map(it => { const box = it.getBoundingClientRect();"
        "return [it.block.name, [box.left + box.width / 2, box.top + box.height / 2]]; }))"
    )
    for side in ("encoder", "decoder"):
        own = [f"{side}.embedding.tokens", f"{side}.embedding.positions"]
        sublayers = ["self_attention", "cross_attention", "feed_forward"][
            :: 2 - (side == "decoder")
        ]
        own += [f"{side}.layers.{name}{end}" for name in sublayers for end in ("", "_norm")]
        own += ["linear", "softmax"] * (side == "decoder")
        heights = [places[name][1] for name in own]
        assert heights == sorted(heights, reverse=True), side
    assert places["encoder.layers.self_attention"][0] < places["decoder.layers.self_attention"][0]


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
    data = toggles.payload(CONFIG, states, effects=EFFECTS, marked=("cross.L2H3", "best-aligned"))
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
            assert rgb(drawn_colour) == rgb(colour), place
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
