"""The Table 3 page, run without a browser, before and after rows are trained."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.system.files import write_json
from explorer.choice.examples import CAPTION, EXAMPLES
from tests.checkpoints import SENTENCE, write_checkpoint
from tests.core.tables import made_up_table
from tests.explorer.pages import Open, button, link, open_page, plot, subheaders
from tests.explorer.readings import components

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


def table(page: AppTest) -> dict[str, Any]:
    (data,) = components(page, "table3")
    return data  # type: ignore[no-any-return]


def test_before_anything_is_trained_a_command_stands_and_the_paper_is_folded(
    open_page: Open,
) -> None:
    page = open_page(page="table3", text=SENTENCE)
    assert not page.exception
    assert "No row is trained here yet" in page.info[0].value
    assert any("python -m core table3" in code.value for code in page.code)
    assert [of.label for of in page.expander] == ["The paper's numbers"]
    shown = table(page)
    assert len(shown["rows"]) == 20
    assert [of["key"] for of in shown["columns"]] == [
        "paper_perplexity", "paper_bleu", "paper_parameters",
    ]  # fmt: skip
    assert not page.get("plotly_chart")


def test_rows_of_every_shape_translate_side_by_side(trained: Callable[..., AppTest]) -> None:
    page = trained(compared="base,A-h1,C-N2,D-drop0.0")
    assert not page.exception
    assert len(page.get("plotly_chart")) == 3
    body = next(of.proto.body for of in page.get("html") if 'class="compared"' in of.proto.body)
    for name in ("base", "A-h1", "C-N2", "D-drop0.0"):
        assert f"<b>{name}</b>" in body
    assert "24 of 24 checks passed: what you see is what the models computed" in [
        of.label for of in page.expander
    ]
    checks = next(of.value for of in page.dataframe if "model" in of.value)
    assert set(checks["model"]) == {"base", "A-h1", "C-N2", "D-drop0.0"}
    assert link(page, "compared") == "base,A-h1,C-N2,D-drop0.0"
    assert table(page)["view"]["compared"] == ["base", "A-h1", "C-N2", "D-drop0.0"]


def test_the_table_looks_as_the_link_says(trained: Callable[..., AppTest]) -> None:
    chosen = {"sort": "bleu", "down": "1", "opened": "A-h1"}
    page = trained(compared="base", **chosen)
    assert table(page)["view"] == {
        "sort": "bleu", "down": True, "opened": ["A-h1"], "compared": ["base"],
    }  # fmt: skip
    assert {name: link(page, name) for name in chosen} == chosen
    page = trained(sort="beauty", compared="base")
    assert "sort=beauty" in page.warning[0].value.replace("\\", "")
    assert table(page)["view"]["sort"] == ""


def test_an_untrained_row_cannot_be_compared_and_a_loadable_one_can(
    trained: Callable[..., AppTest],
) -> None:
    can = {row["name"] for row in table(trained())["rows"] if row["can_compare"]}
    assert can == set(SHAPES)


def test_the_usual_sentence_is_a_caption_until_the_reader_names_another(
    open_page: Open, tmp_path: Path
) -> None:
    write_checkpoint(tmp_path / "table3" / "base")
    page = open_page(page="table3")
    assert page.text_input[0].value == link(page, "text") == CAPTION
    page = page.switch_page("app_pages/heads/page.py").run()
    assert page.text_input[0].value == EXAMPLES[0]
    page.text_input[0].set_value(EXAMPLES[0] + " Hm.")
    page = button(page, "Translate").click().run()
    page = page.switch_page("app_pages/table3/page.py").run()
    assert page.text_input[0].value == EXAMPLES[0] + " Hm."
    assert open_page(page="table3", text=EXAMPLES[0]).text_input[0].value == EXAMPLES[0]


def test_an_unlike_sentence_is_told_with_a_way_out(trained: Callable[..., AppTest]) -> None:
    page = trained(compared="base")
    assert "Base is unsure here" in page.warning[0].value
    page = button(page, "Use a caption instead").click().run()
    assert link(page, "text") == CAPTION


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
    (body,) = [of.proto.body for of in page.get("html") if "<mark" in of.proto.body]
    assert "<b>base</b>" not in body  # marked against base, which is not among the chosen


def test_a_row_that_is_not_there_gets_a_notice(trained: Callable[..., AppTest]) -> None:
    page = trained(compared="A-h32,base")
    assert not page.exception
    assert any("No weights of A" in warning.value for warning in page.warning)
    assert page.multiselect[0].value == ["base"]


def test_a_row_to_open_that_there_is_not_is_told(trained: Callable[..., AppTest]) -> None:
    page = trained(opened="zzz,base")
    assert any("opened zzz" in each.value for each in page.warning)
    assert link(page, "opened") == "base"


def test_quality_is_chosen_in_the_link(trained: Callable[..., AppTest]) -> None:
    page = trained(quality="perplexity", compared="base")
    assert "perplexity" in plot(page)["layout"]["yaxis"]["title"]["text"]
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
