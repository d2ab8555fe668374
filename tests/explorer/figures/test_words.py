"""Words as HTML: as typed, marked where told, each above its position."""

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.figures.words import MOST_WORDS, marked_words, position_strip


def plain(markup: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", markup))


@given(st.lists(st.tuples(st.text(min_size=1), st.booleans())))
def test_marked_words_read_as_typed(runs: list[tuple[str, bool]]) -> None:
    markup = marked_words(runs)
    assert plain(markup) == " ".join(text for text, _ in runs)
    assert markup.count("<mark") == sum(marked for _, marked in runs)


def test_what_is_marked_is_the_run() -> None:
    markup = marked_words([("Ja", False), ("<b>nein</b>", True), ("doch", False)])
    assert re.findall("<mark[^>]*>(.*)</mark>", markup) == ["&lt;b&gt;nein&lt;/b&gt;"]


def test_a_position_that_moves_says_from_where_to_where() -> None:
    strip = position_strip("Positions", ["The", "<s>", "dog"], [0, 3, None])
    items = [plain(item) for item in re.findall("<li[^>]*>(.*?)</li>", strip)]
    assert items == ["The0", "<s>1 → 3", "dog2 → none"]
    assert 'aria-label="Positions"' in strip


def test_a_long_strip_ends_with_how_many_there_are_more() -> None:
    n = MOST_WORDS + 12
    strip = position_strip("Positions", ["word"] * n, range(n))
    assert strip.count("<li") == MOST_WORDS + 1
    assert "and 12 more" in strip


def test_each_word_has_one_position() -> None:
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        position_strip("Positions", ["The", "dog"], [0])
