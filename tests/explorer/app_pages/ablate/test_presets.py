"""Places that are switched off, in and out of an ablation."""

import pytest

from core.analysis.ablation import Ablation
from core.analysis.ablation.in_words import in_words
from core.analysis.ablation.places import changes_of, is_blind, is_silent, off, states, with_off
from core.analysis.head_place import HeadPlace
from core.analysis.heads.best import BestHead
from core.config import ModelConfig
from explorer.app_pages.ablate.presets import presets, swept_presets
from explorer.components.toggles.component import Effects, payload

TEXT = "enc.pos=off,dec.pos=shift:3,enc.L2H1=mean,cross.L1H6=0,cross.L2H1.row7=k3,dec.L4.ffn=skip"


def test_places_are_off_or_changed() -> None:
    assert states(Ablation.parse(TEXT)) == {
        "enc.pos": "off",
        "dec.pos": "changed",
        "enc.L2H1": "changed",
        "cross.L1H6": "off",
        "cross.L2H1.row7": "changed",
        "dec.L4.ffn": "off",
    }


def test_nothing_is_lost_when_the_same_places_are_off() -> None:
    before = Ablation.parse(TEXT)
    places = [place for place, state in states(before).items() if state == "off"]
    assert with_off(before, places) == before


def test_a_place_goes_on_again_and_what_was_changed_otherwise_stays() -> None:
    made = with_off(Ablation.parse(TEXT), [])
    assert made == Ablation.parse("dec.pos=shift:3,enc.L2H1=mean,cross.L2H1.row7=k3")


def test_what_was_changed_can_be_switched_off() -> None:
    made = with_off(Ablation.parse("enc.L2H1=0.5,dec.pos=shift:3"), ["enc.L2H1", "dec.pos"])
    assert str(made) == "dec.pos=off,enc.L2H1=0"


@pytest.mark.parametrize(
    ("places", "left"),
    [
        (["enc.L1H1", "enc.L1.self"], "enc.L1.self=skip"),
        (["enc.L1.self", "enc.L1.ffn", "enc.L1"], "enc.L1=skip"),
        (["cross.L2H1"], "cross.L2H1=0"),
    ],
)
def test_what_lies_inside_of_what_is_off_is_forgotten(places: list[str], left: str) -> None:
    rows = "cross.L2H1.row7=k3" if "cross.L2H1" in places else ""
    assert str(with_off(Ablation.parse(rows), places)) == left


@pytest.mark.parametrize(
    ("text", "silent"),
    [("cross.L1H2=0", True), ("dec.L1.cross=skip", True), ("dec.L1=skip", True),
     ("cross.L1H2=0.5", False), ("dec.L1.self=skip,enc.L1=skip,cross.L1H1=0", False)],
)  # fmt: skip
def test_a_head_is_silent_when_it_or_what_holds_it_is_off(text: str, silent: bool) -> None:
    assert is_silent(Ablation.parse(text), HeadPlace("cross", 0, 1)) == silent


@pytest.mark.parametrize(
    ("text", "blind"),
    [("cross.L1H2=0", True), ("dec.L1=skip", True), ("cross.L1H2=mean", True),
     ("cross.L1H2=uniform", True), ("cross.L1H2=0.5", False), ("cross.L1H2.row1=k1", False),
     ("cross.L1H20=0,cross.L2H2=mean,enc.L1H2=uniform", False), ("", False)],
)  # fmt: skip
def test_a_head_is_blind_when_its_own_looks_make_no_difference(text: str, blind: bool) -> None:
    assert is_blind(Ablation.parse(text), HeadPlace("cross", 0, 1)) == blind


def test_changes_of_a_head_are_its_own_and_those_around_it() -> None:
    text = "dec.L1.ffn=skip,dec.L1H2=0,cross.L1H2=0.5,cross.L1H2.row3=k1,cross.L1H20.row1=k1"
    found = changes_of(Ablation.parse(text), HeadPlace("cross", 0, 1))
    assert [str(part) for part in found] == ["cross.L1H2=0.5", "cross.L1H2.row3=k1"]
    outer = changes_of(Ablation.parse("dec.L1.self=skip,dec.L2=skip"), HeadPlace("decoder", 0, 1))
    assert [str(part) for part in outer] == ["dec.L1.self=skip"]


def test_a_place_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="is not a part of an ablation"):
        off("enc.L1.nothing")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "nothing changed"),
        ("cross.L1H6=0,cross.L2H1=0", "cross-attention layer 1, head 6 and layer 2, head 1 off"),
        ("enc.L1H1=0,enc.L1H2=0,enc.L1H3=0,enc.L1H4=0", "4 heads of encoder self-attention off"),
        ("enc.L2H1=mean,enc.L2H2=0.5", "encoder self-attention layer 2, head 1 mean; "
         "encoder self-attention layer 2, head 2 × 0.5"),
        ("dec.L1.cross=skip,enc.L4=skip", "encoder layer 4 skipped; "
         "cross-attention of decoder layer 1 skipped"),
        ("enc.pos=shift:3", "positions shift:3 in the encoder"),
    ],
)  # fmt: skip
def test_changes_in_words(text: str, words: str) -> None:
    assert in_words(Ablation.parse(text)) == words


BEST = BestHead(HeadPlace("cross", 0, 0), "produced", "best-aligned", "aligns words best")


@pytest.mark.parametrize("n_heads", [1, 2, 16])
def test_presets_fit_the_model(n_heads: int) -> None:
    config = ModelConfig(vocabulary_size=9, n_encoder_layers=3, n_decoder_layers=1, n_heads=n_heads)
    found = presets(config, BEST)
    for preset in found:
        assert preset.ablation.parts
        preset.ablation.check(config)
        assert preset.title.startswith("With")
        assert preset.question.endswith(("?", "."))
    assert len(found) == (3 if n_heads == 1 else 4)  # no head but the best: nothing to remove


def test_the_head_that_costs_most_and_those_that_cost_nothing() -> None:
    worth = {"enc.L1H1": -0.5, "cross.L2H3": -2.0, "dec.L1H1": 0.0, "enc.L1": -9.0, "dec.L1.ffn": 1}
    most, idle = swept_presets(worth)
    assert str(most.ablation) == "cross.L2H3=0"
    assert str(idle.ablation) == "dec.L1H1=0"
    assert len(swept_presets({"enc.L1H1": -0.5})) == 1


@pytest.mark.parametrize("positions", ["sinusoidal", "none"])
def test_every_switch_is_a_place_of_the_model(positions: str) -> None:
    config = ModelConfig(
        vocabulary_size=9, n_encoder_layers=2, n_decoder_layers=3, n_heads=5, positions=positions  # type: ignore[arg-type]
    )  # fmt: skip
    grids = payload(config, {})["grids"]
    cells = [cell for grid in grids for row in grid["rows"] for cell in row if "place" in cell]
    for cell in cells:
        Ablation((off(cell["place"]),)).check(config)
    n_positions = 0 if positions == "none" else 2
    assert len({cell["place"] for cell in cells}) == len(cells) == n_positions + (
        5 * (2 + 3 + 3)  # heads
        + 2 + 3  # layers
        + 2 * 2 + 3 * 3  # sub-layers
    )  # fmt: skip
    assert len({cell["name"] for cell in cells}) == len(cells)


def test_colours_reach_to_the_largest_effect_of_a_head() -> None:
    config = ModelConfig(vocabulary_size=9, n_heads=2)
    worth = {"enc.L1H1": -2.0, "enc.L1H2": 0.01, "enc.L1": -30.0}
    effects = payload(config, {}, effects=Effects("Change", worth, "nats"))["effects"]
    of = effects["of"]
    assert of["enc.L1H1"]["colour"] == of["enc.L1"]["colour"] != of["enc.L1H2"]["colour"]
    assert (of["enc.L1H1"]["short"], of["enc.L1H1"]["long"]) == ("−2.0", "−2.00 nats")
    assert of["enc.L1H2"]["short"] == "0"
    assert [step["text"] for step in effects["legend"]] == [
        "−2.00 or less",
        "−0.50",
        "0.00",
        "0.50",
        "2.00",
    ]
