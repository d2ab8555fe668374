"""A table's texts are text, and its lines fit its header."""

import re

import pytest

from explorer.app_pages.table3.paper_table import Cell, Group, table_html, words_html


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


HEADER = [("", ("row",)), ("a", ("d_model", "PPL", "BLEU")), ("b", ("p", "q"))]
LINE = (
    Cell("A<1>", "made & so"), Cell("8", "d = 8", ("2",)), Cell("5", "one model"),
    Cell("", "one model"), Cell("none yet", "later", n_columns=2),
)  # fmt: skip


def test_words_say_what_cells_say_once_each_after_what_stands_in_them() -> None:
    (items,) = (
        re.findall("<dt>(.*?)</dt><dd>(.*?)</dd>", words_html(HEADER, [Group("", (LINE,))])),
    )
    assert items == [
        ("d<sub>model</sub> 8 2", "d = 8"), ("PPL 5", "one model"), ("none yet", "later"),
    ]  # fmt: skip


def test_empty_cells_that_say_why_are_named() -> None:
    line = (Cell("x"), *([Cell("", "no row of the paper")] * 3), *([Cell("", "")] * 2))
    drawn = words_html(HEADER, [Group("", (line,))])
    assert "<dt>d<sub>model</sub>, PPL, BLEU</dt><dd>no row of the paper</dd>" in drawn
    assert drawn.count("<dt>") == 1


def test_a_line_is_opened_by_its_name_and_what_makes_it() -> None:
    drawn = words_html(HEADER, [Group("", (LINE,)), Group("", (LINE,))])
    assert drawn.count("<summary><b>A&lt;1&gt;</b> made &amp; so</summary>") == 2


def test_a_cell_is_named_by_its_own_column_also_after_a_wide_one() -> None:
    line = (Cell("x"), Cell("none yet", "later", n_columns=2), Cell("7", "y"), *([Cell("")] * 2))
    assert "<dt>BLEU 7</dt><dd>y</dd>" in words_html(HEADER, [Group("", (line,))])
