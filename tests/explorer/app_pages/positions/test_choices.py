"""Choices of the Positions page: what fits a model, and the experiment as a value."""

import dataclasses
from typing import Any, get_args

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.analysis.ablation import Ablation
from core.analysis.ablation.edits import ablating
from core.analysis.positions import pair_dimensions
from core.config import ModelConfig
from core.model import Transformer, probing, record
from explorer.app_pages.positions.choices import (
    MOST_CURVES,
    Lengths,
    ablation_text,
    change_name,
    first_dimensions,
    most_shift,
    moved_positions,
    settle_positions,
)
from explorer.app_pages.positions.fields import (
    MOST_SCALE,
    MOST_SHIFT,
    PositionEdit,
    PositionsFields,
    Stacks,
)

OF = Lengths(source=7, target=7)


def config(**values: Any) -> ModelConfig:
    return ModelConfig(**{"vocabulary_size": 300, "d_model": 26, "max_positions": 53, **values})


changes = st.builds(
    PositionsFields,
    positions=st.sampled_from(get_args(PositionEdit)),
    stacks=st.sampled_from(get_args(Stacks)),
    k=st.integers(0, 40),
    scale=st.floats(0, MOST_SCALE),
)


def test_what_fits_is_left_alone() -> None:
    view = PositionsFields(picture="shift", dimensions=(3, 25), position=6, k=46, stacks="encoder")
    assert settle_positions(view, config(), OF) == (view, ())


def test_what_was_not_chosen_is_chosen_without_a_notice() -> None:
    view, notices = settle_positions(PositionsFields(), config(), OF)
    assert view == PositionsFields(dimensions=first_dimensions(config()))
    assert not notices


@pytest.mark.parametrize(
    ("bad", "settled", "says"),
    [
        ({"k": 47}, {"k": 5}, "k 47, but only 0 to 46 fit"),
        ({"position": 7}, {"position": 1}, "position 7, but only 0 to 6 fit"),
        ({"dimensions": (3, 26)}, {"dimensions": (3,)}, "dimensions 3, 26, but"),
        ({"dimensions": (3, 3)}, {"dimensions": (3,)}, "different ones from 0 to 25"),
        ({"dimensions": tuple(range(9))}, {"dimensions": tuple(range(8))}, "up to 8 different"),
        ({"picture": "learned"}, {"picture": "table"}, "this model has sinusoids"),
    ],
)
def test_what_does_not_fit_is_named_and_replaced(
    bad: dict[str, Any], settled: dict[str, Any], says: str
) -> None:
    fitting = PositionsFields(dimensions=(0,))
    view, notices = settle_positions(fitting.replace(**bad), config(), OF)
    assert view == fitting.replace(**settled)
    assert len(notices) == 1
    assert says in notices[0]


def test_a_learned_table_has_no_map_from_p_to_p_plus_k() -> None:
    view, notices = settle_positions(
        PositionsFields(picture="shift"), config(positions="learned"), OF
    )
    assert view.picture == "table"
    assert "a learned table" in notices[0]


def test_a_sentence_that_fills_the_table_leaves_no_k() -> None:
    view, notices = settle_positions(PositionsFields(), config(max_positions=OF.source), OF)
    assert view.k == 0
    assert "only 0 to 0 fit" in notices[0]


@pytest.mark.parametrize(
    ("view", "most"),
    [
        (PositionsFields(), 53 - 30),
        (PositionsFields(stacks="decoder"), 53 - 30),
        (PositionsFields(stacks="encoder"), 53 - 7),
        (PositionsFields(picture="shift"), 53 - 30),
    ],
)
def test_k_leaves_room_for_the_longest_translation_where_the_decoder_moves(
    view: PositionsFields, most: int
) -> None:
    assert most_shift(view, config(), Lengths(source=7, target=30)) == most


def test_no_k_is_offered_that_a_link_cannot_say() -> None:
    assert (
        most_shift(PositionsFields(stacks="encoder"), config(max_positions=2_048), OF) == MOST_SHIFT
    )


@pytest.mark.parametrize("d_model", [1, 2, 8, 24, 26, 256, 1024])
@pytest.mark.parametrize("positions", ["sinusoidal", "sinusoidal_halves", "learned"])
def test_the_first_dimensions_exist_and_differ(d_model: int, positions: Any) -> None:
    if d_model % 2 and positions != "learned":
        return
    found = first_dimensions(config(d_model=d_model, positions=positions))
    assert 0 < len(found) == len(set(found)) <= MOST_CURVES
    assert max(found) < d_model
    if positions != "learned":
        sine, cosine = pair_dimensions(d_model, halves=positions == "sinusoidal_halves")
        assert found[:2] == (sine[0], cosine[0])
        assert set(found[2:]) <= set(sine.tolist())


@given(changes)
def test_the_experiment_is_a_canonical_ablation(view: PositionsFields) -> None:
    ablation = Ablation.parse(ablation_text(view))
    assert ablation_text(view) == str(ablation)
    assert {part.stack for part in ablation.parts} == (  # type: ignore[union-attr]
        {"encoder", "decoder"} if view.stacks == "both" else {view.stacks}
    )


@given(changes)
def test_the_positions_on_screen_are_those_of_the_model(
    model: Transformer, view: PositionsFields
) -> None:
    """Rows of the table that the model really takes, under the ablation."""
    n = min(6, 1 + int((model.config.max_positions - 1) / max(1, view.scale)))
    ids = torch.full((1, n), 5)
    edits = ablating(model, [Ablation.parse(ablation_text(view.replace(stacks="encoder")))])
    with torch.inference_mode(), probing(model, edits, record("encoder.embedding.*")) as seen:
        model.encode(ids)
    if view.positions == "off":
        assert not seen["encoder.embedding.positions"].any()
        assert moved_positions(view, n) == [None] * n
    else:
        assert moved_positions(view, n) == seen["encoder.embedding.position_ids"][0].tolist()


def test_the_experiment_has_a_name() -> None:
    assert change_name(PositionsFields()) == "no positions"
    shifted = PositionsFields(positions="shift", k=3, stacks="decoder")
    assert change_name(shifted) == "positions shifted by 3 in the decoder"
    scaled = dataclasses.replace(shifted, positions="scale", scale=0.25, stacks="both")
    assert change_name(scaled) == "positions scaled by 0.25"
