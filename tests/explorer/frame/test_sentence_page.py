"""What every page shares: a changed model is never shown unnoticed."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import streamlit as st

from explorer.choice.choice import MOST_ALPHA, MOST_TEMPERATURE
from explorer.engine import heavy
from explorer.engine.checkpoints import listed
from explorer.figures.head import piece_label
from explorer.frame import sentence_page
from tests.checkpoints import SENTENCE, grammar_tokenizer, write_checkpoint
from tests.explorer.pages import Open, button, link, open_page
from tests.explorer.readings import read

__all__ = ["open_page"]

ABLATION = "enc.pos=shift:3"
AS_IT_IS = "Use the model as it is"


@pytest.mark.parametrize("name", ["translate", "heads", "positions"])
def test_a_changed_model_is_named_and_one_click_away_from_the_whole_one(
    open_page: Open, name: str
) -> None:
    page = open_page(page=name, text=SENTENCE, ablation=ABLATION)
    assert not page.exception
    said = page.warning[0].value.replace("\\", "")
    assert "The model is changed here too: positions shift:3 in the encoder." in said
    assert link(page, "ablation") == ABLATION
    page = button(page, AS_IT_IS).click().run()
    assert not page.exception
    assert not page.warning
    assert "ablation" not in page.query_params


def test_a_change_holds_for_other_sentences(open_page: Open) -> None:
    page = open_page(page="heads", text=SENTENCE, ablation=ABLATION)
    page.text_input[0].set_value("The cat finds a ball.")
    page = button(page, "Translate").click().run()
    assert link(page, "text") == "The cat finds a ball."
    assert link(page, "ablation") == ABLATION


def test_what_was_chosen_of_one_model_does_not_hold_for_another(
    open_page: Open, tmp_path: Path
) -> None:
    write_checkpoint(tmp_path / "other", n_heads=2)
    usual = dict(open_page(page="heads", text=SENTENCE, model="other").query_params)
    of_tiny = {"ablation": ABLATION, "layer": "2", "head": "3", "step": "4", "prefix": "300"}
    page = open_page(page="heads", text=SENTENCE, model="tiny", **of_tiny)
    page = page.selectbox(key="choose_model").set_value("other").run()
    assert not page.exception
    assert link(page, "model") == "other"
    assert dict(page.query_params) == usual


def test_a_change_that_the_model_has_no_place_for_says_so_and_can_be_left(open_page: Open) -> None:
    page = open_page(page="heads", text=SENTENCE, ablation="cross.L9H1=0")
    assert not page.exception
    assert "there is no layer 9" in page.error[0].value
    page = button(page, AS_IT_IS).click().run()
    assert not page.error


@pytest.mark.parametrize(
    "search",
    [{"alpha": "3"}, {"method": "sample", "temperature": "3"}],
    ids=["alpha", "temperature"],
)
def test_a_search_that_no_slider_offers_gets_a_notice(
    open_page: Open, search: dict[str, str]
) -> None:
    page = open_page(page="heads", text=SENTENCE, **search)
    assert not page.exception
    assert "must be a number from" in page.warning[0].value


@pytest.mark.parametrize(
    "search",
    [{"alpha": str(MOST_ALPHA)}, {"method": "sample", "temperature": str(MOST_TEMPERATURE)}],
    ids=["alpha", "temperature"],
)
def test_the_largest_value_of_a_slider_is_a_link_too(
    open_page: Open, search: dict[str, str]
) -> None:
    page = open_page(page="heads", text=SENTENCE, **search)
    assert not page.exception
    assert not page.warning


def test_no_change_no_notice(open_page: Open) -> None:
    page = open_page(page="heads", text=SENTENCE)
    assert not page.warning
    assert AS_IT_IS not in [found.label for found in page.button]


SHOWS_TYPED = ["translate", "heads", "inside"]
LEAVES_OUT = ["ablate", "positions", "training"]
BY_ITSELF = "Undo my choice"


@pytest.mark.parametrize("name", [*SHOWS_TYPED, *LEAVES_OUT])
def test_a_typed_translation_is_named_and_one_click_away_from_the_models_own(
    open_page: Open, name: str
) -> None:
    page = open_page(page=name, text=SENTENCE, target="Der Mann.")
    assert not page.exception
    said = page.warning[0].value.replace("\\", "")
    assert ("You typed this translation, or an example" in said) == (name in SHOWS_TYPED)
    assert ("is left out" in said) == (name in LEAVES_OUT)
    page = button(page, BY_ITSELF).click().run()
    assert not page.warning
    assert "target" not in page.query_params


@pytest.mark.parametrize("name", [*SHOWS_TYPED, *LEAVES_OUT])
def test_chosen_pieces_are_counted_and_one_click_away_from_none(open_page: Open, name: str) -> None:
    page = open_page(page=name, text=SENTENCE, prefix="300.301")
    assert not page.exception
    said = read(page.warning[0].value)
    put = re.match(
        r"You put “(.+)” at step 2. What stood before is kept; the model wrote the", said
    )
    assert put
    assert put[1] == piece_label(grammar_tokenizer().names[301])
    page = button(page, BY_ITSELF).click().run()
    assert not page.warning
    assert "prefix" not in page.query_params


def test_where_the_model_chose_every_word_nothing_is_said(open_page: Open) -> None:
    for target in ("", " "):
        page = open_page(page="heads", text=SENTENCE, target=target)
        assert BY_ITSELF not in [found.label for found in page.button]


OF_ANOTHER_MODEL = {"prefix": "300.301", "ablation": "cross.L1H1=0", "layer": "2", "head": "3",
                    "snapshot": "300", "scored": "3"}  # fmt: skip


@pytest.mark.parametrize("name", ["translate", "heads", "ablate", "training"])
def test_what_a_lost_model_leaves_in_a_link_is_not_applied_to_another(
    open_page: Open, name: str
) -> None:
    plain = open_page(page=name, text=SENTENCE)
    page = open_page(page=name, text=SENTENCE, model="lost", **OF_ANOTHER_MODEL)
    assert not page.exception
    assert not page.error
    (warning,) = (found.value.replace("\\", "") for found in page.warning)
    assert warning == (
        "The model lost cannot be shown: there is no such folder; prefix, ablation, layer, head, scored "
        "and snapshot, which depend on it, are left out too. The usual one is shown instead."
    )
    assert dict(page.query_params) == dict(plain.query_params)
    page = button(page, "Translate").click().run()
    assert not page.exception


def test_a_model_that_goes_while_the_app_runs_takes_its_own_with_it(
    open_page: Open, tmp_path: Path
) -> None:
    write_checkpoint(tmp_path / "other", n_heads=2)
    page = open_page(page="heads", text=SENTENCE, model="other", prefix="300")
    assert not page.error
    shutil.rmtree(tmp_path / "other")
    listed.clear()
    page = page.run()
    assert not page.exception
    assert "The model other cannot be shown" in page.warning[0].value
    assert not {"model", "prefix"} & set(page.query_params)


CLAIMS = ("the model wrote", "the model scored", "what the model writes", "is changed here too",
          "is shown instead")  # fmt: skip


@pytest.mark.parametrize("name", [*SHOWS_TYPED, *LEAVES_OUT])
@pytest.mark.parametrize(
    ("asked", "leave"),
    [
        ({"prefix": "99999"}, BY_ITSELF),
        ({"target": "Der Mann."}, BY_ITSELF),
        ({"ablation": "enc.L1=skip"}, AS_IT_IS),
        ({"beam_size": "17"}, None),
    ],
    ids=["prefix", "typed", "ablation", "notice"],
)
def test_above_an_error_nothing_is_claimed_to_be_done(
    open_page: Open, monkeypatch: pytest.MonkeyPatch, name: str, asked: dict[str, str], leave: str
) -> None:
    def refuse(*_: object) -> None:
        raise ValueError("it is too long")

    monkeypatch.setattr(sentence_page.traces, "trace", refuse)
    page = open_page(page=name, text=SENTENCE, **asked)
    assert not page.exception
    assert "cannot be translated" in page.error[0].value
    assert not [
        warning.value for warning in page.warning if any(c in warning.value for c in CLAIMS)
    ]
    assert leave is None or leave in [found.label for found in page.button]


def test_a_link_is_read_though_its_page_is_given_up_before_its_turn(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever opens a link and at once chooses another page from the menu keeps the sentence."""

    @contextmanager
    def given_up() -> Iterator[None]:
        st.stop()
        yield

    with monkeypatch.context() as patch:
        patch.setattr(heavy, "visit", given_up)
        page = open_page(page="heads", text=SENTENCE)
    assert not page.text_input
    page.query_params.clear()
    page.run()
    assert link(page, "text") == SENTENCE
