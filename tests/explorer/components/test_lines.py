"""What the lines component is given to draw."""

import json

import numpy as np
import pytest

from explorer.components.lines.component import lines_payload
from explorer.figures.colours import OKABE_ITO, ROLES

NAMES = {"rows": ["<s> → a", "a → שלום"], "columns": ["x", "<b>", "x"]}
TITLES = {"row_title": "step", "column_title": "source"}
WEIGHTS = np.array([[[0.7, 0.2, 0.1], [0, 1, 0]], [[1 / 3] * 3, [0.001, 0.999, 0]]])


def unpack(payload: bytes) -> tuple[dict[str, object], np.ndarray]:
    n = int.from_bytes(payload[:4], "little")
    return json.loads(payload[4 : 4 + n]), np.frombuffer(payload[4 + n :], "<u2")


def test_labels_travel_as_typed_and_weights_to_five_digits() -> None:
    meta, levels = unpack(lines_payload(WEIGHTS, heads=["L1H1", "L1H2"], **NAMES, **TITLES))
    assert meta["rows"] == NAMES["rows"]
    assert meta["columns"] == NAMES["columns"]
    assert np.abs(levels.reshape(WEIGHTS.shape) / 65_535 - WEIGHTS).max() < 2e-5


def test_one_head_has_the_colour_of_attention_and_several_their_own() -> None:
    one, _ = unpack(lines_payload(WEIGHTS[:1], heads=["L1H1"], **NAMES, **TITLES))
    two, _ = unpack(lines_payload(WEIGHTS, heads=["L1H1", "L1H2"], **NAMES, **TITLES))
    assert one["colours"] == [ROLES["attention"].mark]
    assert two["colours"] == list(OKABE_ITO)


@pytest.mark.parametrize("heads", [["L1H1"], ["a", "b", "c"]])
def test_names_must_fit_the_weights(heads: list[str]) -> None:
    with pytest.raises(ValueError, match=rf"\(2, 2, 3\) do not fit {len(heads)} heads, 2 rows"):
        lines_payload(WEIGHTS, heads=heads, **NAMES, **TITLES)
