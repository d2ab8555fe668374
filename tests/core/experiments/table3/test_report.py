"""The table for people: every row, every number where its header says, nothing invented."""

import csv
import dataclasses
import io
import itertools
import json

import pytest

from core.cli import main
from core.experiments.table3.report import NOT_TRAINED, moves_as_in_the_paper, report
from core.experiments.table3.rows import TEST, TRAINING
from core.experiments.table3.table import (
    BESIDE_OTHER_WORK,
    SCORES,
    TEXTS,
    DifferenceToBase,
    Table,
    untrained,
)
from core.system.files import write_json
from core.system.text_tables import aligned, csv_table, latex_table
from tests.core.tables import made_up_table

TABLE = made_up_table()


def markdown_tables(text: str) -> list[dict[str, dict[str, str]]]:
    """Of each table in Markdown: row name -> header -> cell."""
    tables = []
    for block in text.split("\n\n"):
        lines = [line.strip("| ").split(" | ") for line in block.splitlines() if line[:1] == "|"]
        cells = [[cell.strip() for cell in line] for line in lines]
        if cells:
            header = cells[0]
            padded = [line + [""] * (len(header) - len(line)) for line in cells[2:]]
            tables.append({line[0]: dict(zip(header, line, strict=True)) for line in padded})
    return tables


@pytest.mark.parametrize("format_", ["text", "markdown"])
def test_every_row_has_a_line_and_says_whether_it_is_trained(format_):
    text = report(TABLE, format_)
    assert "Table 3 at width 1/4 and depth 1/2, 4,000 pieces: 2 of 24 rows trained" in text
    assert text.count(NOT_TRAINED) == 22
    for row in TABLE.rows:
        assert row.name in text


def test_numbers_stand_below_their_headers():
    overview, scores, against, training, beside = markdown_tables(report(TABLE, "markdown"))
    assert overview["A-h1"] == {
        "row": "A-h1", "N": "3", "d_model": "128", "d_ff": "512", "h": "1", "d_k": "128",
        "d_v": "128", "P_drop": "0.1", "ε_ls": "0.1", "positions": "sinusoidal", "fixed h": "0",
        "M parameters": "1.90", "paper M parameters": "", "paper PPL": "5.29", "PPL multi30k-val": "6.75",
        "paper BLEU": "24.9", "BLEU multi30k-test2016": "30.0",
    }  # fmt: skip
    assert overview["big"]["PPL multi30k-val"] == NOT_TRAINED
    assert overview["big"]["paper M parameters"] == "213"
    assert overview["base-N6"]["paper PPL"] == ""
    assert scores["base"]["PPL multi30k-val"] == "6.25 [6.00, 6.50]"
    assert scores["A-h1"]["BLEU lowercased multi30k-test2016"] == "31.0 [29.5, 32.5]"
    assert against["A-h1"]["PPL multi30k-val"] == "+0.50 [+0.25, +0.75] p 0.001 higher"
    assert against["A-h1"]["BLEU multi30k-test2016"].endswith("p 0.125 no difference shown")
    assert against["base"]["PPL multi30k-val"] == ""
    assert training["base"] == {
        "row": "base", "steps": "9,000", "best step": "8,500", "M tokens seen": "12.35",
        "training tokens/s": "7,654", "decoding tokens/s": "988",
        "final PPL multi30k-val": "6.38 [6.12, 6.62]",
        "final BLEU multi30k-test2016": "30.4 [28.9, 31.9]",
    }  # fmt: skip
    assert list(beside) == ["A-h1"]
    assert beside["A-h1"]["paper ΔPPL"] == "+0.37"
    assert beside["A-h1"]["ΔPPL multi30k-val"] == "+0.50"
    assert beside["A-h1"]["paper ΔBLEU"] == "-0.9"
    assert beside["A-h1"]["ΔBLEU multi30k-test2016"] == "-0.5"


def test_the_short_table_says_what_makes_a_row_and_how_it_stands_to_base():
    base, *rows = report(TABLE, "short").splitlines()[2:]
    assert "| N = 3, d_model = 128, d_ff = 512, h = 8, " in base
    assert base.endswith("| 4.92 | 6.25 [6.00, 6.50] |  | 25.8 | 30.5 [29.0, 32.0] |  |")
    assert rows[0] == (
        "| A-h1 | h = 1, d_k = 128, d_v = 128 | 1.90 | 5.29 | 6.75 [6.50, 7.00] | +0.50, higher "
        "| 24.9 | 30.0 [28.5, 31.5] | -0.5, no difference shown |"
    )
    assert rows[-1].startswith("| base-seed3 | seed 3 | 1.90 |  | not trained yet |")
    assert len(rows) == len(TABLE.rows) - 1


def test_without_a_trained_row_only_the_first_table_is_there():
    table = untrained(width="1/4", depth="1/2", vocabulary_size=4_000, training=TRAINING)
    assert len(markdown_tables(report(table, "markdown"))) == 1
    assert "not known yet" in report(table, "text")


def test_the_spread_of_seeds_stands_below():
    assert "Spread of the three seeds of base: PPL 0.06 on multi30k-val" in report(TABLE, "text")
    assert "about three in ten would still exceed it" in report(TABLE, "text")
    no_seeds = dataclasses.replace(TABLE, seed_spread={})
    assert "Spread of the three seeds of base: not known yet" in report(no_seeds, "text")


def test_how_speeds_were_measured_stands_below():
    assert f"Speeds: {BESIDE_OTHER_WORK}." in report(TABLE, "text")
    in_turn = dataclasses.replace(TABLE, speeds="in turn on an abacus")
    assert "Speeds: in turn on an abacus." in report(in_turn, "markdown")


def test_json_is_the_table_itself():
    assert Table.from_json(json.loads(report(TABLE, "json"))) == TABLE


def test_csv_has_every_number_of_the_table_unrounded():
    lines = list(csv.DictReader(io.StringIO(report(TABLE, "csv"))))
    assert [line["row"] for line in lines] == [row.name for row in TABLE.rows]
    for line, row in zip(lines, TABLE.rows, strict=True):
        assert int(line["n_heads"]) == row.sizes.n_heads
        assert int(line["parameters"]) == row.sizes.parameters
        assert line["paper_bleu"] == (str(row.paper.bleu) if row.paper else "")
        if row.measured is None:
            assert line["steps"] == line[f"bleu_{TEST}"] == ""
            continue
        for text, name in itertools.product(TEXTS, SCORES):
            score, key = row.measured.scores[text][name], f"{name}_{text}"
            assert float(line[key]) == score.value
            ends = (float(line[f"{key}_low"]), float(line[f"{key}_high"]))
            assert ends == score.interval_95
            if row.measured.against_base:
                against = row.measured.against_base[text][name]
                assert float(line[f"{key}_minus_base"]) == against.difference
                assert float(line[f"{key}_p_value"]) == against.p_value
                assert line[f"{key}_verdict"] == against.verdict
            else:
                assert line[f"{key}_minus_base"] == ""


def test_latex_is_the_short_table_and_nothing_in_it_is_a_command_by_accident():
    lines = report(TABLE, "latex").splitlines()
    assert lines[:3] == [
        r"% needs \usepackage{booktabs}", r"\begin{tabular}{llrrrrrrr}", r"\toprule"
    ]  # fmt: skip
    (one_head,) = (line for line in lines if line.startswith("A-h1 "))
    assert one_head == (
        r"A-h1 & h = 1, d\_k = 128, d\_v = 128 & 1.90 & 5.29 & 6.75 [6.50, 7.00] & +0.50, higher "
        r"& 24.9 & 30.0 [28.5, 31.5] & $-$0.5, no difference shown \\"
    )
    body = [line for line in lines if line.endswith(r" \\")]
    assert {line.count(" & ") for line in body} == {8}
    assert len(body) == 1 + len(TABLE.rows)


def test_texts_of_latex_and_csv_read_as_they_are():
    lines = [("a_b", 'say "x", y'), ("50 % & #1", "{~^\\}")]
    assert list(csv.reader(io.StringIO(csv_table(lines)))) == [list(line) for line in lines]
    assert r"50 \% \& \#1 & \{\textasciitilde{}\textasciicircum{}\textbackslash{}\} \\" in (
        latex_table(lines)
    )


def test_columns_of_text_are_aligned():
    assert (
        aligned([("row", "N"), ("longer", "3"), ("b", "10")])
        == "row      N\nlonger   3\nb       10"
    )


@pytest.mark.parametrize(
    ("in_paper", "verdict", "said"),
    [
        (0.37, "higher", "as in the paper"),
        (-0.9, "lower", "as in the paper"),
        (0.37, "lower", "the other way"),
        (-0.9, "higher", "the other way"),
        (0.0, "lower", "lower; in the paper it stays"),
        (0.37, "no difference shown", "no difference shown"),
        (0.0, "not judged yet", "not judged yet"),
    ],
)
def test_a_row_moves_as_in_the_paper_only_where_it_is_shown_to_move(in_paper, verdict, said):
    assert (
        moves_as_in_the_paper(in_paper, DifferenceToBase(0.5, (0.25, 0.75), 0.001, verdict)) == said
    )


def test_the_command_prints_the_table_that_is_there(tmp_path, capsys):
    command = ["table3", "--data", str(tmp_path), "--report", "--output"]
    (tmp_path / "table.json").write_text(write_json(made_up_table().to_json()))
    main([*command, str(tmp_path)])
    assert capsys.readouterr().out == report(made_up_table(), "text") + "\n"
    main([*command, str(tmp_path / "none")])
    assert NOT_TRAINED in capsys.readouterr().out
