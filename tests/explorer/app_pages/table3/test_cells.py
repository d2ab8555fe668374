"""Table 3 in cells: the paper's numbers are the paper's, ours are ours."""

from core.experiments.table3.presets import PRESETS
from core.experiments.table3.rows import VARIANTS
from explorer.app_pages.table3.cells import HEADER, sections
from explorer.app_pages.table3.paper_table import Cell
from explorer.app_pages.table3.rows import details
from explorer.engine.table3 import PaperAndOurs
from tests.explorer.families import family

__all__ = ["family"]


def lines(family: PaperAndOurs) -> dict[str, dict[str, Cell]]:
    """Of every row: column -> cell; a wide cell stands in its first column."""
    columns = [f"{title}: {name}" for title, names in HEADER for name in names]
    found = {}
    for group in sections(family):
        for line in group.lines:
            places = [sum(cell.n_columns for cell in line[:n]) for n in range(len(line))]
            found[line[0].text] = {columns[at]: cell for at, cell in zip(places, line, strict=True)}
    return found


def test_every_row_stands_once_in_its_part(family: PaperAndOurs) -> None:
    parts = {group.title: [line[0].text for line in group.lines] for group in sections(family)}
    assert sorted(name for names in parts.values() for name in names) == sorted(VARIANTS)
    assert parts["(A) number of heads"] == ["A-h1", "A-h4", "A-h16", "A-h32"]
    assert parts["Only here"] == ["base-N6", "base-seed2", "base-seed3"]


def test_the_papers_half_is_the_paper(family: PaperAndOurs) -> None:
    for name, preset in PRESETS.items():
        line = lines(family)[name]
        assert line["The paper: PPL"].text == f"{preset.paper.perplexity:.2f}"
        assert line["The paper: BLEU"].text == f"{preset.paper.bleu:.1f}"
        millions = preset.paper.parameters_millions
        assert line["The paper: params ×10⁶"].text == (f"{millions:g}" if millions else "")
    assert lines(family)["base"]["The paper: train steps"].text == "100K"
    assert lines(family)["big"]["The paper: train steps"].text == "300K"
    assert lines(family)["base-N6"]["The paper: PPL"].text == ""


def test_only_what_differs_from_base_is_printed(family: PaperAndOurs) -> None:
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


def test_ours_has_intervals_and_verdicts(family: PaperAndOurs) -> None:
    line = lines(family)["A-h1"]
    assert line["Trained here: PPL"].text == "6.75"
    assert line["Trained here: PPL"].small == ("[6.50, 7.00]",)
    assert line["Trained here: BLEU"].text == "30.0"
    assert line["Trained here: ΔPPL to base"].text == "+0.50"
    assert line["Trained here: ΔPPL to base"].small == ("[+0.25, +0.75]", "higher: worse")
    assert line["Trained here: ΔBLEU to base"].small == ("[−1.25, +0.25]", "no difference shown")
    assert lines(family)["base"]["Trained here: ΔPPL to base"].text == ""


def test_every_cell_says_which_model_was_trained_how(family: PaperAndOurs) -> None:
    for name, line in lines(family).items():
        assert {cell.text for cell in line.values() if not cell.about} <= {""}
        of_paper = f"{name} in the paper: " if name in PRESETS else "no row of the paper"
        assert line["The paper: PPL"].about.startswith(of_paper)
        assert line["Trained here: PPL"].about.startswith(f"{name} here: ")
    assert "300,000 steps" in lines(family)["big"]["The paper: BLEU"].about
    ours = lines(family)["A-h1"]["Trained here: BLEU"].about
    assert "h = 1" in ours
    assert "for 9,000 steps, 12.3 million tokens, seed 1; weights of step 8,500" in ours


def test_a_row_not_trained_yet_says_so(family: PaperAndOurs) -> None:
    line = lines(family)["C-N2"]
    assert line["Trained here: PPL"].text == "not trained yet"
    assert line["Trained here: PPL"].n_columns == 4
    assert line["Trained here: params ×10⁶"].text == "0.97"
    assert [of["how"] for of in details(family)].count("not trained yet") == 21
