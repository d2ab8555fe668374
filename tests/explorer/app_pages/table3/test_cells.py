"""Table 3 in rows: the paper's numbers are the paper's, ours are ours."""

from core.experiments.table3.presets import PRESETS
from core.experiments.table3.rows import VARIANTS
from explorer.app_pages.table3.cells import COLUMNS, table_rows
from explorer.components.table3.component import Row
from explorer.engine.table3 import PaperAndOurs
from tests.explorer.families import family

__all__ = ["family"]


def rows(family: PaperAndOurs) -> dict[str, Row]:
    return {row.name: row for row in table_rows(family, frozenset({"base", "A-h1"}))}


def test_every_row_stands_once_in_its_part(family: PaperAndOurs) -> None:
    found = rows(family)
    assert list(found) == list(VARIANTS)
    of = {name: row.group for name, row in found.items()}
    assert [name for name in of if of[name] == "(A) Number of heads"] == [
        "A-h1", "A-h4", "A-h16", "A-h32",
    ]  # fmt: skip
    assert [name for name in of if of[name] == "Only here"] == [
        "base-N6", "fixed-heads", "base-seed2", "base-seed3",
    ]  # fmt: skip


def test_the_papers_columns_are_the_paper(family: PaperAndOurs) -> None:
    found = rows(family)
    for name, preset in PRESETS.items():
        cells = found[name].cells
        assert cells["paper_perplexity"].text == f"{preset.paper.perplexity:.2f}"
        assert cells["paper_bleu"].number == preset.paper.bleu
        millions = preset.paper.parameters_millions
        assert ("paper_parameters" in cells) == (millions is not None)
        if millions:
            assert cells["paper_parameters"].text == f"{millions:g}"
        assert cells["paper_bleu"].about.startswith(f"{name} in the paper: ")
    assert "300,000 steps" in found["big"].cells["paper_bleu"].about
    assert not any(key.startswith("paper") for key in found["base-N6"].cells)


def test_the_papers_size_and_ours_stand_in_columns_of_their_own(family: PaperAndOurs) -> None:
    cells = rows(family)["B-dk16"].cells
    assert (cells["paper_size"].text, cells["size"].text) == ("d_k 16", "d_k 4")
    assert rows(family)["base-N6"].cells["size"].text == "N 6"
    assert rows(family)["fixed-heads"].cells["size"].text == "fixed h 7"


def test_ours_has_scores_differences_and_the_papers_difference_beside(
    family: PaperAndOurs,
) -> None:
    row = rows(family)["A-h1"]
    assert row.cells["perplexity"].text == "6.75"
    assert row.cells["perplexity"].about.startswith("6.75 [6.50, 7.00], 95 % interval; A-h1 here: ")
    perplexity, bleu = row.differences["perplexity_change"], row.differences["bleu_change"]
    assert (perplexity.value, perplexity.low, perplexity.high) == (0.5, 0.25, 0.75)
    assert (perplexity.text, perplexity.judgement, perplexity.paper) == ("+0.50", "worse", 0.37)
    assert (bleu.text, bleu.judgement, bleu.paper) == ("−0.5", "same", -0.9)
    assert "p = 0.125: no difference shown" in bleu.about
    assert rows(family)["base"].differences == {}


def test_details_say_how_a_row_was_trained(family: PaperAndOurs) -> None:
    details = dict(rows(family)["A-h1"].details)
    assert details["Sizes here"].startswith("N = 3, d_model = 128")
    assert "N = 6, d_model = 512" in details["In the paper"]
    assert (
        "for 9,000 steps, 12.3 million tokens, seed 1; weights of step 8,500"
        in (details["Training"])
    )
    assert details["BLEU, multi30k-test2016"] == "30.0 [28.5, 31.5]"
    assert details["Perplexity minus base"] == (
        "+0.50, 95 % interval [+0.25, +0.75], p = 0.001: higher (the paper: +0.37: as in the paper)"
    )
    assert details["BLEU minus base"].endswith("no difference shown (the paper: −0.9)")
    assert details["Trained on"] == "an abacus"
    assert details["Decoding speed"] == "988 tokens/s"


def test_a_row_not_trained_yet_says_so(family: PaperAndOurs) -> None:
    row = rows(family)["C-N2"]
    assert row.cells["perplexity_change"].text == "not trained yet"
    assert "perplexity" not in row.cells
    assert row.cells["parameters"].text == "0.97"
    assert ("Training", "not trained yet") in row.details
    assert not row.can_compare


def test_every_cell_has_a_column(family: PaperAndOurs) -> None:
    keys = {column.key for column in COLUMNS}
    for row in rows(family).values():
        assert {*row.cells, *row.differences} <= keys
