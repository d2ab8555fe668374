"""One HTML file: nothing is fetched, nothing that was typed is taken as HTML."""

import json
import re

import plotly.graph_objects as go
import pytest
from plotly.offline import get_plotlyjs

from explorer.figures.standalone import Mounted, Picture, notebook_html, standalone_html

HOSTILE = "</script><img src=x onerror=alert(1)>"
VIEW = Mounted(js="export default () => {}", css=".a {}", data={"text": HOSTILE})


def shown(page: str) -> list[dict[str, object]]:
    return [
        json.loads(text)
        for text in re.findall(r'<script type="application/json">(.*?)</script>', page)
    ]


def test_plain_data_arrives_as_it_was() -> None:
    page = standalone_html("t", [Picture("a", VIEW)])
    assert shown(page) == [{"js": VIEW.js, "css": VIEW.css, "data": VIEW.data}]


def test_bytes_arrive_as_they_were() -> None:
    data = bytes(range(256))
    page = standalone_html("t", [Picture("a", Mounted("", "", data))])
    assert bytes.fromhex(str(shown(page)[0]["bytes"])) == data


def test_what_was_typed_ends_no_tag() -> None:
    page = standalone_html(HOSTILE, [Picture(HOSTILE, VIEW, note=HOSTILE)])
    assert HOSTILE not in page
    assert page.count("<img") == 0
    assert "&lt;/script&gt;&lt;img src=x" in page


def test_each_picture_has_its_own_title_and_note() -> None:
    pictures = [
        Picture("First", VIEW, note="of one"),
        Picture("Second", VIEW),
        Picture("Third", VIEW, note="of three"),
    ]
    sections = standalone_html("t", pictures).split("<section")[1:]
    found = [
        (re.findall(r"<h2[^>]*>(.*?)</h2>", part), re.findall(r"<p[^>]*>(.*?)</p>", part))
        for part in sections
    ]
    assert found == [(["First"], ["of one"]), (["Second"], []), (["Third"], ["of three"])]


def test_plotly_is_inside_where_it_is_needed() -> None:
    with_figure = standalone_html("t", [Picture("a", go.Figure())])
    assert get_plotlyjs() in with_figure
    assert len(standalone_html("t", [Picture("a", VIEW)])) < 60_000


@pytest.mark.parametrize("attribute", ["src", "href"])
def test_nothing_points_elsewhere(attribute: str) -> None:
    page = standalone_html("t", [Picture("a", VIEW)])
    links = re.findall(rf'{attribute}="([^"]*)"', page)
    assert all(link.startswith("data:") for link in links)


def test_a_notebook_gets_a_frame_that_holds_the_page() -> None:
    frame = notebook_html('a "quoted" title', [Picture("a", VIEW)], height=300)
    assert frame.startswith(
        '<iframe title="a &#34;quoted&#34; title" srcdoc="&lt;!doctype html&gt;'
    )
    assert "height: 300px" in frame
    assert "<script" not in frame
