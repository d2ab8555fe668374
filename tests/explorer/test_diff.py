"""A word diff on screen."""

from explorer.figures.diff import diff_html


def test_changes_are_elements_and_texts_are_text() -> None:
    drawn = diff_html([("same", "ein"), ("removed", "<b>Mann</b>"), ("added", "Hund")])
    assert '<span dir="auto">ein</span> <del dir="auto">&lt;b&gt;Mann&lt;/b&gt;</del>' in drawn
    assert '<ins dir="auto">Hund</ins>' in drawn


def test_nothing_is_said_to_be_nothing() -> None:
    assert "(nothing)" in diff_html([])
