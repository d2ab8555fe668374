"""A table's texts are text, and its lines fit its header."""

import re

import pytest

from explorer.figures.paper_table import Cell, Group, table_html


def test_texts_of_a_table_are_text() -> None:
    drawn = table_html(
        "<b>",
        [("", ("row",)), ("<i>", ("d_model", "x"))],
        [Group("A", ((Cell("<u>"), Cell("1", 'say "it"', ("<s>",)), Cell("2")),))],
    )
    assert not re.search(r"<(b|i|u|s)>", drawn)
    assert "d<sub>model</sub>" in drawn
    assert 'title="say &quot;it&quot;"' in drawn


def test_a_line_must_fit_the_header() -> None:
    with pytest.raises(ValueError, match="base does not have the 2 columns of the header"):
        table_html("", [("", ("row",)), ("a", ("x",))], [Group("", ((Cell("base"),),))])
    wide = (Cell("base"), Cell("not yet", n_columns=2))
    assert 'colspan="2"' in table_html(
        "", [("", ("row",)), ("a", ("x", "y"))], [Group("", (wide,))]
    )
