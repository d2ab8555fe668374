"""The page Inside attention, run without a browser, on models of different shapes."""

import re
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tests.checkpoints import SENTENCE
from tests.explorer.clicks import answer, click_row
from tests.explorer.pages import SHAPES, Open, link, open_page
from tests.explorer.readings import components, unpacked

__all__ = ["open_page"]


def texts(page: AppTest) -> str:
    return " ".join(element.value for element in page.markdown)


def drawn(page: AppTest) -> dict[str, Any]:
    """The header of what Equation 1 is given."""
    (data,) = components(page, "equation_in_motion")
    return unpacked(data)[0]


def text_of(page: AppTest) -> dict[str, Any]:
    """What is said about the row on screen."""
    meta = drawn(page)
    return meta["texts"][meta["sent"].index(meta["view"]["row"])]  # type: ignore[no-any-return]


def story(page: AppTest) -> str:
    parts = text_of(page)["story"]
    return "".join(part if isinstance(part, str) else part[1] for part in parts)


@pytest.mark.parametrize("kind", ["encoder", "decoder", "cross"])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_every_shape_of_model_is_drawn(open_page: Open, shape: dict[str, Any], kind: str) -> None:
    page = open_page(shape, "inside", text=SENTENCE, kind=kind)
    assert not page.exception
    if kind == "encoder" and shape.get("n_fixed_heads"):  # it opens on the clearest, which is fixed
        assert "attends by a fixed pattern" in page.warning[0].value
        return
    assert not page.warning
    assert len(page.get("plotly_chart")) == 2
    n_heads = shape.get("n_heads", 5)
    assert ("one head" in texts(page)) if n_heads == 1 else (f"all {n_heads} heads" in texts(page))


def test_a_row_of_a_byte_is_called_by_its_character(open_page: Open) -> None:
    page = open_page(page="inside", text="5 €", kind="encoder", row="5")
    assert not page.exception
    assert re.search(r"query of \W*€ 2/3\W* has", story(page))


def test_the_row_and_the_stage_that_are_chosen_are_in_the_link(open_page: Open) -> None:
    page = open_page(page="inside", text=SENTENCE, step="2")
    page = answer(page, "equation_in_motion", "view", {"row": 3, "stage": 4})
    assert (link(page, "step"), link(page, "stage")) == ("3", "4")
    assert drawn(page)["view"] == {"row": 3, "stage": 4}
    page = answer(page, "equation_in_motion", "view", {"row": 1, "stage": 6})
    assert link(page, "step") == "1"
    assert "stage" not in page.query_params
    assert "“\u2068<s>\u2069”" in story(page)


def test_the_encoders_row_is_in_the_link(open_page: Open) -> None:
    page = open_page(page="inside", text=SENTENCE, kind="encoder", row="3", stage="2")
    page = answer(page, "equation_in_motion", "view", {"row": 2, "stage": 2})
    assert (link(page, "row"), link(page, "stage")) == ("2", "2")
    assert "While the source is read" in story(page)


def test_a_click_on_the_heads_goes_to_its_head_and_row(open_page: Open) -> None:
    page = open_page(page="inside", text=SENTENCE, layer="2", head="3", step="4")
    page = click_row(page, 1, customdata=["5", 0.1, 0.2], chart=1)
    assert [link(page, name) for name in ("layer", "head", "step")] == ["2", "5", "2"]
    assert "layer 2, head 5" in drawn(page)["title"]


def test_another_kind_with_fewer_layers_keeps_to_what_is_there(open_page: Open) -> None:
    page = open_page(page="inside", text=SENTENCE, kind="decoder", layer="3", head="2")
    page = page.segmented_control(key="choose_kind").set_value("encoder").run()
    assert not page.exception
    assert drawn(page)["title"] == "Encoder self-attention, layer 1, head 2"


def test_a_row_that_is_not_there_gets_a_notice(open_page: Open) -> None:
    page = open_page(page="inside", text=SENTENCE, kind="encoder", row="999")
    assert not page.exception
    assert "row 999" in page.warning[0].value


@pytest.mark.parametrize("text", ["<b>a</b> $x$ **c** :red[d]", "שלום 日本 e\u0301"])
def test_hostile_text_is_shown_as_typed(open_page: Open, text: str) -> None:
    page = open_page(page="inside", text=text, kind="encoder")
    assert not page.exception
    assert not page.error
    labels = "".join(label for label, _ in drawn(page)["keys"])
    assert not re.search(r"&|\\\\", labels + story(page))  # the script escapes nothing twice


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
    assert len(page.warning) == 1  # the frame's own
    assert ("would compute otherwise" in text_of(page)["caveat"]) == is_said
    assert ("would pass on" in story(page)) == is_said
