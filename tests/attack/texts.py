"""Texts, links and ablations that nobody should write, the same ones for the same seed."""

import random
import string
from collections.abc import Callable
from urllib.parse import quote

from core.text.toy_grammar import sentence_pairs

HTML = (
    "<script>alert(1)</script>", "</script><img src=x onerror=alert(1)>", "<svg/onload=alert(1)>",
    "<b>", "</div>", "&lt;", "&#x3c;script&#x3e;", "<!--", "-->", "]]>", "<![CDATA[", "'\"><i>",
    "javascript:alert(1)", "{{ 7*7 }}", "${7*7}", "%3Cscript%3E", "<style>*{display:none}</style>",
    "<iframe src=//example.org>", "<a href=javascript:alert(1)>x</a>", "\\u003cscript\\u003e",
)  # fmt: skip
MARKDOWN = (
    "**bold**", "[x](http://example.org)", "![x](http://example.org/x.png)", "$\\frac{a}{b}$", "`", "```",
    ":red[x]", ":material/home:", "# x", "- x", "| a | b |", "~~x~~", "\\", "|", "&nbsp;", "<br>", ":smile:",
)  # fmt: skip
BIDI = "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u061c"
INVISIBLE = "\u200b\u200c\u200d\ufeff\u00ad\u2060\ufe0f\u180e\u034f\u115f\u3164\u0000\u0001\u001b\u007f\u0085\u2028\u2029"
COMBINING = "".join(map(chr, range(0x300, 0x36F)))
LONGEST = 100_000
WORDS = sorted({word for pair in sentence_pairs(200) for side in pair for word in side.split()})


def _any_character(choose: random.Random) -> str:
    highest = choose.choice((0x7F, 0x24F, 0xFFFF, 0x10FFFF))
    point = choose.randint(0, highest)
    if 0xD800 <= point < 0xE000 and choose.random() < 0.98:
        point = 0x41
    return chr(point)


def _unicode(choose: random.Random) -> str:
    return "".join(_any_character(choose) for _ in range(choose.randint(0, 60)))


def _words(choose: random.Random) -> str:
    return " ".join(choose.choice(WORDS) for _ in range(choose.randint(1, 12)))


def _of(parts: tuple[str, ...]) -> Callable[[random.Random], str]:
    def make(choose: random.Random) -> str:
        some = [
            choose.choice((choose.choice(parts), _words(choose)))
            for _ in range(choose.randint(1, 6))
        ]
        return choose.choice(("", " ", "\n")).join(some)

    return make


def _strewn(characters: str) -> Callable[[random.Random], str]:
    def make(choose: random.Random) -> str:
        text = list(_words(choose))
        for _ in range(choose.randint(1, 30)):
            text.insert(choose.randint(0, len(text)), choose.choice(characters))
        return "".join(text)

    return make


def _flood(choose: random.Random) -> str:
    one = choose.choice(
        (_any_character(choose), choose.choice(WORDS) + " ", "a\u0301", "\n", "ß", "👩‍👩‍👧")
    )
    n = choose.choice((10, 200, 3_000)) if choose.random() < 0.97 else LONGEST
    return (one * n)[:LONGEST]


KINDS: tuple[Callable[[random.Random], str], ...] = (
    _unicode, _words, _of(HTML), _of(MARKDOWN), _strewn(BIDI), _strewn(INVISIBLE), _strewn(COMBINING),
    _strewn(string.punctuation), _flood,
)  # fmt: skip


def text(choose: random.Random) -> str:
    return choose.choice(KINDS)(choose)


def link(choose: random.Random, names: list[str]) -> dict[str, str]:
    """Fields of a link, most of known names, with values of all sorts."""
    found = {}
    for _ in range(choose.randint(1, 8)):
        name = choose.choice(names) if choose.random() < 0.9 else text(choose)[:20]
        found[name] = _value(choose)
    return found


def _value(choose: random.Random) -> str:
    """As an address bar sends it: without halves of surrogate pairs."""
    return choose.choice(VALUES)(choose).encode("utf-8", "ignore").decode()


def ablation(choose: random.Random) -> str:
    """Near to what is allowed, and far from it."""
    parts = ("enc", "dec", "cross", ".L", "L", "H", "1", "2", "99999999999", "=", "0", "mean", "skip", "uniform",
             "row", "k", ".", ",", "pos=", "shift:", "scale:", "off", "-", "1e308", "ffn", "self", " ", "=k")  # fmt: skip
    match choose.randrange(4):
        case 0:
            return "".join(choose.choice(parts) for _ in range(choose.randint(1, 14)))
        case 1:
            return ",".join(
                f"{choose.choice(('enc', 'dec', 'cross'))}.L{choose.randint(0, 5)}H{choose.randint(0, 9)}={choose.choice(('0', 'mean', '0.5', 'x'))}"
                for _ in range(choose.randint(1, 200))
            )
        case 2:
            return choose.choice(
                (
                    "cross.L1H1=" + "0" * 50_000,
                    "1." * 30_000,
                    "pos=" * 9_000,
                    "(" * 60_000,
                    "cross" + ".L1" * 20_000,
                )
            )
        case _:
            return text(choose)[:5_000]


NUMBERS = ("1e999", "nan", "-0", "0x10", "१२", "1_000", "9" * 40, " 3 ", "3.5", "")
PATHS = ("../../etc/passwd", "/etc/passwd", "en-de/../..", "~root", "C:\\x", "en-de\x00")
VALUES: tuple[Callable[[random.Random], str], ...] = (
    lambda choose: str(choose.randint(-3, 40)),
    lambda choose: choose.choice(NUMBERS),
    lambda choose: ".".join(str(choose.randint(-2, 9_000)) for _ in range(choose.randint(1, 6))),
    ablation,
    lambda choose: choose.choice(PATHS),
    lambda choose: quote(text(choose)[:200], errors="ignore"),
    lambda choose: text(choose)[:2_000],
)
