"""Which rows of Table 3 translate side by side."""

from explorer.app_pages.table3.side_by_side import chosen_rows


def test_the_reader_chooses_rows_or_gets_some_of_different_shapes() -> None:
    available = ["base", "A-h1", "A-h4", "C-N2", "big", "C-N4"]
    assert chosen_rows(["A-h4", "gone"], available) == ["A-h4"]
    assert chosen_rows([], available) == ["base", "A-h1", "C-N2", "big"]
    assert chosen_rows([], ["A-h16", "C-N4"]) == ["A-h16", "C-N4"]
    assert len(chosen_rows(available, available)) == 4
