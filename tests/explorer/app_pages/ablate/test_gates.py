"""Gates on the page Ablate: each point and each line of the table is of its price."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from core.checkpoint.weights import weights_hash
from core.evaluation.ratios import Estimate
from core.experiments.gates.results import GatePoint, GateResults
from core.system.files import write_json
from tests.checkpoints import write_checkpoint
from tests.explorer.pages import Open, charts, open_page
from tests.explorer.readings import frame, numbers, said

__all__ = ["open_page"]

KEPT = {0.0: (10, 15, 15), 0.02: (3, 8, 9), 0.5: (1, 0, 2)}
"""Price -> heads left in encoder, decoder, cross; the toy has 5 heads, 2 + 3 layers."""


def point(n: int, penalty: float) -> GatePoint:
    gates = {
        kind: np.array([1.0] * kept + [0.0] * (n_layers * 5 - kept)).reshape(n_layers, 5)
        for kind, n_layers, kept in zip(
            ("encoder", "decoder", "cross"), (2, 3, 3), KEPT[penalty], strict=True
        )
    }
    scratch = Estimate(20.0 - n, (19.0 - n, 22.0 - n)) if n == 1 else None
    return GatePoint(
        penalty,
        gates,
        Estimate(30.0 - n, (29.0 - n, 32.0 - n)),
        5.0,
        scratch,
        7.0 if scratch else None,
    )


@pytest.fixture
def stored(tmp_path: Path) -> GateResults:
    model = write_checkpoint(tmp_path / "tiny").model
    found = GateResults(
        tuple(point(n, penalty) for n, penalty in enumerate(KEPT)), Estimate(29.5, (28, 31)), "a-text", 77,
        123, 1e-3, weights_hash(model), "a machine",
    )  # fmt: skip
    (tmp_path / "tiny" / "gates.json").write_text(write_json(found.to_json()))
    return found


def test_every_point_is_of_its_price(open_page: Open, stored: GateResults) -> None:
    page = open_page(None, "ablate")
    drawn = next(c for c in charts(page) if "gates, while it goes on learning" in str(c["data"]))
    tuned, scratch = drawn["data"]
    removed = [1 - sum(kept) / 40 for kept in KEPT.values()]
    np.testing.assert_allclose(numbers(tuned["x"]), removed)
    np.testing.assert_allclose(numbers(tuned["y"]), [30, 29, 28])
    np.testing.assert_allclose(numbers(tuned["error_y"]["array"]), 2)
    np.testing.assert_allclose(numbers(tuned["error_y"]["arrayminus"]), 1)
    np.testing.assert_allclose(numbers(scratch["x"]), removed[1:2])
    np.testing.assert_allclose(numbers(scratch["y"]), [19])
    assert "3 of 40 heads are left, with BLEU 28.0 on 77 sentences of a-text; before, 29.5" in said(
        page
    )
    table = frame(page, "heads left")
    assert list(table["heads left"]) == [40, 20, 3]
    assert list(table["encoder self-attention"]) == [
        "10: L1 5, L2 5",
        "3: L1 3, L2 0",
        "1: L1 1, L2 0",
    ]
    assert list(table["from scratch"]) == ["", "19.0 [18.0, 21.0]", ""]


def test_gates_of_other_weights_are_left_out(
    open_page: Open, stored: GateResults, tmp_path: Path
) -> None:
    file = tmp_path / "tiny" / "gates.json"
    file.write_text(file.read_text().replace(stored.weights_hash, "others"))
    page = open_page(None, "ablate")
    assert any(
        "was measured of other weights" in each.value.replace("\\", "") for each in page.warning
    )
    assert "gates, while it goes on" not in str(charts(page))


def test_gates_go_when_the_weights_are_replaced_under_an_open_page(
    open_page: Open, stored: GateResults, tmp_path: Path
) -> None:
    page = open_page(None, "ablate")
    assert "gates, while it goes on" in str(charts(page))
    write_checkpoint(tmp_path / "other", d_ff=24)
    shutil.copy(tmp_path / "other" / "model.safetensors", tmp_path / "tiny")
    shutil.copy(tmp_path / "other" / "config.json", tmp_path / "tiny")
    shutil.rmtree(tmp_path / "other")
    page = page.run()
    assert not page.exception
    assert "gates, while it goes on" not in str(charts(page))
    assert any(
        "was measured of other weights" in each.value.replace("\\", "") for each in page.warning
    )
