"""The guided tour: every stop is a page in a state that the app can show."""

import numpy as np
import pytest

from core.analysis.ablation import Ablation
from core.checkpoint.bundled import bundled_root
from explorer.app_pages.registry import PAGES, url_path
from explorer.choice.choice import read_query
from explorer.choice.url_fields import is_field
from explorer.frame.tour import FIRST, STOPS, TourFields
from tests.explorer.apart import traced
from tests.explorer.choice.test_choice import PAGES as FIELDS
from tests.explorer.pages import Open, link, open_page
from tests.explorer.readings import said

__all__ = ["open_page"]
IDS = [stop.title for stop in STOPS]


@pytest.mark.parametrize("stop", STOPS, ids=IDS)
def test_a_stop_is_a_page_and_a_link_without_a_fault(stop) -> None:  # type: ignore[no-untyped-def]
    assert stop.page in {url_path(script) for script in PAGES.values()}
    reading = read_query(stop.query)
    assert reading.notices == ()
    assert all(is_field(name) for name in stop.query)
    for fields in FIELDS:
        notices: list[str] = []
        reading.choice.of(fields, notices)
        assert notices == []


@pytest.mark.parametrize("stop", STOPS, ids=IDS)
def test_a_stop_is_told_in_two_sentences(stop) -> None:  # type: ignore[no-untyped-def]
    ends = sum(stop.says.count(end) for end in (". ", "? ", ": ")) + 1
    assert 2 <= ends <= 4
    assert len(stop.says) < 300


def test_the_tour_starts_with_its_own_sentence_and_leads_on(open_page: Open) -> None:
    page = open_page(text="The cat finds a ball.")
    assert f"of {len(STOPS)}" not in said(page)
    page = next(button for button in page.button if button.label == "Tour").click().run()
    assert f"1 of {len(STOPS)} · {STOPS[0].title}." in said(page)
    assert link(page, "text") == FIRST
    page = page.button(key="tour_Next").click().run()
    page = page.button(key="tour_Next").click().run()
    assert f"3 of {len(STOPS)} · {STOPS[2].title}." in said(page)
    assert link(page, "tour") == "3"


def test_the_tour_leads_back_and_ends(open_page: Open) -> None:
    page = open_page(page="heads", text=FIRST, tour="4", kind="encoder")
    page = page.button(key="tour_Back").click().run()
    assert f"3 of {len(STOPS)} · {STOPS[2].title}." in said(page)
    page = page.button(key="tour_end").click().run()
    assert f"of {len(STOPS)}" not in said(page)
    assert "tour" not in page.query_params


def test_a_stop_that_was_left_says_so_and_is_one_click_away(open_page: Open) -> None:
    page = open_page(page="anatomy", text=FIRST, tour="3")
    assert "You left the tour here" in said(page)
    page = page.button(key="tour_This stop").click().run()
    assert STOPS[2].says in said(page)


def test_the_ends_of_the_tour_lead_nowhere_else(open_page: Open) -> None:
    assert open_page(page="", tour="1", text=FIRST).button(key="tour_Back").disabled
    last = str(len(STOPS))
    page = open_page(page=STOPS[-1].page, tour=last, text=FIRST)
    assert not [button for button in page.button if button.label == "Next"]
    assert TourFields.from_query({"tour": last}, []).tour == len(STOPS)


def test_a_stop_that_there_is_not_is_told(open_page: Open) -> None:
    page = open_page(text=FIRST, tour="99")
    assert any(
        "tour" in warning.value and "from 1 to 10" in warning.value for warning in page.warning
    )
    assert f"of {len(STOPS)}" not in said(page)


def test_after_the_last_stop_the_reader_has_the_own_sentence_again(open_page: Open) -> None:
    last = STOPS[-1].page
    page = open_page(page=last, text="The cat finds a ball.")
    page = next(button for button in page.button if button.label == "Tour").click().run()
    kept = page.session_state["before_tour"]
    page = open_page(page=last, text=FIRST, tour=str(len(STOPS)))
    page.session_state["before_tour"] = kept
    page = page.button(key="tour_finish").click().run()
    assert link(page, "text") == "The cat finds a ball."
    assert "tour" not in page.query_params
    page = open_page(page=last, text=FIRST, tour=str(len(STOPS)))
    page = page.button(key="tour_finish").click().run()
    assert "tour" not in page.query_params


def test_what_the_tour_says_of_the_bundled_model_is_so() -> None:
    """The switched-off head changes words; shifted by five places, nothing of the sentence is left."""
    folder = bundled_root() / "en-de"
    ablate = next(stop for stop in STOPS if stop.page == "ablate")
    before = traced(folder, text=ablate.query["text"])
    after = traced(folder, ablate.query["ablation"], text=ablate.query["text"])
    assert "schließen" in before.target.text
    assert "bitte" in before.target.text
    assert "aufschließen" in after.target.text
    assert "bitte" not in after.target.text
    encoder = next(stop for stop in STOPS if stop.query.get("kind") == "encoder")
    layer, head = int(encoder.query["layer"]), int(encoder.query["head"])
    weights = traced(folder, text=encoder.query["text"]).weights["encoder"][layer - 1, head - 1]
    assert np.mean(weights.argmax(1)[1:] == np.arange(len(weights) - 1)) > 0.75
    shift = next(stop for stop in STOPS if stop.page == "positions")
    k = shift.query["k"]
    change = str(Ablation.parse(f"pos=shift:{k}"))
    moved = traced(folder, change, text=shift.query["text"]).target.text
    assert not any(letter.isalpha() for letter in moved)
