"""A head has one place: from 0 in arrays, from 1 in every text."""

import numpy as np
import pytest

from core.analysis.ablation import Ablation, HeadChange
from core.analysis.head_place import HeadPlace
from core.config import KINDS
from tests.core.helpers import random_weights


def test_numbers_on_screen_count_from_1_and_arrays_from_0():
    place = HeadPlace.numbered("cross", 1, 6)
    assert place == HeadPlace("cross", 0, 5)
    assert (place.layer_number, place.head_number) == (1, 6)
    assert place.short == "L1H6"
    assert place.label == "cross.L1H6"
    assert place.in_words == "layer 1, head 6"
    assert place.name == "Cross-attention, layer 1, head 6"


@pytest.mark.parametrize("kind", KINDS)
def test_an_ablation_writes_the_same_place(kind):
    place = HeadPlace(kind, 2, 4)
    (part,) = Ablation.parse(f"{place.label}=0").parts
    assert part == HeadChange(kind, 2, 4)
    assert part.at == place


def test_the_array_of_a_head_is_its_own():
    weights = {kind: random_weights(3, 5, 4, 7, seed=i) for i, kind in enumerate(KINDS)}
    for layer, head in np.ndindex(3, 5):
        found = HeadPlace("decoder", layer, head).of(weights)
        assert np.array_equal(found, weights["decoder"][layer][head])


def test_a_smaller_model_has_the_nearest_head():
    assert HeadPlace("cross", 5, 7).within(4, 8) == HeadPlace("cross", 3, 7)
    assert HeadPlace("cross", 1, 7).within(4, 2) == HeadPlace("cross", 1, 1)
