"""Tables that leave the program: every character arrives as it was."""

import csv
import io
import re

import pytest

from core.system.text_tables import csv_table, latex_table

HOSTILE = r"_&%$#{}~^\<s>|−-"
ESCAPES = {
    r"\textbackslash{}": "\\", r"\textasciitilde{}": "~", r"\textasciicircum{}": "^",
    r"\textless{}": "<", r"\textgreater{}": ">", r"\textbar{}": "|",
    r"\&": "&", r"\%": "%", r"\$": "$", r"\#": "#", r"\_": "_", r"\{": "{", r"\}": "}",
    "$-$": "−", r"$\to$": "→",
}  # fmt: skip


def read_back(latex: str) -> list[list[str]]:
    """The cells of a tabular, as LaTeX would print them."""
    body = re.search(r"\\toprule\n(.*)\\bottomrule", latex, re.DOTALL)
    assert body
    rows = [row.strip() for row in re.split(r"\\\\\n", body[1].replace("\\midrule\n", ""))]
    return [[plain(cell) for cell in re.split(r"(?<!\\) & ", row)] for row in rows if row]


def plain(cell: str) -> str:
    pattern = "|".join(map(re.escape, sorted(ESCAPES, key=len, reverse=True)))
    return re.sub(pattern, lambda found: ESCAPES[found[0]], cell)


LINES = [("piece & more", "weight", "change"), (HOSTILE, "0.25", "−0.5"), ("ä “ß”", "1", "0.50")]


def test_latex_prints_every_character_as_it_was() -> None:
    assert read_back(latex_table(LINES)) == [list(line) for line in LINES]


def test_numbers_are_flush_right_and_texts_flush_left() -> None:
    lines = [
        ("a", "b", "c", "d"),
        ("x", "-1.5", "1e-07", "12 %"),
        ("y", "", "−3", "a 4"),
        ("z", "", "", "b"),
    ]
    assert r"\begin{tabular}{lrrl}" in latex_table(lines)
    assert r"\begin{tabular}{ll}" in latex_table([("a", "b")])


@pytest.mark.parametrize(
    ("cell", "printed"),
    [("-0.5", "$-$0.5"), ("−0.5", "$-$0.5"), ("L1-H2", "L1-H2"),
     ("1.5e-07", r"$1.5 \times 10^{-7}$"), ("-2e+03", r"$-2 \times 10^{3}$")],
)  # fmt: skip
def test_a_minus_is_one_and_a_power_is_one(cell: str, printed: str) -> None:
    assert f"{printed} \\\\\n\\bottomrule" in latex_table([("a",), (cell,)])


def test_a_caption_makes_it_a_floating_table_with_a_label() -> None:
    latex = latex_table(LINES, caption="100 % of “a_b”", label="tab:links")
    assert "\\caption{100 \\% of “a\\_b”}\n\\label{tab:links}\n\\begin{tabular}" in latex
    assert latex.endswith("\\end{tabular}\n\\end{table}\n")
    assert r"\begin{table}" not in latex_table(LINES)
    assert read_back(latex) == [list(line) for line in LINES]


def test_csv_is_read_back() -> None:
    lines = [("a,b", 'c"d'), ("e\nf", HOSTILE)]
    assert [tuple(row) for row in csv.reader(io.StringIO(csv_table(lines)))] == lines
