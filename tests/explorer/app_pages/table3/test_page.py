"""The Table 3 page, run without a browser, before and after rows are trained."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.system.files import write_json
from tests.checkpoints import SENTENCE, write_checkpoint
from tests.core.tables import made_up_table
from tests.explorer.pages import Open, button, link, open_page, plot, subheaders

__all__ = ["open_page"]

SHAPES: dict[str, dict[str, Any]] = {
    "base": {"n_encoder_layers": 2, "n_decoder_layers": 2, "n_heads": 3},
    "A-h1": {"n_encoder_layers": 2, "n_decoder_layers": 2, "n_heads": 1},
    "C-N2": {"n_encoder_layers": 1, "n_decoder_layers": 1, "n_heads": 3},
    "D-drop0.0": {"n_encoder_layers": 3, "n_decoder_layers": 3, "n_heads": 16},
    "big": {"d_model": 28},
}


@pytest.fixture
def trained(open_page: Open, tmp_path: Path) -> Open:
    """Five rows that can be loaded, two of them in the table."""
    for name, shape in SHAPES.items():
        write_checkpoint(tmp_path / "table3" / name, **shape)
    table = write_json(made_up_table().to_json())
    (tmp_path / "table3" / "table.json").write_text(table)
    return lambda **chosen: open_page(page="table3", text=SENTENCE, **chosen)


def written(page: AppTest) -> str:
    return " ".join(text.value for text in (*page.markdown, *page.info, *page.warning))


def table(page: AppTest) -> str:
    return next(of.proto.body for of in page.get("html") if "paper-table" in of.proto.body)


def test_before_anything_is_trained_the_papers_half_is_there(open_page: Open) -> None:
    page = open_page(page="table3", text=SENTENCE)
    assert not page.exception
    assert table(page).count("not trained yet") >= 23
    assert "5.29" in table(page)
    assert len(page.get("plotly_chart")) == 1
    assert written(page).count("No row is trained yet") == 2
    assert "python -m core table3" in written(page)
    assert "switched off after training" in written(page)


def test_whatever_a_cell_says_when_pointed_at_is_said_in_words_too(
    trained: Callable[..., AppTest],
) -> None:
    page = trained(compared="base")
    (words,) = (of.proto.body for of in page.get("html") if "paper-words" in of.proto.body)
    said = set(re.findall(' title="(.*?)"', table(page)))
    assert len(said) > 50
    assert {text for text in said if text not in words} == set()


def test_rows_of_every_shape_translate_side_by_side(trained: Callable[..., AppTest]) -> None:
    page = trained(compared="base,A-h1,C-N2,D-drop0.0")
    assert not page.exception
    assert not page.warning
    assert len(page.get("plotly_chart")) == 3
    text = written(page)
    for name in ("base", "A-h1", "C-N2", "D-drop0.0"):
        assert f"**{name}**, trained with" in text
        assert f"Self-check of {name}: 6 of 6 hold" in [of.label for of in page.expander]
    assert link(page, "compared") == "base,A-h1,C-N2,D-drop0.0"


def test_without_a_choice_rows_of_different_shapes_are_shown(
    trained: Callable[..., AppTest],
) -> None:
    page = trained()
    assert page.multiselect[0].value == ["base", "A-h1", "C-N2", "big"]
    assert link(page, "compared") == "base,A-h1,C-N2,big"
    assert "compared=base%2CA-h1%2CC-N2%2Cbig" in page.code[0].value
    page = page.multiselect[0].set_value(["A-h1"]).run()
    assert not page.exception
    assert link(page, "compared") == "A-h1"
    marked = [of.proto.body for of in page.get("html") if "<mark" in of.proto.body]
    assert len(marked) == 1  # against base, which is not among the chosen


def test_a_row_that_is_not_there_gets_a_notice(trained: Callable[..., AppTest]) -> None:
    page = trained(compared="A-h32,base")
    assert not page.exception
    assert "No weights of A" in page.warning[0].value
    assert page.multiselect[0].value == ["base"]


def test_quality_is_chosen_in_the_link(trained: Callable[..., AppTest]) -> None:
    page = trained(quality="perplexity", compared="base")
    assert "Perplexity" in plot(page)["layout"]["yaxis"]["title"]["text"]
    assert link(page, "quality") == "perplexity"
    page = trained(quality="chrf", compared="base")
    assert "quality=chrf" in page.warning[0].value.replace("\\", "")


def test_a_head_opens_on_its_own_page(trained: Callable[..., AppTest]) -> None:
    page = button(trained(compared="C-N2"), "Open this head in Heads").click().run()
    assert not page.exception
    assert link(page, "model") == "table3/C-N2"
    assert "Cross-attention, layer 1" in subheaders(page)


@pytest.mark.parametrize("text", ["", "   "])
def test_nothing_to_translate_is_asked_for(trained: Callable[..., AppTest], text: str) -> None:
    page = ask(trained(compared="base"), text)
    assert "Type a sentence" in page.info[-1].value
    assert not page.error


def test_a_text_that_is_too_long_is_told(trained: Callable[..., AppTest]) -> None:
    page = ask(trained(compared="base"), "x" * 4_000)
    assert "cannot be translated" in page.error[0].value


def ask(page: AppTest, text: str) -> AppTest:
    page.text_input[0].set_value(text)
    page = button(page, "Translate").click().run()
    assert not page.exception
    return page


def test_what_was_held_fixed_or_switched_off_elsewhere_stays_out(
    trained: Callable[..., AppTest],
) -> None:
    page = trained(compared="base", prefix="99999", ablation="cross.L1H1=0")
    assert not page.exception
    assert not page.error
    assert "**base**" in written(page)


def test_a_broken_table_is_named(open_page: Open, tmp_path: Path) -> None:
    (tmp_path / "table3").mkdir()
    (tmp_path / "table3" / "table.json").write_text("{")
    page = open_page(page="table3", text=SENTENCE, quality="chrf", beam_size="17")
    assert not page.exception
    assert "is not a table" in page.error[0].value.replace("\\", "")
    assert not page.warning
