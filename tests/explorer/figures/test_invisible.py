"""What cannot be seen is named, and what can be seen is left alone."""

import pytest

from explorer.figures.head import piece_label, piece_labels
from explorer.figures.invisible import visible

UNSEEN = (
    "\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\ufe0f", "\ufe0e", "\u200e", "\u200f", "\u202e",
    "\u2066", "\u061c", "\xa0", "\u202f", "\u3000", "\xad", "\u034f", "\u3164", "\u2800", "\u2028",
    "\x85", "\n", "\0", "\x7f", "\U000e0020", "\U000e0100",
)  # fmt: skip


@pytest.mark.parametrize("character", UNSEEN)
def test_an_invisible_character_has_a_name(character: str) -> None:
    name = f"<U+{ord(character):04X}>"
    assert visible(f"a{character}b") == f"a{name}b"
    assert piece_label(f"▁{character}") == name
    assert piece_labels([f"▁x{character}", character]) == [f"x{name}", name]


@pytest.mark.parametrize("character", ["\u200b", "\ufe0f", "\xa0", "\U000e0020"])
def test_so_it_has_where_it_is_written_as_bytes(character: str) -> None:
    names = [f"<0x{byte:02X}>" for byte in character.encode()]
    parts = [f"<U+{ord(character):04X}> {n}/{len(names)}" for n in range(1, len(names) + 1)]
    assert piece_labels(names) == parts


@pytest.mark.parametrize(
    "text", ["a b", "Häuschen", "e\u0301", "👩", "\u0600", "中", "␣", "</s>", "\u0e31"]
)
def test_what_is_seen_is_left_alone(text: str) -> None:
    assert visible(text) == text
