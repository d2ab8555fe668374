"""The Translate page in a real browser, on the bundled checkpoint."""

import re
from urllib.parse import urlparse

import pytest
from playwright.sync_api import Locator, Page, expect

from explorer.choice.examples import EXAMPLES
from tests.bundled import best_head, traced
from tests.e2e.conftest import (
    LOOKS,
    Visitor,
    box_of,
    idle,
    link,
    open_from_menu,
    overflow_px,
    violations,
)

pytestmark = pytest.mark.e2e


SENTENCE = "Two dogs are running on the beach."


def translate(page: Page, text: str) -> None:
    page.get_by_label("English sentence").fill(text)
    page.get_by_role("button", name="Translate").click()
    last = text.rsplit(maxsplit=1)[-1]
    expect(sources(page)).to_contain_text(last.removesuffix("."), timeout=60_000)
    idle(page)


def sources(page: Page) -> Locator:
    return page.get_by_role("group", name="Source words").first


def targets(page: Page) -> Locator:
    return page.get_by_role("group", name="Words of the translation").first


def status(page: Page) -> Locator:
    return page.get_by_role("status").filter(has_text=re.compile(r"Step \d+ of")).first


def chips(page: Page) -> list[str]:
    """The pieces written so far as soon as there are any: the pictures draw after Streamlit rests."""
    expect(targets(page).locator(".token .text").first).to_be_visible()
    return targets(page).locator(".token .text").all_inner_texts()


def test_a_sentence_is_translated_stepped_through_and_the_link_shows_the_same(
    visitor: Visitor,
) -> None:
    page = visitor.open()
    translate(page, SENTENCE)
    expect(targets(page)).to_contain_text(traced(SENTENCE).target.pieces[1].name.removeprefix("▁"))
    page.get_by_role("button", name=re.compile("^Step 2: ")).click()
    page.get_by_role("combobox", name="Layer").select_option("2")
    page.get_by_role("combobox", name="Head").select_option("3")
    expect(status(page)).to_contain_text("Step 2 of")
    page.wait_for_timeout(600)
    idle(page)
    assert link(page) == {"text": SENTENCE, "layer": "2", "head": "3", "step": "2"}

    again = visitor.open("/?" + urlparse(page.url).query)
    expect(status(again)).to_contain_text("Step 2 of")
    expect(again.get_by_role("combobox", name="Layer")).to_have_value("2")
    expect(again.get_by_role("combobox", name="Head")).to_have_value("3")
    assert chips(again) == chips(page)


def test_the_first_visit_shows_an_example(visitor: Visitor) -> None:
    page = visitor.open()
    expect(sources(page)).to_contain_text(EXAMPLES[0].split()[1])
    assert link(page)["text"] == EXAMPLES[0]


def test_the_player_moves_by_keys_and_by_itself(visitor: Visitor) -> None:
    page = visitor.open()
    page.get_by_role("button", name=re.compile("^Step 1: ")).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(status(page)).to_contain_text("Step 3 of")
    page.keyboard.press("ArrowLeft")
    expect(status(page)).to_contain_text("Step 2 of")
    page.keyboard.press("End")
    page.get_by_role("button", name="Play", exact=True).click()
    expect(status(page)).to_contain_text("Step 1 of")
    expect(status(page)).to_contain_text("Step 3 of")
    page.get_by_role("button", name="Pause").click()


def test_the_keyboard_steps_on_after_every_answer_of_the_server(visitor: Visitor) -> None:
    page = visitor.open("/?step=1")
    chip = page.get_by_role("button", name=re.compile("^Step 2: "))
    chip.focus()
    page.keyboard.press("Enter")
    for step in (2, 3, 4):
        page.wait_for_url(re.compile(rf"[?&]step={step}(&|$)"))
        idle(page)
        expect(page.get_by_role("button", name=re.compile(f"^Step {step}: "))).to_be_focused()
        page.keyboard.press("ArrowRight")
    expect(status(page)).to_contain_text("Step 5 of")


def test_candidates_are_taken_by_keyboard_and_the_focus_stays_at_the_step(visitor: Visitor) -> None:
    page = visitor.open("/?step=2")
    page.get_by_role("button", name=re.compile("^Step 2: ")).focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    offer = page.get_by_role("button", name=re.compile("go on from here with it at step 2")).first
    expect(offer).to_be_focused()
    page.keyboard.press("Enter")
    expect(targets(page).locator(".changed").first).to_be_visible()
    idle(page)
    expect(page.get_by_role("button", name=re.compile("^Step 2: "))).to_be_focused()


def test_of_all_words_and_candidates_one_is_in_the_tab_order(visitor: Visitor) -> None:
    page = visitor.open("/?step=3")
    in_order = targets(page).locator("button:not([tabindex='-1'])")
    linked = sources(page).locator(".linked")
    expect(in_order).to_have_accessible_name(re.compile("^Step 3: "))
    page.get_by_role("button", name=re.compile("^Step 5: ")).focus()
    expect(linked.first).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(in_order).to_be_focused()


def test_rows_are_the_words_they_say(visitor: Visitor) -> None:
    """What a step reads is what the step before it wrote; its row has one cell for each."""
    page = visitor.open("/?step=3")
    shown = chips(page)
    expect(status(page)).to_contain_text(
        f"the decoder reads <s> {shown[0]} {shown[1]} and writes {shown[2]}"
    )
    read = page.locator(".block.decoder .cell .text").all_inner_texts()
    assert read == ["<s>", *shown[:2]]
    looked_at = page.locator(".block.cross .cell .text").all_inner_texts()
    assert looked_at == sources(page).locator(".text").all_inner_texts()


def test_a_late_head_says_whose_row_is_on_show(visitor: Visitor) -> None:
    """The best-aligned head of the bundled model finds a word's source when the word is read."""
    best = best_head()
    page = visitor.open(f"/?step=2&layer={best.layer_number}&head={best.head_number}")
    first, second = (text.strip() for text in chips(page)[:2])
    hint = page.locator(".block.cross .hint")
    expect(hint).to_contain_text("This head looks at the source of the word just written")
    said = hint.inner_text().replace("\u2068", "").replace("\u2069", "")
    assert f"the word just written, “{first}”." in said
    assert f"Its look for “{second}” comes in the next step." in said
    page.get_by_role("button", name=re.compile("^Step 1: ")).click()
    expect(hint).to_contain_text("none is written yet")
    page.get_by_role("button", name=re.compile("^Step 1: ")).press("End")
    expect(hint).not_to_contain_text("comes in the next step")
    page.get_by_role("combobox", name="Head").select_option(str(best.head_number % 8 + 1))
    expect(hint).to_be_hidden()


def test_another_candidate_changes_what_follows_and_undo_takes_it_back(visitor: Visitor) -> None:
    page = visitor.open()
    before = chips(page)
    page.get_by_role("button", name=re.compile("go on from here with it at step 2")).first.click()
    expect(targets(page).locator(".changed").first).to_be_visible()
    idle(page)
    after = chips(page)
    assert after[:1] == before[:1]
    assert after[1] != before[1]
    assert len(link(page)["prefix"].split(".")) == 2
    assert link(page)["step"] == "2"
    page.get_by_role("button", name="Undo", exact=True).click()
    expect(targets(page).locator(".changed")).to_have_count(0)
    idle(page)
    assert chips(page) == before
    assert "prefix" not in link(page)


def test_what_is_half_typed_stays_while_the_page_answers(visitor: Visitor) -> None:
    page = visitor.open()
    field = page.get_by_label("English sentence")
    field.fill("A sentence that is not")
    page.get_by_role("button", name=re.compile("go on from here with it at step 2")).first.click()
    expect(targets(page).locator(".changed").first).to_be_visible()
    idle(page)
    assert field.input_value() == "A sentence that is not"
    page.get_by_role("button", name=EXAMPLES[4], exact=True).first.click()
    expect(field).to_have_value(EXAMPLES[4])
    idle(page)
    field.fill("Another one that is not")
    open_from_menu(page, "Anatomy")
    idle(page)
    assert page.get_by_label("English sentence").input_value() == EXAMPLES[4]


def test_a_typed_word_is_gone_on_from_and_compared(visitor: Visitor) -> None:
    page = visitor.open("/?step=2")
    page.get_by_label("Another word").fill("Dame")
    page.keyboard.press("Enter")
    expect(targets(page)).to_contain_text("Dame")
    page.get_by_role("button", name="Compare with the run before").click()
    expect(page.get_by_role("group", name="Words of the translation")).to_have_count(2)
    idle(page)
    assert "beside" in link(page)
    both = page.get_by_role("group", name="Words of the translation").all_inner_texts()
    assert "Dame" in both[0]
    assert not both[1].startswith(both[0])
    page.get_by_role("button", name=re.compile("^Step 1: ")).first.focus()
    page.keyboard.press("End")  # both go to their last step
    for shown in page.get_by_role("status").filter(has_text=re.compile(r"Step \d+ of")).all():
        at, n = re.findall(r"Step (\d+) of (\d+)", shown.inner_text())[0]
        assert at == n
    beside = page.get_by_role("group", name=re.compile("^Translation step by step")).nth(1)
    expect(beside.get_by_role("button", name=re.compile("go on from here"))).to_have_count(0)
    expect(beside.get_by_label("Another word")).to_have_count(0)


def test_pointing_at_a_word_shows_its_partner(visitor: Visitor) -> None:
    page = visitor.open()
    targets(page).locator(".token").nth(1).hover()
    expect(sources(page).locator(".linked").first).to_be_visible()
    sources(page).locator(".token").nth(1).hover()
    expect(targets(page).locator(".linked").first).to_be_visible()


@pytest.mark.parametrize("visitor", ["light", "light narrow"], indirect=True)
def test_the_bar_is_slim_and_stays(visitor: Visitor) -> None:
    """At most 110 px of a laptop's screen, and opaque above what scrolls below it."""
    page = visitor.open()
    bar = page.locator("[data-testid=stLayoutWrapper]:has(> .st-key-bar)")
    is_wide = page.viewport_size and page.viewport_size["width"] > 1000
    box = box_of(bar)
    assert box["y"] + box["height"] <= (110 if is_wide else 125)
    page.get_by_test_id("stMain").evaluate("main => main.scrollTo(0, 400)")
    expect(bar).to_be_in_viewport()
    colour = bar.evaluate("bar => getComputedStyle(bar).backgroundColor")
    assert colour == "rgb(255, 255, 255)"


@pytest.mark.parametrize("visitor", LOOKS, indirect=True)
def test_every_look_is_whole_and_accessible(visitor: Visitor, streamlits_own: set[str]) -> None:
    page = visitor.open()
    expect(targets(page)).to_be_visible()
    assert page.locator(".ribbons path").count() >= len(chips(page)) - 3
    assert page.locator("canvas.matrix").is_visible()
    assert overflow_px(page) <= 0
    assert violations(page) <= streamlits_own


@pytest.mark.parametrize(
    "text", ["<img src=x onerror=alert(1)>", "**bold** `code` $x$", "שלום 日本 👩‍👩‍👧"]
)
def test_hostile_text_appears_as_typed(visitor: Visitor, text: str) -> None:
    page = visitor.open()
    page.get_by_label("English sentence").fill(text)
    page.get_by_role("button", name="Translate").click()
    expect(status(page)).to_be_visible(timeout=60_000)
    idle(page)
    assert link(page)["text"] == text
    assert page.get_by_label("English sentence").input_value() == text


def test_a_branch_of_the_search_opens(visitor: Visitor) -> None:
    page = visitor.open()
    before = chips(page)
    tree = page.locator(".beam")
    tree.locator(".node:not(.winner)").last.click()
    expect(page.get_by_text("Underlined: kept, as you chose.")).to_be_visible()
    idle(page)
    assert chips(page) != before
    assert link(page)["prefix"]
    expect(tree.locator(".node.chosen")).to_have_count(1)
