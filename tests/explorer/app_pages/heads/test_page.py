"""The Heads page, run without a browser, on models of different shapes."""

import base64
import itertools
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.checkpoints import SENTENCE, write_checkpoint
from tests.explorer.pages import LATE, SHAPES, Open, link, open_page, plot, subheaders, texts

__all__ = ["open_page"]


@pytest.mark.parametrize("kind", ["encoder", "decoder", "cross"])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_every_shape_of_model_is_drawn(open_page: Open, shape: dict[str, Any], kind: str) -> None:
    page = open_page(shape, "heads", text=SENTENCE, kind=kind)
    assert not page.exception
    assert f"{kind.capitalize()}" in subheaders(page)


def test_a_link_shows_its_sentence_and_head(open_page: Open) -> None:
    page = open_page(page="heads", text=SENTENCE, layer="3", head="4")
    assert page.text_input[0].value == SENTENCE
    assert "layer 3, head 4" in subheaders(page)
    assert not page.warning


def test_the_link_says_what_was_chosen_automatically(open_page: Open) -> None:
    page = open_page(page="heads", text=SENTENCE)
    assert f"layer {link(page, 'layer')}, head {link(page, 'head')}" in subheaders(page)


def test_a_bad_link_gets_a_notice(open_page: Open) -> None:
    page = open_page(page="heads", text=SENTENCE, layer="77", head="x")
    notices = " ".join(warning.value for warning in page.warning)
    assert "layer 77" in notices
    assert "head=x" in notices.replace("\\", "")


def test_rows_say_what_went_in_and_what_came_out(open_page: Open) -> None:
    labels = plot(open_page(page="heads", text=SENTENCE))["layout"]["yaxis"]["ticktext"]
    assert labels[0].startswith("&lt;s&gt; → ")
    assert labels[-1].endswith(" → &lt;/s&gt;")
    for above, below in itertools.pairwise(labels):
        assert above.split(" → ")[1] == below.split(" → ")[0]


def test_the_bytes_of_a_character_are_called_by_it(open_page: Open) -> None:
    page = open_page(page="heads", text="It costs 5 €.", specials="0")
    labels = plot(page)["layout"]["xaxis"]["ticktext"]
    assert labels == [*"␣Itcos", "ts", *"␣5␣", "€ 1/3", "€ 2/3", "€ 3/3", "."]


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "**bold** $x$ :smile:",
        "שלום עולם",
        "日本語のテスト",
        "e\u0301 👩‍👩‍👧",
        "<s> </s>",
    ],
)
def test_hostile_text_is_shown_as_typed(open_page: Open, text: str) -> None:
    page = open_page(page="heads", text=text)
    assert not page.exception
    assert not page.error
    assert "<" not in "".join(plot(page)["layout"]["xaxis"]["ticktext"])


LACKS = {
    "encoder": "",
    "decoder": "The rest of a row, up to 1, comes from the source.",
    "cross": "The rest of a row, up to 1, comes from the words already written.",
}


@pytest.mark.parametrize(("kind", "lacks"), LACKS.items())
def test_a_rollout_says_where_the_rest_of_a_row_is(open_page: Open, kind: str, lacks: str) -> None:
    said = texts(open_page(page="heads", text=SENTENCE, kind=kind, values="rollout"))
    assert "Mean over heads, all layers up to this one." in said
    assert said.count("The rest of a row, up to 1") == bool(lacks)
    assert lacks in said
    assert "Mean over heads" not in texts(open_page(page="heads", text=SENTENCE, kind=kind))


def test_the_measure_stays_in_the_link(open_page: Open) -> None:
    page = open_page(page="heads", text=SENTENCE, measure="entropy")
    assert link(page, "measure") == "entropy"


@pytest.mark.parametrize("kind", ["encoder", "cross"])
@pytest.mark.parametrize(
    ("values", "number"), [("weights", "weight"), ("norms", "‖α·v·W^O‖"), ("rollout", "share")]
)
def test_links_are_headed_by_what_they_are(
    open_page: Open, kind: str, values: str, number: str
) -> None:
    page = open_page(page="heads", text=SENTENCE, kind=kind, values=values)
    table = next(table for table in page.expander if "strongest links" in table.label)
    asks = ["query", "key"] if kind == "encoder" else ["step", "looks at"]
    assert list(table.dataframe[0].value.columns) == [*asks, number]
    assert ("They show weights" in texts(page)) == (values != "weights")
    assert "of the weight goes to the start and end marks, most in the row “" in texts(page)


@pytest.mark.parametrize("specials", ["0", "1"])
def test_no_sum_over_a_word_is_beyond_the_scale(open_page: Open, specials: str) -> None:
    page = open_page(page="heads", text="zzz zzz", values="norms", units="words", specials=specials)
    drawn = plot(page)["data"][0]
    cells = np.frombuffer(base64.b64decode(drawn["z"]["bdata"]), "f4")
    assert cells.max() <= drawn["zmax"] * 1.0001
    assert drawn["colorbar"]["tickvals"][-1] == drawn["zmax"]


def test_the_head_that_points_at_a_word_is_one_click_away(open_page: Open) -> None:
    page = open_page(page="heads", text=SENTENCE, step="3")
    first = next(found for found in page.button if str(found.key).startswith("ranked-"))
    layer, head = re.findall(r"\d+", str(first.key))
    page = first.click().run()
    assert not page.exception
    assert f"layer {layer}, head {head}" in subheaders(page)


def test_a_step_that_is_not_there_gets_a_notice(open_page: Open) -> None:
    page = open_page(page="heads", text=SENTENCE, step="999")
    assert not page.exception
    assert "step 999" in page.warning[0].value


LATE_NOTE = "The rows of this head are one step late"


@pytest.mark.parametrize(
    ("more", "is_said"),
    [({}, True), ({"values": "norms"}, True), ({"drawing": "lines"}, True),
     ({"drawing": "lines", "together": "1"}, False), ({"values": "rollout"}, False),
     ({"head": "4"}, False), ({"kind": "decoder", "layer": "2", "head": "3"}, False)],
)  # fmt: skip
def test_a_head_whose_rows_are_late_says_so(
    open_page: Open, tmp_path: Path, more: dict[str, str], is_said: bool
) -> None:
    write_checkpoint(tmp_path / "tiny", metrics=LATE)
    page = open_page(page="heads", text=SENTENCE, **more)
    assert not page.exception
    assert (LATE_NOTE in texts(page)) == is_said


def test_a_late_head_is_offered_for_a_step_by_its_row_of_the_next(
    open_page: Open, tmp_path: Path
) -> None:
    write_checkpoint(tmp_path / "tiny", metrics=LATE)
    page = open_page(page="heads", text=SENTENCE)
    n_steps = len(page.selectbox(key="choose_step").options)
    offered = 0
    for step in range(1, n_steps + 1):
        page = page.selectbox(key="choose_step").set_value(step).run()
        found = {b.key: b for b in page.button if str(b.key).startswith("ranked-")}
        for key, one in found.items():
            assert (f"in its row of step {step + 1}" in one.label) == (key == "ranked-L2H3")
        offered += "ranked-L2H3" in found
        is_listed = "ranked-L2H3" in found
        assert ("one step late: the list takes its row of step" in texts(page)) == is_listed
        assert ("so it is not in this list" in texts(page)) == (step == n_steps)
        if "ranked-L2H3" in found:
            page = found["ranked-L2H3"].click().run()
            assert link(page, "step") == str(step + 1)
            assert "layer 2, head 3" in subheaders(page)
    assert offered


def test_heads_are_ranked_without_a_note_where_none_is_late(open_page: Open) -> None:
    page = open_page(page="heads", text=SENTENCE)
    assert "late" not in texts(page)
    assert not [b.label for b in page.button if "in its row of step" in b.label]


@pytest.mark.parametrize("units", ["words", "pieces"])
def test_the_choice_of_rows_is_the_links(open_page: Open, units: str) -> None:
    page = open_page(page="heads", text=SENTENCE, units=units)
    choice = page.segmented_control(key="choose_units")
    assert choice.value == units
    other = {"words": "pieces", "pieces": "words"}[units]
    page = choice.set_value(other).run()
    assert ("words" in "".join(page.query_params.get("units", ""))) == (other == "words")
    assert page.segmented_control(key="choose_units").value == other
