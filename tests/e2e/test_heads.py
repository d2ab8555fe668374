"""The Heads page in a real browser, on the bundled checkpoint."""

import itertools
import re
from urllib.parse import quote

import pytest
from playwright.sync_api import FloatRect, Locator, Page, expect

from core.text.vocabulary import IDS, JointVocabulary
from explorer.figures.head import piece_label
from tests.e2e.conftest import (
    LOOKS,
    ROOT,
    Visitor,
    box_of,
    idle,
    link,
    open_from_menu,
    overflow_px,
    select,
    violations,
)

pytestmark = pytest.mark.e2e

LONG = (
    "A man in a red jacket is riding a bicycle down the street while two children are playing "
    "football in the park near a very old house, and the woman who lives next door has three dogs "
    "that are running on the beach with a small white ball today, although nobody knows why, and "
    "a boy in a blue shirt is climbing up a rock while his mother reads a book under a tall tree."
)
"""Of so many pieces not every row and column has its name written at it."""


def heat_map(page: Page) -> tuple[Locator, FloatRect, list[str]]:
    """The cells, where they are, and the names of their rows as far as these are written."""
    cells = page.locator(".js-plotly-plot .nsewdrag").first
    box = box_of(cells)
    return cells, box, page.locator(".js-plotly-plot .ytick text").all_text_contents()


def test_a_head_is_one_click_away(visitor: Visitor) -> None:
    page = visitor.open("/heads")
    page.get_by_role("button", name="Layer 2, head 3", exact=True).click()
    expect(page.get_by_role("heading", name=re.compile("layer 2, head 3"))).to_be_visible()
    idle(page)
    assert link(page)["layer"] == "2"
    assert link(page)["head"] == "3"


def test_heads_can_be_chosen_by_keyboard(visitor: Visitor) -> None:
    page = visitor.open("/heads?layer=1&head=1")
    page.get_by_role("button", name="Layer 1, head 1", exact=True).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    expect(page.locator(".overview .preview figcaption")).to_have_text("Layer 2, head 2")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=re.compile("layer 2, head 2"))).to_be_visible()


def test_each_kind_of_attention_is_drawn(visitor: Visitor) -> None:
    page = visitor.open("/heads")
    for name in ("Encoder self-attention", "Decoder self-attention", "Cross-attention"):
        page.get_by_role("radio", name=name, exact=True).click()
        expect(page.get_by_role("heading", name=re.compile(f"^{name}, layer"))).to_be_visible()
        idle(page)
        expect(page.locator(".js-plotly-plot")).to_be_visible()


def test_the_choice_stays_from_page_to_page(visitor: Visitor) -> None:
    page = visitor.open("/heads?text=A+dog+runs.&layer=3&head=2")
    for name in ("Translate", "Positions", "Heads"):
        open_from_menu(page, name)
        page.wait_for_url(re.compile("/\\?" if name == "Translate" else f"/{name.lower()}\\?"))
        idle(page)
        assert link(page)["text"] == "A dog runs."
        assert (link(page)["layer"], link(page)["head"]) == ("3", "2")
        expect(page.get_by_label("English sentence")).to_have_value("A dog runs.")


@pytest.mark.parametrize("visitor", LOOKS, indirect=True)
def test_every_look_is_whole_and_accessible(visitor: Visitor, streamlits_own: set[str]) -> None:
    page = visitor.open("/heads")
    expect(page.locator(".js-plotly-plot")).to_be_visible()
    tiles = page.get_by_role("button", name=re.compile(r"^Layer \d+, head \d+$"))
    expect(tiles).to_have_count(4 * 8)
    assert overflow_px(page) <= 0
    assert violations(page) <= streamlits_own


def test_heads_are_tinted_by_what_switching_them_off_changes(visitor: Visitor) -> None:
    page = visitor.open("/heads")
    select(page, "Squares show", "Change of log-probability when switched off")
    tile = page.get_by_role("button", name=re.compile(r"^Layer 1, head 1: Change when switched"))
    expect(tile).to_be_visible()
    expect(tile.locator(".number")).to_have_text(re.compile(r"^−?\d+\.\d\d$"))
    idle(page)
    assert link(page)["measure"] == "effect"


def test_the_ranked_head_opens(visitor: Visitor) -> None:
    page = visitor.open("/heads?step=2")
    ranked = page.get_by_role("button", name=re.compile(r"^Layer \d, head \d: \d+% on "))
    expect(ranked).to_have_count(3)
    place = ranked.first.inner_text().split(":")[0].lower()
    ranked.first.click()
    expect(page.get_by_role("heading", name=re.compile(place))).to_be_visible()


def test_the_sentence_on_show_is_checked(visitor: Visitor) -> None:
    page = visitor.open("/heads?text=A+dog+runs+through+the+snow.")
    expect(page.get_by_text("6 of 6 checks of this sentence passed")).to_be_visible()


def test_a_head_can_be_drawn_as_lines(visitor: Visitor) -> None:
    page = visitor.open("/heads?drawing=lines&layer=2")
    expect(page.locator(".lines canvas")).to_be_visible()
    page.get_by_role("button", name="View options").click()
    page.get_by_text("All heads of the layer together").click()
    expect(page.get_by_role("heading", name=re.compile("layer 2, all heads"))).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("^Head 8"))).to_be_visible()
    idle(page)
    assert link(page)["together"] == "1"


@pytest.mark.parametrize("visitor", ["light", "light narrow"], indirect=True)
@pytest.mark.parametrize("n_words", [35, 80])
def test_pointing_at_a_narrow_cell_names_that_cell(visitor: Visitor, n_words: int) -> None:
    text = " ".join(LONG.split()[:n_words]).rstrip(".,") + "."
    page = visitor.open(f"/heads?text={quote(text)}&kind=encoder&layer=1&head=1")
    tokenizer = JointVocabulary((ROOT / "checkpoints/en-de/sentencepiece.model").read_bytes())
    pieces = tokenizer.read([*tokenizer.encode(text), IDS.end]).pieces
    names = [piece_label(piece.name) for piece in pieces]
    cells, box, _ = heat_map(page)
    for column in (2, 5, 9, len(names) - 2):
        row = len(names) // 2 + column % 2  # next to each other: one of the two has no name written
        cells.hover(
            position={
                "x": box["width"] * (column + 0.5) / len(names),
                "y": box["height"] * (row + 0.5) / len(names),
            }
        )
        said = re.compile(rf"^{re.escape(names[row])}\s*looks at {re.escape(names[column])}: ")
        expect(page.locator(".hoverlayer .hovertext")).to_have_text(said)


@pytest.mark.parametrize("visitor", ["light narrow"], indirect=True)
def test_a_click_on_a_narrow_cell_chooses_its_step(visitor: Visitor) -> None:
    page = visitor.open(f"/heads?text={quote(' '.join(LONG.split()[:22]) + '.')}")
    cells, box, steps = heat_map(page)
    cells.click(position={"x": box["width"] * 0.7, "y": box["height"] * 6.5 / len(steps)})
    step = page.get_by_role("combobox", name="Which head should I look at for this step?")
    expect(step).to_have_value(re.compile("^7: "))


@pytest.mark.parametrize("visitor", ["light narrow"], indirect=True)
def test_names_of_columns_stand_side_by_side(visitor: Visitor) -> None:
    page = visitor.open(f"/heads?text={quote(' '.join(LONG.split()[:18]) + '.')}")
    heat_map(page)
    names = page.locator(".js-plotly-plot .xtick text")
    starts = names.evaluate_all("them => them.map(it => it.getBoundingClientRect().left)")
    assert len(starts) > 15
    assert min(right - left for left, right in itertools.pairwise(starts)) > 12


def test_pointing_at_a_word_lights_it_everywhere_and_back(visitor: Visitor) -> None:
    """In the sentence, in the heat map's rows and columns, and in every square."""
    page = visitor.open("/heads?text=A+dog+runs.&kind=cross&layer=3&head=3")
    rows = page.locator(".js-plotly-plot .ytick text")
    expect(rows.first).to_be_visible()
    page.wait_for_function("document.querySelector('.js-plotly-plot').linkedTo")
    target = page.locator(".words .target .word")
    target.nth(1).hover()
    marked = page.locator(".linked-line")
    expect(marked.first).to_be_visible()
    word = target.nth(1).locator(".said").inner_text()
    row = next(
        number for number, text in enumerate(rows.all_text_contents()) if text.endswith(f"→ {word}")
    )
    line = box_of(page.locator(".linked-line.rows").first)
    name = box_of(rows.nth(row))
    assert line["y"] < name["y"] + name["height"] / 2 < line["y"] + line["height"]
    expect(page.locator(".overview .grid.crossed")).to_be_visible()
    page.mouse.move(5, 500)
    expect(marked).to_have_count(0)
    cells, box, names = heat_map(page)
    n_columns = page.locator(".js-plotly-plot .xtick text").count()
    cells.hover(
        position={
            "x": box["width"] * 1.5 / n_columns,
            "y": box["height"] * (row + 0.5) / len(names),
        }
    )
    expect(page.locator(".words .target .word.lit .said")).to_have_text([word])
    expect(page.locator(".words .source .word.lit .said")).to_have_text(["dog"])
