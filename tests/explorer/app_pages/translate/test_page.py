"""The Translate page, run without a browser, on models of different shapes."""

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from explorer.choice.choice import Run
from explorer.choice.examples import EXAMPLES
from explorer.engine import traces
from explorer.figures.axes import signed
from explorer.frame.messages import plain
from tests.checkpoints import SENTENCE, write_checkpoint
from tests.explorer.pages import LATE, SHAPES, Open, button, link, open_page, subheaders, texts

__all__ = ["open_page"]

OTHER = "The cat finds a ball."


def helps(page: AppTest) -> str:
    """What is told of texts that are pointed at."""
    return " ".join(text.help or "" for text in page.markdown)


def ask(page: AppTest, text: str) -> AppTest:
    page.text_input[0].set_value(text)
    return button(page, "Translate").click().run()  # type: ignore[no-any-return]


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_every_shape_of_model_is_drawn(open_page: Open, shape: dict[str, Any]) -> None:
    page = open_page(shape, text=SENTENCE)
    assert not page.exception
    assert not page.error
    assert link(page, "step") == "1"


def test_another_sentence_changes_the_link(open_page: Open) -> None:
    page = ask(open_page(text=SENTENCE, prefix="300.301"), OTHER)
    assert not page.exception
    assert link(page, "text") == OTHER
    assert "prefix" not in page.query_params


def test_undo_goes_back_and_what_was_chosen_is_forgotten_at_a_click(open_page: Open) -> None:
    page = open_page(text=SENTENCE, prefix="300.301")
    assert button(page, "Undo").disabled
    page = button(ask(page, OTHER), "Undo").click().run()
    assert link(page, "text") == SENTENCE
    assert link(page, "prefix") == "300.301"
    page = button(page, "Undo my choice").click().run()
    assert "prefix" not in page.query_params
    assert link(page, "text") == SENTENCE


def test_undo_goes_back_one_at_a_time(open_page: Open) -> None:
    page = open_page(text=SENTENCE)
    for text in (OTHER, "A cat sees a dog."):
        page = ask(page, text)
    for text in (OTHER, SENTENCE):
        page = button(page, "Undo").click().run()
        assert link(page, "text") == text
    assert button(page, "Undo").disabled


def test_a_typed_translation_is_scored(open_page: Open, tmp_path: Path) -> None:
    page = open_page(text=SENTENCE)
    page.text_area[0].set_value("Der Mann sieht ein Haus.")
    page = button(page, "Score").click().run()
    assert not page.exception
    assert link(page, "target") == "Der Mann sieht ein Haus."
    run = Run(text=SENTENCE, target="Der Mann sieht ein Haus.")
    for shown, said in (
        (run, "total log-probability {}."),
        (run.replace(target=""), "total log-probability {}."),
    ):
        trace = traces.trace(tmp_path / "tiny", shown)
        assert said.format(signed(trace.best.log_probability_nats, 2)) in texts(page)
    assert "The model’s own, “" in texts(page)
    assert texts(page).count("per piece on average") == 2


def test_the_models_own_translation_is_free_of_pieces_chosen_before(
    open_page: Open, tmp_path: Path
) -> None:
    page = open_page(text=SENTENCE, prefix="300.301", target="Der Mann sieht ein Haus.")
    own = traces.trace(tmp_path / "tiny", Run(text=SENTENCE))
    assert signed(own.best.log_probability_nats, 2) in texts(page)
    assert f"“{plain(own.target.text)}”" in texts(page)


def test_of_a_typed_translation_no_search_is_told(open_page: Open) -> None:
    page = open_page(text=SENTENCE, target="Der Mann sieht ein Haus.")
    assert "What the search explored" not in subheaders(page)
    assert "branch scored best" not in texts(page)
    assert "Underlined: typed by you." in texts(page)
    assert "Your translation:" not in texts(open_page(text=SENTENCE))


def test_a_run_stays_beside_while_another_is_made(open_page: Open) -> None:
    page = button(open_page(text=SENTENCE), "Pin to compare").click().run()
    page = ask(page, OTHER)
    assert not page.exception
    assert "red+house" in link(page, "beside")
    assert link(page, "text") == OTHER
    assert "**Pinned translation**" in texts(page)
    page = button(page, "Unpin").click().run()
    assert "beside" not in page.query_params


def test_recent_sentences_and_examples_are_one_click_away(open_page: Open) -> None:
    page = ask(open_page(text=SENTENCE), OTHER)
    recent = next(found for found in page.button if found.key == "recent-0")
    page = recent.click().run()
    assert link(page, "text") == SENTENCE
    example = next(found for found in page.button if found.key == "example-1")
    page = example.click().run()
    assert link(page, "text") == EXAMPLES[1]
    assert page.text_input[0].value == EXAMPLES[1]


@pytest.mark.parametrize("text", ["", "   ", "\u00a0"])
def test_nothing_to_translate_is_asked_for(open_page: Open, text: str) -> None:
    page = ask(open_page(text=SENTENCE), text)
    assert not page.exception
    assert "Type a sentence" in page.info[0].value


def test_a_text_of_too_many_pieces_is_refused_kindly(open_page: Open) -> None:
    page = open_page(text="house " * 600)
    assert not page.exception
    assert "at most 512" in page.error[0].value


def test_a_prefix_of_another_vocabulary_is_refused_kindly(open_page: Open) -> None:
    page = open_page(text=SENTENCE, prefix="7000")
    assert not page.exception
    assert "names piece 7000, but this model has pieces up to 499" in page.error[0].value


def test_a_model_that_is_not_there_gets_a_notice(open_page: Open) -> None:
    page = open_page(text=SENTENCE, model="fr-en")
    assert not page.exception
    assert "there is no such folder" in page.warning[0].value.replace("\\", "")


@pytest.mark.parametrize(("metrics", "is_said"), [(LATE, True), ({}, False)])
def test_ribbons_say_where_they_are_read_one_step_late(
    open_page: Open, tmp_path: Path, metrics: dict[str, Any], is_said: bool
) -> None:
    write_checkpoint(tmp_path / "tiny", metrics=metrics)
    page = open_page(text=SENTENCE)
    assert not page.exception
    assert ("a ribbon shows the row of the next step" in helps(page)) == is_said


@pytest.mark.parametrize(
    ("ablation", "is_drawn"),
    [("cross.L2H3=0", False), ("cross.L2H3=uniform", False), ("dec.L2=skip", False),
     ("cross.L2H4=0", True)],
)  # fmt: skip
def test_no_ribbons_follow_a_head_whose_looks_make_no_difference(
    open_page: Open, tmp_path: Path, ablation: str, is_drawn: bool
) -> None:
    write_checkpoint(tmp_path / "tiny", metrics=LATE)
    page = open_page(text=SENTENCE, ablation=ablation)
    assert not page.exception
    said = f"they follow layer 2, head 3, and under this change of the model ({ablation})"
    assert (said in texts(page)) != is_drawn
    assert ("was aligned with (layer 2, head 3)" in texts(page)) == is_drawn


def test_an_earlier_run_that_failed_is_neither_compared_nor_an_error_of_this_one(
    open_page: Open,
) -> None:
    page = open_page(text=SENTENCE, ablation="cross.L9H1=0")
    assert page.error
    page = button(page, "Use the model as it is").click().run()
    assert not page.exception
    assert not page.error
    assert "Pin to compare" in [found.label for found in page.button]
    assert "Dashed" not in texts(page)


def test_a_run_beside_that_cannot_be_shown_is_not_called_this_text(open_page: Open) -> None:
    page = open_page(text=SENTENCE, beside="text=A+dog.&prefix=7000")
    assert not page.exception
    assert page.error[0].value.startswith(
        "The pinned translation cannot be shown: the link's prefix"
    )
    assert "Unpin" in [found.label for found in page.button]
