"""Equation 1 as the browser draws it, read back beside numbers that NumPy computes."""

import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, Locator, expect

from core.analysis.heads.walk import walk
from explorer.components.equation import component as equation
from explorer.components.equation.component import EquationRow, Token
from tests.e2e.board import Board, pixels
from tests.e2e.conftest import box_of

pytestmark = pytest.mark.e2e

Numbers = NDArray[np.float64]
N, D_K, D_V = 6, 7, 5
LABELS = ["a", "<i>b</i>", "a", "שלום", "e", "</s>"]
RANDOM = np.random.default_rng(2)
QUERIES, KEYS, VALUES = (RANDOM.normal(size=size) for size in ((N, D_K), (N, D_K), (N, D_V)))


@pytest.fixture(scope="module")
def board(browser: Browser) -> Iterator[Board]:
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    page = context.new_page()
    page.emulate_media(reduced_motion="reduce")
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    yield Board(page)
    context.close()
    assert not faults


def data(
    *, row: int = 3, stage: int = 6, is_causal: bool = True, sent: Sequence[int] = range(N),
    queries: Numbers = QUERIES, keys: Numbers = KEYS, values: Numbers = VALUES,
) -> bytes:  # fmt: skip
    n = len(keys)
    labels = LABELS if n == N else [f"t{number}" for number in range(n)]
    visible = np.tri(n, dtype=bool) if is_causal else np.ones((n, n), bool)
    tokens = [Token(label, word) for word, label in enumerate(labels)]
    rows = [
        EquationRow(
            number + 1, walk(queries[number], keys, values, visible[number]),
            (f"story {number + 1}",), tuple((f"stage {s}",) for s in range(1, 7)),
            f"without {number + 1}", f"caveat {number + 1}" if number == 1 else "",
        )
        for number in sent
    ]  # fmt: skip
    return equation.payload(
        rows, title="Head", head="h", queries=tokens, keys=tokens, sides=("source", "source"),
        row=row, stage=stage, limits=(2.0, 3.0),
    )  # fmt: skip


def draw(board: Board, name: str, **more: Any) -> Locator:
    return board.draw(name, equation.SCRIPT, equation.STYLE, data(**more))


def short(value: float) -> str:
    if math.isinf(value):
        return "−∞"
    written = f"{abs(value):.{2 if abs(value) < 9.995 else 1}f}"
    return f"−{written}" if value < 0 and float(written) else written


def percent(share: float) -> str:
    return "< 1 %" if 0 < 100 * share < 1 else f"{math.floor(100 * share + 0.5)} %"


def softmax(scores: Numbers) -> Numbers:
    raised = np.exp(scores - scores.max())
    return raised / raised.sum()  # type: ignore[no-any-return]


def masked(scores: Numbers, row: int) -> Numbers:
    return np.where(np.arange(N) <= row, scores, -np.inf)


def column(drawn: Locator, name: str) -> list[str]:
    found = drawn.locator(f".row .{name}")
    return found.evaluate_all(  # type: ignore[no-any-return]
        "cells => cells.map(cell => (cell.querySelector('.number') ?? cell).textContent)"
    )


def output(drawn: Locator) -> Numbers:
    """As it is read out."""
    said = drawn.locator("canvas.output").get_attribute("aria-label")
    assert said
    numbers = said.removeprefix("Output of the head: ").replace("−", "-").split(", ")
    return np.array([float(number) for number in numbers])


def inner(drawn: Locator, name: str) -> Numbers:
    """Numbers of the row with all their digits, as they are drawn from."""
    values = drawn.locator(".equation").evaluate(f"root => Array.from(root.row.{name})")
    return np.array(values)


def assert_row(drawn: Locator, row: int) -> None:
    products = KEYS @ QUERIES[row]
    scaled = products / math.sqrt(D_K)
    weights = softmax(masked(scaled, row))
    assert column(drawn, "c-products") == [short(each) for each in products]
    assert column(drawn, "c-scaled") == [short(each) for each in scaled]
    if row < N - 1:
        assert column(drawn, "c-masked") == [short(each) for each in masked(scaled, row)]
    assert column(drawn, "c-weights") == [percent(each) for each in weights]
    np.testing.assert_allclose(output(drawn), weights @ VALUES, atol=0.0051)


@contextmanager
def never_quiet(board: Board) -> Iterator[None]:
    """Timers do not run out: however slow the machine is, the reader was not quiet yet."""
    hold = "window.own = setTimeout; window.setTimeout = (act) => { window.held = act; return 1; }"
    board.page.evaluate(hold)
    yield
    board.page.evaluate("window.setTimeout = window.own; window.held()")


def test_a_row_is_drawn_with_its_numbers_and_another_one_at_once(board: Board) -> None:
    drawn = draw(board, "rows")
    expect(drawn.locator(".row .label")).to_have_text(LABELS)
    assert_row(drawn, 2)
    drawn.get_by_role("button", name="Row 3: a").focus()
    with never_quiet(board):
        for row in (3, 4, 5):
            board.page.keyboard.press("ArrowRight")
            assert_row(drawn, row)
            expect(drawn.get_by_role("status").first).to_have_text(f"story {row + 1}")
        assert board.reported() == []
    assert board.reported() == [["view", {"row": 6, "stage": 6}]]


def test_an_older_answer_does_not_move_the_row_back(board: Board) -> None:
    drawn = draw(board, "older")
    with never_quiet(board):
        drawn.get_by_role("button", name="Row 5: e").click()
        draw(board, "older", row=3)
        assert_row(drawn, 4)
    draw(board, "older", row=2)
    assert_row(drawn, 1)


def test_arrow_keys_choose_a_row_without_a_click_before(board: Board) -> None:
    drawn = draw(board, "anywhere")
    board.page.keyboard.press("ArrowLeft")
    assert_row(drawn, 1)
    expect(drawn.locator(".caveat")).to_have_text("caveat 2")


def rgb(colour: str) -> Numbers:
    return np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)], float)


def shades(numbers: Numbers, limit: float, zero: str, below: str, above: str) -> Numbers:
    share = np.clip(np.abs(numbers) / limit, 0, 1)[..., None]
    end = np.where(numbers[..., None] < 0, rgb(below), rgb(above))
    return rgb(zero) + share * (end - rgb(zero))  # type: ignore[no-any-return]


LIGHT = {"zero": "#f7f7f7", "below": "#4d4d4d"}
DARK = {"zero": "#2b2d36", "below": "#bdbdbd"}


@pytest.mark.parametrize(
    ("theme", "poles", "colours"),
    [("light", LIGHT, ("#005ce5", "#c71414", "#1f9956", "#8154a8")),
     ("dark", DARK, ("#6ea8ff", "#ff7b72", "#4cc38a", "#c79be8"))],
)  # fmt: skip
def test_cells_have_the_colours_of_their_numbers_in_both_themes(
    board: Board, theme: str, poles: dict[str, str], colours: tuple[str, ...]
) -> None:
    """The theme is changed while the picture stands."""
    drawn = draw(board, f"colours-{theme}")
    board.page.evaluate(f"document.documentElement.style.colorScheme = '{theme}'")
    weights = softmax(masked(KEYS @ QUERIES[2] / math.sqrt(D_K), 2))
    weighted = weights[:, None] * VALUES
    limit = max(np.abs(weighted).max(), np.abs(weighted.sum(0)).max())
    expected = (
        ("canvas.strip.query", QUERIES[2], 2.0), ("canvas.strip.key", KEYS, 3.0),
        ("canvas.strip.value", weighted, limit), ("canvas.output", weighted.sum(0), limit),
    )  # fmt: skip
    board.page.wait_for_timeout(200)
    for (name, numbers, most), colour in zip(expected, colours, strict=True):
        canvases = drawn.locator(name).all()
        found = np.concatenate([pixels(canvas)[..., :3] for canvas in canvases]).astype(float)
        wanted = shades(np.atleast_2d(numbers), most, **poles, above=colour)
        assert np.abs(found - wanted).max() <= 2, name
    board.page.evaluate("document.documentElement.style.colorScheme = ''")


def test_pointing_at_a_dimension_of_a_key_lights_that_of_the_query_and_says_the_product(
    board: Board,
) -> None:
    drawn = draw(board, "hover")
    cells = drawn.locator(".row canvas.key").nth(4)
    box = box_of(cells)
    for dimension in (1, D_K):
        x = (dimension - 0.5) * box["width"] / D_K
        cells.hover(position={"x": x, "y": 8})
        q, k = QUERIES[2, dimension - 1], KEYS[4, dimension - 1]
        expect(drawn.locator(".readout")).to_have_text(
            f"Dimension {dimension}: q {short(q)} × k {short(k)} of “\u2068e\u2069” = {short(q * k)}. "
            f"All 7 products add up to q·k = {short(KEYS[4] @ QUERIES[2])}."
        )
        frame = box_of(drawn.locator(".cursor.c-vectors"))
        query = box_of(drawn.locator("canvas.strip.query"))
        assert frame["x"] == pytest.approx(
            query["x"] + (dimension - 1) * query["width"] / D_K, abs=1
        )
        assert frame["width"] == pytest.approx(query["width"] / D_K, abs=1)
        assert frame["y"] <= query["y"]  # the frame goes through q, products and all keys
    products = pixels(drawn.locator("canvas.products"))
    assert (products[..., 3] > 0).any()


def test_pointing_at_a_weighted_value_says_what_it_adds_to_the_output(board: Board) -> None:
    drawn = draw(board, "values")
    cells = drawn.locator(".row canvas.value").nth(1)
    box = box_of(cells)
    cells.hover(position={"x": 2.5 * box["width"] / D_V, "y": 8})
    weights = softmax(masked(KEYS @ QUERIES[2] / math.sqrt(D_K), 2))
    expect(drawn.locator(".readout")).to_have_text(
        f"Dimension 3: weight {weights[1]:.3f} × v {short(VALUES[1, 2])} of “\u2068<i>b</i>\u2069” = "
        f"{short(weights[1] * VALUES[1, 2])}. All 6 keys add up to {short((weights @ VALUES)[2])} in "
        "the output."
    )


def test_dimensions_are_reached_by_keyboard(board: Board) -> None:
    drawn = draw(board, "dimensions")
    slider = drawn.get_by_role("slider", name="Dimension of query and key")
    slider.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "ArrowDown"):
        board.page.keyboard.press(key)
    top = int(masked(KEYS @ QUERIES[2], 2).argmax())
    product = QUERIES[2, 2] * KEYS[top + 1, 2]
    expect(slider).to_have_attribute(
        "aria-valuetext", re.compile(rf"^Dimension 3: .* = {short(product)}\.")
    )


def test_what_is_pointed_at_is_told_to_the_page(board: Board) -> None:
    drawn = draw(board, "told")
    board.page.evaluate(
        "window.addEventListener('explorer:point', (e) => { window.told = e.detail; })"
    )
    drawn.locator(".row .label").nth(4).hover()
    assert board.page.evaluate("window.told") == {"source": [4], "target": []}
    board.page.evaluate(
        "window.dispatchEvent(new CustomEvent('explorer:point', {detail: {source: [1], target: []}}))"
    )
    expect(drawn.locator(".row.linked .label")).to_have_text(["<i>b</i>"])


def test_a_changed_score_changes_weights_and_output_and_says_so(board: Board) -> None:
    drawn = draw(board, "what-if", row=5)
    scores = masked(KEYS @ QUERIES[4] / math.sqrt(D_K), 4)
    slider = drawn.get_by_role("slider", name="Score of שלום")
    slider.focus()
    for key, by in (("PageUp", 1.0), ("PageUp", 1.0), ("ArrowDown", -0.1)):
        board.page.keyboard.press(key)
        scores[3] += by
        weights = softmax(scores)
        np.testing.assert_allclose(inner(drawn, "weights"), weights, atol=1e-6)
        assert column(drawn, "c-weights") == [percent(each) for each in weights]
        np.testing.assert_allclose(output(drawn), weights @ VALUES, atol=0.0051)
    said = drawn.locator(".what-if")
    own = softmax(masked(KEYS @ QUERIES[4] / math.sqrt(D_K), 4))[3]
    expect(said).to_contain_text(
        f"the score of “\u2068שלום\u2069” were {short(scores[3])} instead of {short(scores[3] - 1.9)}? "
        f"Its weight would be {percent(weights[3])} instead of {percent(own)}."
    )
    assert board.reported() == []
    said.get_by_role("button", name="Back to the model").click()
    expect(said).to_be_hidden()
    assert_row(drawn, 4)


def test_a_score_is_dragged_and_another_row_has_its_own(board: Board) -> None:
    drawn = draw(board, "drag", row=5, stage=3)
    slider = drawn.get_by_role("slider", name="Score of e")
    box = box_of(slider)
    mouse = board.page.mouse
    mouse.move(box["x"] + 80, box["y"] + 8)
    mouse.down()
    mouse.move(box["x"] + 95, box["y"] + 8)
    mouse.move(box["x"] + 110, box["y"] + 8)
    mouse.up()
    scores = masked(KEYS @ QUERIES[4] / math.sqrt(D_K), 4)
    before = scores[4]
    scores[4] = float(slider.get_attribute("aria-valuenow") or "nan")
    assert scores[4] > before + 0.3
    np.testing.assert_allclose(inner(drawn, "weights"), softmax(scores), atol=0.002)
    expect(drawn.get_by_role("button", name="Stage 6")).to_have_attribute("aria-current", "step")
    drawn.get_by_role("button", name="Row 4:").click()
    expect(drawn.locator(".what-if")).to_be_hidden()
    assert_row(drawn, 3)


def test_a_masked_score_cannot_be_moved(board: Board) -> None:
    drawn = draw(board, "masked", row=2)
    slider = drawn.get_by_role("slider", name="Score of e")
    expect(slider).to_have_attribute("aria-disabled", "true")
    slider.focus()
    board.page.keyboard.press("PageUp")
    assert_row(drawn, 1)


def test_the_softmax_is_shown_without_the_division(board: Board) -> None:
    drawn = draw(board, "undivided", row=5)
    toggle = drawn.get_by_role("button", name="Without the division by √7")
    toggle.click()
    np.testing.assert_allclose(
        inner(drawn, "weights"), softmax(masked(KEYS @ QUERIES[4], 4)), atol=1e-6
    )
    expect(drawn.locator(".what-if")).to_contain_text("without 5")
    toggle.click()
    assert_row(drawn, 4)


COLUMNS = ["c-vectors", "c-products", "c-scaled", "c-masked", "c-weights", "c-values"]


def seen(drawn: Locator) -> list[str]:
    first = drawn.locator(".row").first
    return [name for name in COLUMNS if first.locator(f".{name}").first.is_visible()]


def test_stages_are_revealed_one_by_one(board: Board) -> None:
    drawn = draw(board, "stages", stage=1)
    lit = drawn.locator(".formula")
    for stage in range(1, 7):
        assert seen(drawn) == COLUMNS[:stage]
        expect(drawn.locator(".caption")).to_have_text(f"{stage}. stage {stage}")
        shadow = lit.locator(f".part-{stage}").first.evaluate(
            "it => getComputedStyle(it).boxShadow"
        )
        assert shadow != "none"
        drawn.get_by_role("button", name="Stage forward").click()
    board.page.wait_for_function(
        "JSON.stringify(window.reports.at(-1)) === JSON.stringify(['view', {row: 3, stage: 6}])"
    )


def test_a_mask_that_hides_nothing_is_folded(board: Board) -> None:
    drawn = draw(board, "folded", stage=3, is_causal=False)
    expect(drawn.get_by_role("button", name="Stage 4")).to_have_text("4 mask: nothing")
    drawn.get_by_role("button", name="Stage forward").click()
    expect(drawn.locator(".caption")).to_have_text("5. stage 5")
    assert seen(drawn) == [name for name in COLUMNS[:5] if name != "c-masked"]
    drawn.get_by_role("button", name="Stage back").click()
    expect(drawn.locator(".caption")).to_have_text("3. stage 3")


def test_another_stage_ends_what_was_tried(board: Board) -> None:
    drawn = draw(board, "ends", row=5)
    drawn.get_by_role("button", name="Without the division by √7").click()
    expect(drawn.locator(".caption")).to_be_hidden()
    drawn.get_by_role("button", name="Stage 5").click()
    expect(drawn.locator(".caption")).to_have_text("5. stage 5")
    assert_row(drawn, 4)


def test_play_begins_at_the_first_stage_and_can_be_paused(board: Board) -> None:
    drawn = draw(board, "play")
    drawn.get_by_role("button", name="Play").click()
    expect(drawn.locator(".caption")).to_have_text("1. stage 1")
    drawn.get_by_role("button", name="Pause").click()
    expect(drawn.get_by_role("button", name="Play")).to_be_visible()


def test_a_row_that_was_not_sent_is_asked_for(board: Board) -> None:
    drawn = draw(board, "asked", sent=[2])
    assert_row(drawn, 2)
    drawn.get_by_role("button", name="Row 5: e").click()
    expect(drawn.locator(".equation.waiting")).to_have_count(1)
    assert board.reported(within_ms=5_000) == [["view", {"row": 5, "stage": 6}]]
    draw(board, "asked", row=5, sent=[4])
    assert_row(drawn, 4)


def test_of_many_keys_only_those_in_sight_are_drawn(board: Board) -> None:
    n, d = 512, 64
    queries, keys, values = (RANDOM.normal(size=(n, d)) for _ in range(3))
    drawn = draw(
        board, "many", row=500, is_causal=False, sent=[499], queries=queries, keys=keys,
        values=values,
    )  # fmt: skip
    assert 10 < drawn.locator(".row").count() < 60
    drawn.locator(".box").evaluate("box => box.scrollTo(0, box.scrollHeight)")
    last = drawn.locator(".row[data-key='511']")
    product = float(keys[511] @ queries[499])
    expect(last.locator(".c-products .number")).to_have_text(short(product))
    expect(drawn.locator(".row[data-key='0']")).to_have_count(0)
    assert drawn.locator(".row").count() < 60
    drawn.locator(".box").evaluate("box => box.scrollBy(0, -240)")
    expect(drawn.locator(".row[data-key='480']")).to_have_count(1)
    keys_in_order = drawn.locator(".row").evaluate_all("rows => rows.map(row => +row.dataset.key)")
    assert keys_in_order == sorted(keys_in_order)
    weights = softmax(keys @ queries[499] / 8)
    np.testing.assert_allclose(output(drawn), weights @ values, atol=0.0051)
    board.page.set_viewport_size({"width": 420, "height": 900})
    expect(drawn.locator(".hint")).to_be_visible()
    board.page.set_viewport_size({"width": 1280, "height": 1000})
