"""Names for invisible characters, used wherever a token is labelled."""

import unicodedata

_UNSEEN_CATEGORIES = {"Cc", "Cf", "Zl", "Zp", "Zs"}
"""Controls, formats (joiners, marks of direction, the soft hyphen), separators, spaces."""
_ALSO_UNSEEN = {
    0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0,
    *range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0000, 0xE1000),
}  # fmt: skip
"""Fillers, blanks and variation selectors, which Unicode counts among letters, signs and accents."""
_SEEN_FORMATS = {
    *range(0x0600, 0x0606), 0x06DD, 0x070F, 0x0890, 0x0891, 0x08E2, 0x110BD, 0x110CD,
}  # fmt: skip
"""Signs that stand before or around numbers."""


def visible(text: str) -> str:
    """The text with `<U+200B>` in place of every invisible character except the space."""
    return "".join(
        f"<U+{ord(character):04X}>" if _is_unseen(character) else character for character in text
    )


def _is_unseen(character: str) -> bool:
    code = ord(character)
    if character == " " or code in _SEEN_FORMATS:
        return False
    return code in _ALSO_UNSEEN or unicodedata.category(character) in _UNSEEN_CATEGORIES
