"""What became of each word of a text; punctuation beside a word makes no other word of it."""

import pytest

from core.text.word_diff import DiffRun, bare, word_diff


def runs(before: str, after: str) -> list[tuple[str, str]]:
    return [(run.change, run.text) for run in word_diff(before, after)]


def test_words_are_kept_removed_and_added() -> None:
    assert runs("Ein Mann reitet am Strand.", "Ein Pferd am Strand.") == [
        ("same", "Ein"),
        ("removed", "Mann reitet"),
        ("added", "Pferd"),
        ("same", "am Strand."),
    ]


def test_a_full_stop_that_moved_makes_no_new_word() -> None:
    assert runs("Er geht am Strand.", "Er geht am Strand entlang.") == [
        ("same", "Er geht am Strand"),
        ("added", "entlang."),
    ]
    assert word_diff("Ja, gut.", "Ja gut!") == (DiffRun("same", "Ja gut!"),)


def test_capitals_and_accents_make_another_word() -> None:
    assert runs("Der Weg", "der Weg") == [("removed", "Der"), ("added", "der"), ("same", "Weg")]


@pytest.mark.parametrize(
    ("word", "without"),
    [("dogs.", "dogs"), ("“Dogs!”", "Dogs"), ("don't", "don't"), ("...", "..."), ("$5", "$5")],
)
def test_a_bare_word(word: str, without: str) -> None:
    assert bare(word) == without


@pytest.mark.parametrize(
    ("before", "after"), [("", ""), ("a", ""), ("", "b"), ("a . b", "b . c d")]
)
def test_what_is_not_removed_makes_the_second_text(before: str, after: str) -> None:
    kept = [run.text for run in word_diff(before, after) if run.change != "removed"]
    assert " ".join(kept) == after
