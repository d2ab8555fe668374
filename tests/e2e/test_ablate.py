"""The Ablate page in a real browser, on the bundled checkpoint."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from explorer.choice.examples import EXAMPLES
from explorer.figures.axes import signed
from tests.bundled import OFF, best_head, effect_of, worth_of_heads
from tests.e2e.conftest import LOOKS, Visitor, idle, link, open_from_menu, overflow_px, violations

pytestmark = pytest.mark.e2e


DONE = "6 of 6 checks of this sentence passed"


def opened(visitor: Visitor, query: str = "") -> Page:
    """The page, drawn to its end."""
    page = visitor.open(f"/ablate{query}")
    expect(page.get_by_text(DONE)).to_be_visible()
    idle(page)
    return page


def switch(page: Page, name: str) -> Locator:
    return page.get_by_role("switch", name=re.compile(f"^{name}[,:]"))


def head(page: Page, kind: str, layer: int, number: int) -> Locator:
    return switch(page, f"{kind}, layer {layer}, head {number}")


def answered(page: Page, ablation: str) -> None:
    """Wait until the link says so, and the page is drawn again."""
    page.wait_for_function(
        "wanted => (new URLSearchParams(location.search).get('ablation') ?? '') === wanted",
        arg=ablation,
        timeout=60_000,
    )
    idle(page)


def test_a_click_switches_a_head_off_and_another_on_again(visitor: Visitor) -> None:
    page = opened(visitor)
    assert "ablation" not in link(page)
    best = head(page, "Cross-attention", 1, 6)
    expect(best).to_have_attribute("aria-checked", "true")
    best.click()
    expect(best).to_have_attribute("aria-checked", "false")  # at once
    answered(page, "cross.L1H6=0")
    expect(page.get_by_text("With cross-attention layer 1, head 6 off: ")).to_be_visible()
    best.click()
    answered(page, "")
    expect(page.locator(".words .line.target")).to_have_count(1)


def test_a_double_click_leaves_one_head_alone_and_another_brings_all_back(
    visitor: Visitor,
) -> None:
    page = opened(visitor)
    alone = head(page, "Cross-attention", 1, 6)
    alone.dblclick()
    expect(page.get_by_text("With 31 heads of cross-attention off: ")).to_be_visible()
    idle(page)
    expect(alone).to_have_attribute("aria-checked", "true")
    expect(head(page, "Cross-attention", 4, 8)).to_have_attribute("aria-checked", "false")
    expect(head(page, "Encoder self-attention", 1, 1)).to_have_attribute("aria-checked", "true")
    assert len(link(page)["ablation"].split(",")) == 31
    alone.dblclick()
    answered(page, "")


def test_quick_clicks_are_one_question(visitor: Visitor) -> None:
    page = opened(visitor)
    heads = [head(page, "Encoder self-attention", 2, number) for number in (1, 2, 3)]
    elements = [each.element_handle() for each in heads]
    page.evaluate("elements => elements.forEach((each) => each.click())", elements)  # at once
    answered(page, "enc.L2H1=0,enc.L2H2=0,enc.L2H3=0")
    page.get_by_role("button", name="Undo", exact=True).click()
    answered(page, "")


def test_keys_move_switch_and_leave_alone(visitor: Visitor) -> None:
    page = opened(visitor)
    switch(page, "Encoder layer 1, whole").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    told = page.locator(".toggles .status")
    expect(told).to_contain_text("Encoder self-attention, layer 2, head 1")
    page.keyboard.press("Enter")
    answered(page, "enc.L2H1=0")
    expect(head(page, "Encoder self-attention", 2, 1)).to_be_focused()
    page.keyboard.press("s")
    expect(page.get_by_text("With 31 heads of encoder self-attention off: ")).to_be_visible()


def test_layers_sublayers_and_positions_are_switched(visitor: Visitor) -> None:
    page = opened(visitor)
    switch(page, "Encoder layer 4, whole").click()
    answered(page, "enc.L4=skip")
    inside = head(page, "Encoder self-attention", 4, 1)
    expect(inside).to_have_attribute("aria-disabled", "true")
    expect(page.locator(".words .changed").first).to_be_visible()
    switch(page, "Decoder layer 1, feed-forward sub-layer").click()
    answered(page, "enc.L4=skip,dec.L1.ffn=skip")
    switch(page, "Encoder positions").click()
    answered(page, "enc.pos=off,enc.L4=skip,dec.L1.ffn=skip")
    page.get_by_role("button", name="Switch everything on").click()
    answered(page, "")


def test_the_worth_of_each_head_fills_the_grids(visitor: Visitor) -> None:
    page = opened(visitor)
    expect(page.get_by_text("it was in the way", exact=True)).to_be_visible()
    at = best_head()
    best = head(page, "Cross-attention", at.layer_number, at.head_number)
    of_heads = worth_of_heads()
    worth = of_heads[at.label]
    nats = f"{signed(worth)} nats"
    expect(best).to_have_attribute("aria-label", re.compile(rf"best-aligned: on\. .*{nats}"))
    expect(best).to_have_text(signed(worth, 1))
    best.hover()
    expect(page.locator(".toggles .status")).to_contain_text(f"Without it alone: {nats}")
    limit = max(map(abs, of_heads.values()))
    expect(page.locator(".toggles .legend")).to_contain_text(signed(-limit))
    page.get_by_role("radio", name="on a text", exact=True).click()
    expect(best).to_have_attribute("aria-label", re.compile(r"BLEU$"))
    idle(page)
    assert link(page)["worth"] == "text"
    page.get_by_role("button", name="Without the best-aligned head").click()
    answered(page, OFF)


def test_a_head_that_changes_a_word_is_found(visitor: Visitor) -> None:
    """Where none does in the sentence on screen, the search goes on to the examples."""
    page = opened(visitor)
    page.get_by_role("button", name="Find a head that changes a word").click()
    expect(page.locator(".words .changed").first).to_be_visible(timeout=120_000)
    idle(page)
    off, text = link(page)["ablation"], link(page)["text"]
    assert re.fullmatch(r"(enc|dec|cross)\.L\dH\d=0", off)
    assert any(run.change != "same" for run in effect_of(off, text).diff)
    elsewhere = page.get_by_text("Here is one that does, in another sentence.")
    if text == EXAMPLES[0]:
        expect(elsewhere).to_have_count(0)
        return
    assert text in EXAMPLES
    expect(elsewhere).to_be_visible()
    page.get_by_role("button", name="Back to my sentence").click()
    page.wait_for_url(re.compile("text=The\\+woman"))


def test_a_preset_says_what_it_finds_and_the_link_shows_the_same(visitor: Visitor) -> None:
    page = opened(visitor)
    found = page.get_by_text("Later layers still see the source.")
    effect = effect_of("dec.L1.cross=skip")
    expect(found).to_contain_text(effect.after)
    expect(found).to_contain_text(f"falls by {-effect.delta_nats:.1f} nats")
    page.get_by_role("button", name="Without cross-attention in layer 1").click()
    answered(page, "dec.L1.cross=skip")
    new = ".words .changed .said"
    marks = page.locator(new).all_inner_texts()
    added = [run.text for run in effect.diff if run.change == "added"]
    assert marks == " ".join(added).split()
    assert marks
    again = opened(visitor, "?" + page.url.split("?")[1])
    assert again.locator(new).all_inner_texts() == marks
    expect(switch(again, "Decoder layer 1, cross-attention sub-layer")).to_have_attribute(
        "aria-checked", "false"
    )


def test_other_pages_name_the_change_and_this_one_shows_it_again(visitor: Visitor) -> None:
    page = opened(visitor, "?ablation=enc.L4%3Dskip")
    expect(page.get_by_text("The model is changed here too")).to_have_count(0)
    open_from_menu(page, "Heads")
    expect(
        page.get_by_text("The model is changed here too: encoder layer 4 skipped.")
    ).to_be_visible()


QUERIES = ["", "?ablation=cross.L1H6%3D0%2Cenc.L4%3Dskip"]


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("visitor", LOOKS, indirect=True)
def test_every_look_is_whole_and_accessible(
    visitor: Visitor, streamlits_own: set[str], query: str
) -> None:
    page = opened(visitor, query)
    assert overflow_px(page) <= 0
    assert violations(page) <= streamlits_own
