"""Gold links are read, or the line that is wrong is named."""

import pytest

from core.analysis.alignment.gold import GoldAlignment, read_gold
from core.text.parallel import DataError


def test_links_are_read_and_count_from_0(tmp_path):
    file = tmp_path / "gold"
    file.write_text("1-1 2p3 10-2\n\n3p3\n")
    assert read_gold(file) == [
        GoldAlignment(frozenset({(0, 0), (9, 1)}), frozenset({(0, 0), (9, 1), (1, 2)})),
        GoldAlignment(frozenset(), frozenset()),
        GoldAlignment(frozenset(), frozenset({(2, 2)})),
    ]


@pytest.mark.parametrize("link", ["0-1", "1-0", "1:2", "1-", "-1", "1-2-3", "a-b", "1P2", "1-2,"])
def test_what_is_no_link_is_named_with_its_line(tmp_path, link):
    file = tmp_path / "gold"
    file.write_text(f"1-1\n2-2 {link}\n")
    with pytest.raises(
        DataError, match=rf"^{file}, line 2: '{link}' is not a link; write 3-4 or 3p4$"
    ):
        read_gold(file)
