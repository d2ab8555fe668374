"""The Positions page, run without a browser, on models of different shapes."""

import base64
import json
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from streamlit.testing.v1 import AppTest

from explorer.app_pages.positions.fields import PositionsFields
from tests.checkpoints import SENTENCE
from tests.explorer.pages import SHAPES, Open, button, link, open_page, plot
from tests.explorer.readings import lines_in_words, read

__all__ = ["open_page"]

PICTURES = ("curves", "table", "distance", "shift", "learned")


def texts(page: AppTest) -> str:
    return " ".join(text.value for text in page.markdown)


def markup(page: AppTest) -> list[str]:
    return [element.proto.body for element in page.get("html")]


@pytest.mark.parametrize("picture", PICTURES)
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_every_picture_is_drawn_of_every_shape(
    open_page: Open, shape: dict[str, Any], picture: str
) -> None:
    page = open_page(shape, "positions", text=SENTENCE, picture=picture)
    assert not page.exception
    assert not page.error
    assert page.get("plotly_chart")
    unfit = {"learned": picture == "shift"}.get(str(shape.get("positions")), picture == "learned")
    assert [("usual one is shown" in warning.value) for warning in page.warning] == [True] * unfit


@pytest.mark.parametrize(
    ("stacks", "kind"), [("both", "cross"), ("encoder", "encoder"), ("decoder", "decoder")]
)
@pytest.mark.parametrize("change", ["off", "shift", "scale"])
def test_every_experiment_shows_two_translations_and_two_heads(
    open_page: Open, change: str, stacks: str, kind: str
) -> None:
    page = open_page(page="positions", text=SENTENCE, positions=change, stacks=stacks, kind=kind)
    assert not page.exception
    assert not page.error
    assert len(page.get("plotly_chart")) == 3
    strips = [part for part in markup(page) if "<ol" in part]
    assert len(strips) == (2 if stacks == "both" else 1)
    assert "Made to write the first translation" in texts(page)
    assert [expander.label for expander in page.expander] == [
        "The strongest links before as a table",
        "The strongest links after as a table",
        "6 of 6 checks of the changed run passed",
        "6 of 6 checks of this sentence passed",
    ]


def test_a_typed_translation_is_left_out_before_and_after(open_page: Open) -> None:
    page = open_page(page="positions", text=SENTENCE, target="Der Mann.", positions="off")
    assert not page.exception
    assert not any("Der Mann." in part for part in markup(page))
    same = open_page(page="positions", text=SENTENCE, positions="off")
    assert lines_in_words(page) == lines_in_words(same)


def test_a_change_that_changes_nothing_says_so(open_page: Open) -> None:
    page = open_page(page="positions", text=SENTENCE, positions="scale", scale="1.0")
    assert "stays the same, word for word" in texts(page)
    assert "0% of this head’s weight moved" in texts(page)
    first, second = (
        np.frombuffer(base64.b64decode(json.loads(chart.proto.spec)["data"][0]["z"]["bdata"]), "f4")
        for chart in page.get("plotly_chart")[1:]
    )
    assert_allclose(first, second, rtol=0, atol=1e-6)


def test_the_experiment_stays_on_its_page(open_page: Open) -> None:
    page = open_page(page="positions", text=SENTENCE, positions="shift", k="3")
    assert "ablation" not in page.query_params
    page = page.switch_page("app_pages/translate/page.py").run()
    assert not page.exception
    assert "ablation" not in page.query_params
    assert link(page, "positions") == "shift"  # and is there again on the way back


def test_the_experiment_comes_on_top_of_a_model_changed_already(open_page: Open) -> None:
    page = open_page(page="positions", text=SENTENCE, ablation="enc.L1.ffn=skip", positions="off")
    assert not page.exception
    assert not page.error
    page = open_page(page="positions", text=SENTENCE, ablation="pos=off", positions="off")
    assert "is named twice" in page.error[0].value


def test_another_head_is_chosen(open_page: Open) -> None:
    page = open_page(page="positions", text=SENTENCE, layer="1", head="1")
    page = page.segmented_control(key="choose_which").set_value("chosen").run()
    assert not page.exception
    assert link(page, "which") == "chosen"
    assert "**Cross-attention, layer 1, head 1, before**" in texts(page)


def test_the_strongest_effects_are_one_click_away(open_page: Open) -> None:
    page = button(open_page(page="positions", text=SENTENCE), "Shift all by 5").click().run()
    assert "With positions shifted by 5: " in read(texts(page))
    page = button(page, "Take the order away").click().run()
    assert "With positions scaled by 0: " in read(texts(page))
    assert not page.exception


def test_a_link_of_before_opens_the_experiment(open_page: Open) -> None:
    page = open_page(
        page="positions", text=SENTENCE, picture="experiment", positions="shift", k="3"
    )
    assert not page.warning
    assert "With positions shifted by 3: " in read(texts(page))


def test_steps_after_are_those_of_the_first_translation_or_of_the_new_one(open_page: Open) -> None:
    for rows, is_same in (("first", True), ("new", False)):
        page = open_page(page="positions", text=SENTENCE, positions="scale", scale="0.0", rows=rows)
        assert not page.exception
        before, after = (json.loads(c.proto.spec)["layout"] for c in page.get("plotly_chart")[1:])
        assert (before["yaxis"]["ticktext"] == after["yaxis"]["ticktext"]) == is_same


def test_bad_links_get_notices_and_what_is_shown_is_in_the_link(open_page: Open) -> None:
    bad = {"dimensions": "3.99", "k": "80", "stacks": "x"}
    page = open_page({"max_positions": 80}, "positions", text=SENTENCE, picture="curves", **bad)
    notices = " ".join(warning.value for warning in page.warning).replace("\\", "")
    assert "dimensions 3, 99" in notices
    assert "k 80, but only 0 to" in notices
    assert "stacks=x" in notices
    assert link(page, "dimensions") == "3"
    assert "k" not in page.query_params
    assert [name.split(":")[0] for name in curve_names(page)] == ["3"]


def curve_names(page: AppTest) -> list[str]:
    return [trace["name"] for trace in plot(page)["data"]]


def test_dimensions_are_chosen_and_kept_in_the_link(open_page: Open) -> None:
    page = open_page(page="positions", text=SENTENCE, picture="curves")
    assert len(curve_names(page)) == len(link(page, "dimensions").split("."))
    page = page.multiselect[0].set_value([4, 5]).run()
    assert not page.exception
    assert link(page, "dimensions") == "4.5"
    assert page.session_state["choice"].of(PositionsFields).dimensions == (4, 5)
    assert [name[:6] for name in curve_names(page)] == ["4: sin", "5: cos"]
    page = page.multiselect[0].set_value([]).run()
    assert len(curve_names(page)) > 2  # none: the program chooses


def test_this_sentence_names_every_row(open_page: Open) -> None:
    page = open_page(page="positions", text=SENTENCE, picture="table", extent="sentence")
    labels = plot(page)["layout"]["yaxis"]["ticktext"]
    assert labels[0].startswith("0 ")
    assert labels[-1].endswith("&lt;/s&gt;")


def test_a_row_of_a_byte_is_called_by_its_character(open_page: Open) -> None:
    page = open_page(page="positions", text="5 €", picture="table", extent="sentence")
    labels = plot(page)["layout"]["yaxis"]["ticktext"]
    assert [label.partition(" ")[2] for label in labels if "€" in label] == [
        "€ 1/3", "€ 2/3", "€ 3/3"
    ]  # fmt: skip


def test_the_error_of_the_map_is_that_of_the_loaded_table(open_page: Open) -> None:
    page = open_page(page="positions", text=SENTENCE, picture="shift", position="2", k="4")
    assert "the largest difference over all 1,020 p and 24 dimensions" in texts(page)
    assert "From p = 2" in texts(page)
    page = page.number_input(key="choose_k").set_value(9).run()
    assert link(page, "k") == "9"
    assert "over all 1,015 p" in texts(page)


def test_a_model_without_positions_says_so(open_page: Open) -> None:
    page = open_page({"positions": "none"}, "positions", text=SENTENCE, picture="learned")
    assert not page.exception
    assert "adds no positions" in page.info[0].value
    assert not page.get("plotly_chart")
    assert not page.warning


@pytest.mark.parametrize("picture", ["curves", "table", "distance", "learned", "experiment"])
def test_a_learned_table_of_odd_width_is_drawn(open_page: Open, picture: str) -> None:
    shape = {"positions": "learned", "d_model": 23}
    page = open_page(shape, "positions", text=SENTENCE, picture=picture)
    assert not page.exception
    assert not page.error
    if picture == "learned":
        assert "d_model = 23 is odd" in texts(page)


def test_a_shift_out_of_a_short_table_says_why(open_page: Open) -> None:
    shape = {"positions": "learned", "max_positions": 80}
    page = open_page(shape, "positions", text=SENTENCE, positions="scale", scale="8.0")
    assert not page.exception
    assert "is beyond max" in page.error[0].value.replace("\\", "")


@pytest.mark.parametrize("stacks", ["both", "decoder"])
def test_the_last_k_leaves_room_for_the_translation(open_page: Open, stacks: str) -> None:
    page = open_page(
        {"max_positions": 80}, "positions", text=SENTENCE, positions="shift", stacks=stacks
    )
    most = int(page.number_input(key="choose_k").max)
    page = page.number_input(key="choose_k").set_value(most).run()
    assert not page.exception
    assert not page.error
    assert link(page, "k") == str(most)


def test_the_last_k_that_fits_runs_and_passes_its_check(open_page: Open) -> None:
    """Beyond the table there is no row for the padding of the self-check."""
    chosen = {"positions": "shift", "stacks": "encoder"}
    page = open_page({"max_positions": 80}, "positions", text=SENTENCE, **chosen)
    most = int(page.number_input(key="choose_k").max)
    page = page.number_input(key="choose_k").set_value(most).run()
    assert not page.exception
    assert not page.error
    assert page.expander[-2].label == "6 of 6 checks of the changed run passed"
    last = next(part for part in markup(page) if "<ol" in part)
    assert "<b>79</b>" in last


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", "**bold** $x$ :smile: ]", "שלום עולם"]
)
@pytest.mark.parametrize("picture", ["experiment", "table", "shift"])
def test_hostile_text_is_shown_as_typed(open_page: Open, text: str, picture: str) -> None:
    page = open_page(page="positions", text=text, picture=picture, extent="sentence")
    assert not page.exception
    assert not page.error
    assert "<script>alert" not in "".join(markup(page))
