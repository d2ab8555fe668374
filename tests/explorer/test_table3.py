"""Table 3 in cells and points: the paper's numbers are the paper's, ours are ours."""

import dataclasses
import re
from pathlib import Path

import pytest

from core.presets import PRESETS
from core.table3 import ROWS
from explorer import engine, table3
from explorer.engine import Family
from explorer.figures.paper_table import Cell, Group, table_html
from explorer.figures.quality import Point, quality_figure, stands_alone
from tests.core.tables import made_up_table


@pytest.fixture
def family(tmp_path: Path) -> Family:
    return dataclasses.replace(engine.family(tmp_path), ours=made_up_table())


def lines(family: Family) -> dict[str, dict[str, Cell]]:
    """Of every row: column -> cell; a wide cell stands in its first column."""
    columns = [f"{title}: {name}" for title, names in table3.HEADER for name in names]
    found = {}
    for group in table3.sections(family):
        for line in group.lines:
            places = [sum(cell.n_columns for cell in line[:n]) for n in range(len(line))]
            found[line[0].text] = {columns[at]: cell for at, cell in zip(places, line, strict=True)}
    return found


def test_every_row_stands_once_in_its_part(family: Family) -> None:
    parts = {
        group.title: [line[0].text for line in group.lines] for group in table3.sections(family)
    }
    assert sorted(name for names in parts.values() for name in names) == sorted(ROWS)
    assert parts["(A) number of heads"] == ["A-h1", "A-h4", "A-h16", "A-h32"]
    assert parts["Only here"] == ["base-N6", "base-seed2", "base-seed3"]


def test_the_papers_half_is_the_paper(family: Family) -> None:
    for name, preset in PRESETS.items():
        line = lines(family)[name]
        assert line["The paper: PPL"].text == f"{preset.paper.perplexity:.2f}"
        assert line["The paper: BLEU"].text == f"{preset.paper.bleu:.1f}"
        millions = preset.paper.parameters_millions
        assert line["The paper: params ×10⁶"].text == (f"{millions:g}" if millions else "")
    assert lines(family)["base"]["The paper: train steps"].text == "100K"
    assert lines(family)["big"]["The paper: train steps"].text == "300K"
    assert lines(family)["base-N6"]["The paper: PPL"].text == ""


def test_only_what_differs_from_base_is_printed(family: Family) -> None:
    sizes = "Sizes: the paper's, and in small print ours: "
    one_head = {
        name.removeprefix(sizes): (cell.text, cell.small)
        for name, cell in lines(family)["A-h1"].items()
        if name.startswith(sizes) and cell.text
    }
    assert one_head == {"h": ("1", ()), "d_k": ("512", ("128",)), "d_v": ("512", ("128",))}
    assert lines(family)["base"][f"{sizes}N"] == Cell(
        "6", "base: N = 6 in the paper, 3 here", ("3",)
    )
    assert lines(family)["base-N6"][f"{sizes}N"].small == ("6",)


def test_ours_has_intervals_and_verdicts(family: Family) -> None:
    line = lines(family)["A-h1"]
    assert line["Trained here: PPL"].text == "6.75"
    assert line["Trained here: PPL"].small == ("[6.50, 7.00]",)
    assert line["Trained here: BLEU"].text == "30.0"
    assert line["Trained here: ΔPPL to base"].text == "+0.50"
    assert line["Trained here: ΔPPL to base"].small == ("[+0.25, +0.75]", "higher: worse")
    assert line["Trained here: ΔBLEU to base"].small == ("[−1.25, +0.25]", "no difference shown")
    assert lines(family)["base"]["Trained here: ΔPPL to base"].text == ""


@pytest.mark.parametrize(
    ("name", "verdict", "said"),
    [
        ("perplexity", "lower", "lower: better"),
        ("bleu", "higher", "higher: better"),
        ("bleu", "lower", "lower: worse"),
        ("bleu", "not judged yet", "not judged yet"),
    ],
)
def test_a_verdict_says_what_it_means(name, verdict, said) -> None:  # type: ignore[no-untyped-def]
    comparison = made_up_table().rows[1].measured.against_base["multi30k-val"]["bleu"]  # type: ignore[union-attr]
    assert table3.verdict(dataclasses.replace(comparison, verdict=verdict), name) == said


def test_every_cell_says_which_model_was_trained_how(family: Family) -> None:
    for name, line in lines(family).items():
        for cell in line.values():
            assert cell.about or not cell.text
        for column in ("The paper: PPL", "Trained here: PPL"):
            assert name in line[column].about or "no row of the paper" in line[column].about
    assert "300,000 steps" in lines(family)["big"]["The paper: BLEU"].about
    ours = lines(family)["A-h1"]["Trained here: BLEU"].about
    assert "h = 1" in ours
    assert "for 9,000 steps, 12.3 million tokens, seed 1; weights of step 8,500" in ours


def test_a_row_not_trained_yet_says_so(family: Family) -> None:
    line = lines(family)["C-N2"]
    assert line["Trained here: PPL"].text == "not trained yet"
    assert line["Trained here: PPL"].n_columns == 4
    assert line["Trained here: params ×10⁶"].text == "0.97"
    assert [of["how"] for of in table3.details(family)].count("not trained yet") == 21


def test_points_are_where_the_numbers_are(family: Family) -> None:
    paper = {point.name: point for point in table3.paper_points(family, "bleu")}
    assert len(paper) == 20
    assert (paper["big"].x, paper["big"].y, paper["big"].interval) == (213, 26.4, None)
    assert paper["A-h1"].x == paper["base"].x == 65
    ours = table3.our_points(family, "perplexity", lambda _, of: of.decoding_tokens_per_s)
    assert [(p.name, p.x, p.y, p.interval) for p in ours] == [
        ("base", 987.6, 6.25, (6.0, 6.5)), ("A-h1", 987.6, 6.75, (6.5, 7.0)),
    ]  # fmt: skip


def test_the_reader_chooses_rows_or_gets_some_of_different_shapes() -> None:
    available = ["base", "A-h1", "A-h4", "C-N2", "big", "C-N4"]
    assert table3.chosen_rows(["A-h4", "gone"], available) == ["A-h4"]
    assert table3.chosen_rows([], available) == ["base", "A-h1", "C-N2", "big"]
    assert table3.chosen_rows([], ["A-h16", "C-N4"]) == ["A-h16", "C-N4"]
    assert len(table3.chosen_rows(available, available)) == 4


def test_what_makes_a_row_is_told_in_the_papers_letters(family: Family) -> None:
    rows = family.ours.rows
    base = table3.row_named(rows, "base").sizes
    said = {row.name: table3.trained_with(row.sizes, base) for row in rows}
    assert said["base"] == "the sizes of base"
    assert said["A-h1"] == "h = 1, d_k = 128, d_v = 128"
    assert said["D-ls0.2"] == "ε_ls = 0.2"
    assert said["E-learned"] == "positions = learned"


def test_a_table_of_ones_own_is_found_below_the_root(tmp_path: Path) -> None:
    from core.config import write_json

    assert engine.family(tmp_path).folder == tmp_path / "table3"
    engine.family.clear()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "table.json").write_text(write_json(made_up_table().to_json()))
    found = engine.family(tmp_path)
    assert (found.folder, found.ours) == (tmp_path / "mine", made_up_table())
    engine.family.clear()
    (tmp_path / "mine" / "table.json").write_text("{}")
    with pytest.raises(ValueError, match=r"table\.json is no table"):
        engine.family(tmp_path)


# The figures.


def test_texts_of_a_table_are_text() -> None:
    drawn = table_html(
        "<b>",
        [("", ("row",)), ("<i>", ("d_model", "x"))],
        [Group("A", ((Cell("<u>"), Cell("1", 'say "it"', ("<s>",)), Cell("2")),))],
    )
    assert not re.search(r"<(b|i|u|s)>", drawn)
    assert "d<sub>model</sub>" in drawn
    assert 'title="say &quot;it&quot;"' in drawn


def test_a_line_must_fit_the_header() -> None:
    with pytest.raises(ValueError, match="base does not have the 2 columns of the header"):
        table_html("", [("", ("row",)), ("a", ("x",))], [Group("", ((Cell("base"),),))])
    wide = (Cell("base"), Cell("not yet", n_columns=2))
    assert 'colspan="2"' in table_html(
        "", [("", ("row",)), ("a", ("x", "y"))], [Group("", (wide,))]
    )


POINTS = [
    Point("a", "one", 1, 10, (9, 12)), Point("b", "one", 10, 20), Point("c", "two", 10, 20.1),
]  # fmt: skip


def test_intervals_are_bars_from_the_score_to_their_ends() -> None:
    one, two = quality_figure(POINTS, x_title="cost", y_title="score").data
    assert (list(one.error_y.array), list(one.error_y.arrayminus)) == ([2, 0], [1, 0])
    assert (one.error_y.visible, two.error_y.visible) == (True, False)
    assert one.marker.color != two.marker.color
    assert one.marker.symbol != two.marker.symbol


def test_names_stand_where_there_is_room() -> None:
    assert [stands_alone(point, POINTS) for point in POINTS] == [True, False, False]
    assert stands_alone(POINTS[0], POINTS[:1])
    one, _ = quality_figure(POINTS, x_title="cost", y_title="score").data
    assert list(one.text) == ["a", ""]
    assert [data[0] for data in one.customdata] == ["a", "b"]


def test_no_points_are_an_empty_figure() -> None:
    assert not quality_figure([], x_title="cost", y_title="score").data
