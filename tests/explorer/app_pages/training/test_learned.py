"""What a model learnt first: each point is of its snapshot, as `learning.json` has it."""

import numpy as np
import pytest

from core.analysis.learning.results import Learning, Moment
from core.checkpoint.weights import weights_hash
from core.evaluation.ratios import Estimate
from core.system.files import write_json
from explorer.app_pages.training.learned import TITLE
from tests.checkpoints import write_checkpoint, write_timeline
from tests.explorer.pages import Shelf, charts, open_page, shelf, subheaders
from tests.explorer.readings import numbers, said

__all__ = ["open_page", "shelf"]


def estimate(value: float) -> Estimate:
    return Estimate(value, (value - 0.25, value + 0.5))


def moment(n: int, *, is_reference: bool = False) -> Moment:
    return Moment(
        ngrams={order: estimate(-n - order / 10) for order in (1, 2)},
        kept_order=estimate(0.1 * n),
        bleu=None if is_reference else estimate(n - 3.0),
        source_share=None if is_reference else estimate(0.05 * n),
    )


MOMENTS = {3: moment(2), 9: moment(4), 30: moment(5)}


@pytest.fixture
def stored(shelf: Shelf):
    folder = shelf.root / "toy"
    if not folder.is_dir():
        checkpoint = write_checkpoint(folder)
        write_timeline(checkpoint, 3, 9)
        found = Learning(
            MOMENTS, moment(6, is_reference=True), "a-text", 77, "a-language", "an-aligner",
            weights_hash(checkpoint.model),
        )  # fmt: skip
        (folder / "learning.json").write_text(write_json(found.to_json()))
    return folder


def test_every_point_is_of_its_snapshot(shelf: Shelf, stored) -> None:
    page = shelf("training")
    assert TITLE in subheaders(page)
    drawn = [chart for chart in charts(page) if chart["layout"]["xaxis"]["title"]["text"] == "step"]
    words, order, share = drawn[:3]
    for line, n in zip(words["data"], (1, 2), strict=True):
        assert list(numbers(line["x"])) == list(MOMENTS)
        expected = [each.ngrams[n].value for each in MOMENTS.values()]
        np.testing.assert_allclose(numbers(line["y"]), expected)
        np.testing.assert_allclose(numbers(line["error_y"]["array"]), 0.5)
        np.testing.assert_allclose(numbers(line["error_y"]["arrayminus"]), 0.25)
    references = [shape["y0"] for shape in words["layout"]["shapes"]]
    assert references == [pytest.approx(-6.1), pytest.approx(-6.2)]
    assert list(numbers(order["data"][0]["x"])) == [9, 30]  # before, BLEU is below 1
    np.testing.assert_allclose(numbers(order["data"][0]["y"]), [0.4, 0.5])
    np.testing.assert_allclose(numbers(share["data"][0]["y"]), [0.1, 0.2, 0.25])
    text = said(page)
    assert "77 sentences of a-text" in text.replace("\\", "")
    assert (
        "After 3 steps the translations are as probable by 2-grams as people’s, but BLEU is -1.0"
        in text
    )
    assert "an-aligner" in text.replace("\\", "")


def test_what_is_of_other_weights_is_not_shown(open_page, tmp_path) -> None:
    folder = tmp_path / "tiny"
    write_timeline(write_checkpoint(folder), 3)
    found = Learning(MOMENTS, moment(6, is_reference=True), "t", 7, "l", "a", "not these")
    (folder / "learning.json").write_text(write_json(found.to_json()))
    page = open_page(None, "training")
    assert TITLE not in subheaders(page)
    assert "was measured of other weights" in page.warning[0].value.replace("\\", "")
