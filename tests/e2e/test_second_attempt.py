"""The Second attempt page in a real browser, on the bundled models that add and that translate."""

import re

import pytest
from playwright.sync_api import Page, expect

import core
from core.checkpoint.bundled import bundled_root
from core.config import SearchConfig
from core.training.score.results import read_results
from core.translator import Translator
from tests.e2e.conftest import LOOKS, Visitor, idle, link, open_from_menu, overflow_px, violations

pytestmark = pytest.mark.e2e

FOLDER = bundled_root() / "score" / "addition"
EXAMPLES = read_results(FOLDER).examples
TRANSLATION = bundled_root() / "score" / "translation"
CHECKED = re.compile("6 of 6 checks of the second attempt passed")


@pytest.fixture(scope="module")
def translator() -> Translator:
    return core.load(FOLDER / "score")


def opened(visitor: Visitor, query: str = "") -> Page:
    page = visitor.open(f"/second_attempt{query}")
    expect(page.get_by_text(CHECKED)).to_be_visible()
    idle(page)
    return page


def attempts(page: Page) -> list[str]:
    """The lines of target text, in words."""
    lines = page.locator(".words .line.target .text")
    return [" ".join(line.locator(".said").all_inner_texts()) for line in lines.all()]


def made(translator: Translator, text: str, draft: str | None = None) -> list[str]:
    found = translator.correct(text, draft, SearchConfig())
    first = translator.translate([text])[0]
    drafts = [] if draft is None else [draft]
    return [first, *drafts, found.second.target.text]


@pytest.mark.parametrize("visitor", LOOKS, indirect=True)
def test_both_attempts_are_the_models(
    visitor: Visitor, translator: Translator, streamlits_own: set[str]
) -> None:
    page = opened(visitor)
    text = EXAMPLES[0].source
    assert link(page)["text"] == text
    assert attempts(page) == made(translator, text)
    assert overflow_px(page) <= 0
    assert violations(page) <= streamlits_own
    result = page.locator(".sum tr.result td")
    assert "".join(result.all_inner_texts()) == EXAMPLES[0].reference
    edit = page.locator(".ribbon .edit.helped")
    expect(edit).to_have_count(1)
    first, second = attempts(page)
    assert edit.locator("del").inner_text() in first
    assert edit.locator("ins").inner_text() in second


def test_another_draft_is_read_at_once(visitor: Visitor, translator: Translator) -> None:
    page = opened(visitor)
    text = EXAMPLES[0].source
    page.get_by_role("radio", name="None", exact=True).click()
    expect(page.get_by_text("From the draft to attempt 2")).to_be_visible()
    idle(page)
    assert attempts(page)[-1] == made(translator, text, "")[-1]
    page.get_by_role("radio", name="Edited by hand").click()
    box = page.get_by_role("textbox", name="Your draft")
    box.fill("99999")
    box.press("Enter")
    page.wait_for_url(re.compile("edited=99999"))
    idle(page)
    assert attempts(page) == made(translator, text, "99999")


def test_the_same_sentence_by_another_model_at_the_same_head(visitor: Visitor) -> None:
    page = opened(visitor)
    head = link(page)["layer"], link(page)["head"]
    page.get_by_role("radio", name="Base", exact=True).click()
    page.wait_for_url(re.compile("model=score%2Faddition%2Fbase"))
    idle(page)
    assert (link(page)["layer"], link(page)["head"]) == head
    base = core.load(FOLDER / "base")
    assert attempts(page) == made(base, EXAMPLES[0].source)
    page.go_back()
    expect(page.get_by_role("heading", name="Can it correct itself?")).to_be_visible()


def test_from_a_sentence_of_another_kind_the_page_says_what_it_can_do(visitor: Visitor) -> None:
    page = opened(visitor, "?text=A%20dog.&model=score%2Faddition%2Fscore")
    expect(page.get_by_text("learnt only sums of two four-digit numbers")).to_be_visible()
    page.get_by_role("button", name="Use a sum instead").click()
    page.wait_for_url(re.compile("text=8810"))
    idle(page)
    assert attempts(page)[0].isdecimal()


def test_the_model_that_was_chosen_goes_on_to_other_pages(visitor: Visitor) -> None:
    page = opened(visitor)
    page.get_by_role("radio", name="Base", exact=True).click()
    page.wait_for_url(re.compile("model=score%2Faddition%2Fbase"))
    idle(page)
    open_from_menu(page, "Heads")
    expect(page.get_by_role("heading", name="Which head looks where?")).to_be_visible()
    idle(page)
    assert link(page)["text"] == EXAMPLES[0].source
    assert link(page)["model"] == "score/addition/base"


def test_the_task_is_switched_and_switched_back(visitor: Visitor) -> None:
    page = opened(visitor)
    page.get_by_role("radio", name="Translation", exact=True).click()
    page.wait_for_url(re.compile("model=score%2Ftranslation%2Fscore"))
    idle(page)
    example = read_results(TRANSLATION).examples[0]
    assert link(page)["text"] == example.source
    assert attempts(page) == made(core.load(TRANSLATION / "score"), example.source)
    expect(page.get_by_role("textbox", name="Reference")).to_have_value(example.reference)
    expect(page.locator(".sum")).to_have_count(0)
    expect(page.get_by_role("radio", name="multi30k-test2016")).to_be_checked()
    page.get_by_role("radio", name="Addition", exact=True).click()
    page.wait_for_url(re.compile("model=score%2Faddition%2Fscore"))
    idle(page)
    assert link(page)["text"] == EXAMPLES[0].source
    expect(page.locator(".sum")).to_have_count(1)
