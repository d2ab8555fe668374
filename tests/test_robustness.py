"""Sentences as people type them: how they are typed, and which translations count as right."""

import sys

import pytest

from bench import robustness
from bench.robustness import read_cases


def test_a_sentence_is_typed_each_way_of_its_kind() -> None:
    cases = list(read_cases())
    ways = [case.way for case in cases]
    assert ways.count("as written") == ways.count("in capitals") == 36
    assert [ways.count(way) for way in ("contractions", "numbers", "names")] == [12, 12, 12]
    typed = {case.way: case.source for case in cases if case.source.casefold().startswith("we")}
    assert typed == {
        "as written": "We are going to the beach tomorrow.",
        "without capitals": "we are going to the beach tomorrow.",
        "in capitals": "WE ARE GOING TO THE BEACH TOMORROW.",
        "without the mark at the end": "We are going to the beach tomorrow",
        "without both": "we are going to the beach tomorrow",
        "with two spaces": "We  are  going  to  the  beach  tomorrow.",
        "contractions": "We've been waiting for an hour.",
        "contractions, typographic": "We’ve been waiting for an hour.",
        "contractions in full": "We have been waiting for an hour.",
        "numbers": "We waited for 45 minutes.",
        "names": "We visited London last year.",
    }


def test_contractions_in_full_have_no_apostrophe_left() -> None:
    in_full = [case.source for case in read_cases() if case.way == "contractions in full"]
    assert not [source for source in in_full if "'" in source]


@pytest.mark.parametrize(
    ("translation", "is_right"),
    [
        ("Ich weiß nicht, was ich tun soll.", True),
        ("ich weiss nicht, was ich machen soll", True),
        ("ICH WEISS NICHT, WAS ICH TUN SOLL!", True),
        ("Ich weiß nicht, was ich sagen soll.", False),
        ("Nun, ich weiß nicht, was ich tun soll.", False),
        ("", False),
    ],
)
def test_capitals_and_the_end_mark_do_not_count(translation: str, is_right: bool) -> None:
    (case, *_) = (case for case in read_cases() if case.source == "I don't know what to do.")
    assert case.is_right(translation) is is_right


def test_a_number_has_to_arrive_whole() -> None:
    (case,) = (case for case in read_cases() if "35 years" in case.source)
    assert [case.is_right(text) for text in ("Er ist 35.", "Er ist 355.", "Er ist alt.")] == [
        True,
        False,
        False,
    ]


class Listening:
    """Knows one answer, and hears all that it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def translate(self, texts: list[str], _: object) -> list[str]:
        self.asked += texts
        return ["Wo ist mein Buch?" if "book?" in text.lower() else "?" for text in texts]


def test_the_table_counts_what_is_right(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    translator = Listening()
    monkeypatch.setattr("core.load", lambda _: translator)
    monkeypatch.setattr(sys, "argv", ["robustness", "some model"])
    robustness.main()
    head, _, *rows = capsys.readouterr().out.splitlines()
    assert head == "| sentences | some model |"
    assert rows[:3] == [
        f"| {way} | 1 of 36 |" for way in ("as written", "without capitals", "in capitals")
    ]
    assert rows[3:5] == [
        "| without the mark at the end | 0 of 36 |",
        "| without both | 0 of 36 |",
    ]
    assert rows[-1] == "| names | 0 of 12 |"
    assert translator.asked == [case.source for case in read_cases()]
