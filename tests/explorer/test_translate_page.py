"""The page, run without a browser, on models of different shapes."""

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from explorer import engine
from tests.checkpoints import SENTENCE, write_checkpoint

APP = Path(__file__).parents[2] / "explorer" / "app.py"
Open = Callable[..., AppTest]


@pytest.fixture
def open_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Open the app on a tiny checkpoint, with a link."""
    st.cache_resource.clear()
    st.cache_data.clear()
    monkeypatch.setenv(engine.CHECKPOINTS, str(tmp_path))

    def open_(shape: dict[str, Any] | None = None, **link: str) -> AppTest:
        write_checkpoint(tmp_path / "tiny", **(shape or {}))
        page = AppTest.from_file(str(APP), default_timeout=60)
        for name, value in link.items():
            page.query_params[name] = value
        return page.run()

    return open_


def plot(page: AppTest) -> dict[str, Any]:
    return json.loads(page.get("plotly_chart")[0].proto.spec)  # type: ignore[no-any-return]


def link(page: AppTest, name: str) -> str:
    value = page.query_params[name]
    return value if isinstance(value, str) else value[0]


def subheaders(page: AppTest) -> str:
    return " | ".join(element.value for element in page.subheader)


@pytest.mark.parametrize(
    "shape",
    [
        {},
        {"n_heads": 1},
        {"n_encoder_layers": 3, "n_decoder_layers": 1, "n_heads": 16},
        {"positions": "learned"},
    ],
    ids=["asymmetric", "one head", "many heads", "learned positions"],
)
def test_every_shape_of_model_is_drawn(open_page: Open, shape: dict[str, Any]) -> None:
    page = open_page(shape, text=SENTENCE)
    assert not page.exception
    assert "Cross-attention, layer" in subheaders(page)


def test_a_link_shows_its_sentence_and_head(open_page: Open) -> None:
    page = open_page(text=SENTENCE, layer="3", head="4")
    assert page.text_input[0].value == SENTENCE
    assert "layer 3, head 4" in subheaders(page)
    assert not page.warning


def test_the_link_says_what_was_chosen_automatically(open_page: Open) -> None:
    page = open_page(text=SENTENCE)
    layer, head = link(page, "layer"), link(page, "head")
    assert f"layer {layer}, head {head}" in subheaders(page)


def test_a_bad_link_gets_a_notice(open_page: Open) -> None:
    page = open_page(text=SENTENCE, layer="77", head="x")
    assert [True for warning in page.warning if "layer 77" in warning.value]
    assert [True for warning in page.warning if "head=x" in warning.value]


def test_rows_say_what_went_in_and_what_came_out(open_page: Open) -> None:
    labels = plot(open_page(text=SENTENCE))["layout"]["yaxis"]["ticktext"]
    assert labels[0].startswith("&lt;s&gt; → ")
    assert labels[-1].endswith(" → &lt;/s&gt;")
    for above, below in itertools.pairwise(labels):
        assert above.split(" → ")[1] == below.split(" → ")[0]


def test_another_sentence_changes_picture_and_link(open_page: Open) -> None:
    page = open_page(text=SENTENCE)
    before = plot(page)["layout"]["xaxis"]["ticktext"]
    page.text_input[0].set_value("The cat finds a ball.")
    page.button[0].click().run()
    assert not page.exception
    assert link(page, "text") == "The cat finds a ball."
    assert plot(page)["layout"]["xaxis"]["ticktext"] != before


@pytest.mark.parametrize("text", ["", "   ", "\u00a0"])
def test_nothing_to_translate_is_asked_for(open_page: Open, text: str) -> None:
    page = open_page(text=SENTENCE)
    page.text_input[0].set_value(text)
    page.button[0].click().run()
    assert not page.exception
    assert "Type a sentence" in page.info[0].value


def test_a_text_of_too_many_pieces_is_refused_kindly(open_page: Open) -> None:
    page = open_page(text="house " * 600)
    assert not page.exception
    assert "at most 512" in page.error[0].value


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
    page = open_page(text=text)
    assert not page.exception
    assert not page.error
    assert "<" not in "".join(plot(page)["layout"]["xaxis"]["ticktext"])
