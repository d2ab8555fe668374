"""Strangers' words in Markdown: as text, as code, and without pictures."""

import pytest

from explorer.frame.messages import code, without_pictures


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a b", "`a b`"), ("a`b", "`` a`b ``"), ("``", "``` `` ```"), ("![x](y)", "`![x](y)`")],
)
def test_code_stays_code_whatever_is_in_it(text: str, expected: str) -> None:
    assert code(text) == expected


def test_a_picture_is_its_text() -> None:
    assert without_pictures("# a\n![x](y) [z](w)!") == "# a\n!\\[x](y) [z](w)!"
