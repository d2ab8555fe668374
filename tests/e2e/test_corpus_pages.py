"""The pages Roles, Source and prefix, and Lenses in a real browser, on the bundled model."""

import re

import pytest
from playwright.sync_api import expect

import core
from core.analysis.lens.logit_lens import logit_lens
from core.analysis.roles.roles import read_roles
from core.checkpoint.bundled import bundled_root
from explorer.app_pages.roles.figures import in_words
from explorer.figures.head import piece_label
from tests.bundled import traced
from tests.e2e.conftest import Visitor, box_of, idle, link, overflow_px, violations

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("visitor", ["light", "dark narrow"], indirect=True)
def test_a_square_opens_its_head_and_sentences(visitor: Visitor, streamlits_own: set[str]) -> None:
    roles = read_roles(bundled_root() / "en-de")
    assert roles
    place, main = next(
        (place, main)
        for place in sorted(roles.scores)
        if place.kind == "encoder" and place.layer and (main := roles.main(place))
    )
    page = visitor.open("/roles")
    expect(page.get_by_role("heading", name="What does each head do?")).to_be_visible()
    idle(page)
    assert overflow_px(page) <= 0
    assert violations(page) <= streamlits_own
    page.get_by_role("button", name=f"{place.in_words.capitalize()}: {in_words(main)}").click()
    page.wait_for_url(re.compile("kind=encoder"))
    idle(page)
    expect(page.get_by_role("heading", name=place.name)).to_be_visible()
    source, target = roles.sentences[main.most[0].sentence]
    expect(page.get_by_text(f"{source} → {target}")).to_be_visible()
    page.get_by_role("button", name="Open in Heads").first.click()
    expect(page.get_by_role("heading", name="Which head looks where?")).to_be_visible()
    idle(page)
    found = link(page)
    assert (found["text"], found["kind"], found["layer"], found["head"]) == (
        source, "encoder", str(place.layer_number), str(place.head_number),
    )  # fmt: skip


@pytest.mark.parametrize("visitor", ["light", "dark narrow"], indirect=True)
def test_source_and_prefix(visitor: Visitor, streamlits_own: set[str]) -> None:
    page = visitor.open("/contributions")
    expect(
        page.get_by_role("heading", name="From the source, or from the words before?")
    ).to_be_visible()
    idle(page)
    assert overflow_px(page) <= 0
    assert violations(page) <= streamlits_own
    assert page.locator(".words .share").count() == len(traced().target.text.split())
    page.get_by_role("radio", name="1", exact=True).click()
    page.wait_for_url(re.compile("depth=1"))
    idle(page)
    expect(page.get_by_text("6 of 6 checks")).to_be_visible()


def test_translate_shows_the_shares_once_the_model_is_loaded(visitor: Visitor) -> None:
    page = visitor.open("/")
    expect(page.locator(".words .share").first).to_be_visible()
    title = page.locator(".words .target .word").first.get_attribute("title")
    assert title is not None
    assert re.search(r"of it comes from the source$", title)


def test_a_cell_of_the_lens_is_read(visitor: Visitor) -> None:
    page = visitor.open("/lenses")
    model = core.load(bundled_root() / "en-de")
    trace = model.trace(link(page)["text"])
    found = logit_lens(model.checkpoint.model, model.checkpoint.vocabulary, trace)
    n_depths, n_steps = found.ranks.shape
    cells = page.locator(".js-plotly-plot").nth(1).locator(".nsewdrag").first
    cells.scroll_into_view_if_needed()
    box = box_of(cells)
    depth, step = 1, 4  # counted from below and from 0
    x = box["width"] * (step + 0.5) / n_steps
    y = box["height"] * (n_depths - depth - 0.5) / n_depths
    cells.click(position={"x": x, "y": y})
    page.wait_for_url(re.compile("read=1"))
    idle(page)
    assert link(page)["step"] == str(step + 1)
    expect(page.get_by_text(f"Layer {depth} at step {step + 1}")).to_be_visible()
    written = piece_label(trace.target.pieces[step].name)
    expect(
        page.get_by_text(f"The rank of “{written}” among all pieces, step {step + 1}")
    ).to_be_visible()
