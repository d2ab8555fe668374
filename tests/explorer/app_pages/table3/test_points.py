"""Table 3 in points: each stands where its numbers are."""

from explorer.app_pages.table3.points import our_points, paper_points
from explorer.engine.table3 import PaperAndOurs
from tests.explorer.families import family

__all__ = ["family"]


def test_points_are_where_the_numbers_are(family: PaperAndOurs) -> None:
    paper = {point.name: point for point in paper_points(family, "bleu")}
    assert len(paper) == 20
    assert (paper["big"].x, paper["big"].y, paper["big"].interval) == (213, 26.4, None)
    assert paper["A-h1"].x == paper["base"].x == 65
    ours = our_points(family, "perplexity", lambda _, of: of.decoding_tokens_per_s)
    assert [(p.name, p.x, p.y, p.interval) for p in ours] == [
        ("base", 987.6, 6.25, (6.0, 6.5)), ("A-h1", 987.6, 6.75, (6.5, 7.0)),
    ]  # fmt: skip
