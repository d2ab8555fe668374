"""The page Inside attention, run without a browser, on models of different shapes."""

import json
import re
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tests.checkpoints import SENTENCE
from tests.explorer.pages import SHAPES, Open, link, open_page, subheaders

__all__ = ["open_page"]


def texts(page: AppTest) -> str:
    return " ".join(element.value for element in page.markdown)


def charts(page: AppTest) -> list[dict[str, Any]]:
    """The walk, the two softmaxes, the lengths of the heads' parts."""
    found = [json.loads(chart.proto.spec) for chart in page.get("plotly_chart")]
    assert len(found) == 3
    return found


@pytest.mark.parametrize("kind", ["encoder", "decoder", "cross"])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_every_shape_of_model_is_drawn(open_page: Open, shape: dict[str, Any], kind: str) -> None:
    page = open_page(shape, "inside", text=SENTENCE, kind=kind)
    assert not page.exception
    assert not page.warning
    charts(page)
    n_heads = shape.get("n_heads", 5)
    assert ("one head" in texts(page)) if n_heads == 1 else (f"all {n_heads} heads" in texts(page))


def test_a_row_of_a_byte_is_called_by_its_character(open_page: Open) -> None:
    page = open_page(page="inside", text="5 €", kind="encoder", row="5")
    assert not page.exception
    assert re.search(r":blue\[\*\*query\*\*\] of \W*€ 2\\?/3\W* asks", texts(page))


def test_a_row_is_chosen_by_name_and_by_the_arrows(open_page: Open) -> None:
    page = open_page(page="inside", text=SENTENCE, step="2")
    page = next(b for b in page.button if b.key == "Row after").click().run()
    assert link(page, "step") == "3"
    page = next(s for s in page.selectbox if s.key == "choose_step").set_value(1).run()
    assert link(page, "step") == "1"
    assert next(b for b in page.button if b.key == "Row before").disabled
    assert "“\u2068\\<s\\>\u2069”" in texts(page)


def test_the_encoders_row_is_in_the_link(open_page: Open) -> None:
    page = open_page(page="inside", text=SENTENCE, kind="encoder", row="3")
    page = next(b for b in page.button if b.key == "Row before").click().run()
    assert link(page, "row") == "2"
    assert "While the source is read" in texts(page)


def test_a_first_visit_opens_in_the_middle_of_the_sentence(open_page: Open) -> None:
    page = open_page(page="inside", text=SENTENCE)
    steps = next(s for s in page.selectbox if s.key == "choose_step").options
    assert int(link(page, "step")) == (len(steps) + 1) // 2


def test_another_kind_with_fewer_layers_keeps_to_what_is_there(open_page: Open) -> None:
    page = open_page(page="inside", text=SENTENCE, kind="decoder", layer="3", head="2")
    page = page.radio[0].set_value("encoder").run()
    assert not page.exception
    assert "encoder self-attention, layer 1, head 2" in subheaders(page)


def test_a_row_that_is_not_there_gets_a_notice(open_page: Open) -> None:
    page = open_page(page="inside", text=SENTENCE, kind="encoder", row="999")
    assert not page.exception
    assert "row 999" in page.warning[0].value


@pytest.mark.parametrize("text", ["<b>a</b> $x$ **c** :red[d]", "שלום 日本 e\u0301"])
def test_hostile_text_is_shown_as_typed(open_page: Open, text: str) -> None:
    page = open_page(page="inside", text=text, kind="encoder")
    assert not page.exception
    assert not page.error
    assert "<b>" not in "".join(charts(page)[0]["layout"]["xaxis2"]["ticktext"])


HERE = {"layer": "2", "head": "3", "step": "4"}


@pytest.mark.parametrize(
    ("ablation", "is_said"),
    [("cross.L2H3=0", True), ("cross.L2H3=uniform", True), ("dec.L2.cross=skip", True),
     ("cross.L2H3.row4=k2", True), ("cross.L2H3.row5=k2", False),
     ("cross.L2H4=0", False), ("enc.L1=skip", False)],
)  # fmt: skip
def test_a_changed_head_says_that_it_is_walked_as_it_would_be(
    open_page: Open, ablation: str, is_said: bool
) -> None:
    page = open_page(page="inside", text=SENTENCE, ablation=ablation, **HERE)
    assert not page.exception
    notices = [warning.value for warning in page.warning]
    assert len(notices) == 1 + is_said  # the frame's own comes first
    assert ("would compute otherwise" in notices[-1]) == is_said
    assert ("would pass on" in texts(page)) == is_said
