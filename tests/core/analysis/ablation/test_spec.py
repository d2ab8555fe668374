"""Ablations as text: read and written without loss, in any order, and refused with a way out."""

import random

import pytest
from hypothesis import assume, given

from core.analysis.ablation import (
    Ablation,
    HeadChange,
    LayerSkip,
    PositionChange,
    RowOnKey,
    SublayerSkip,
)
from tests.core.ablations import ablations, parts
from tests.core.helpers import run_python, small_config

ISSUED = "cross.L3H5=0,enc.L2.ffn=skip,dec.L4=skip,pos=shift:3,cross.L2H1.row7=k3"


@given(ablations)
def test_what_is_written_reads_as_the_same(ablation):
    assert Ablation.parse(str(ablation)) == ablation
    assert hash(Ablation.parse(str(ablation))) == hash(ablation)


@given(parts)
def test_every_single_part_reads_as_itself(part):
    assert Ablation.parse(str(part)).parts == (part,)


@given(ablations)
def test_the_order_of_parts_does_not_matter(ablation):
    shuffled = list(ablation.parts)
    random.Random(1).shuffle(shuffled)
    text = ",".join(map(str, shuffled))
    assert Ablation(tuple(shuffled)) == ablation
    assert str(Ablation.parse(text)) == str(ablation)


@given(ablations)
def test_a_link_need_not_escape_more_than_the_separators(ablation):
    allowed = "abcdefghijklmnopqrstuvwxyzLH0123456789.-=,:"
    assert set(str(ablation)) <= set(allowed)


def test_text_counts_from_1_and_parts_from_0():
    assert Ablation.parse("cross.L3H5=0, enc.L2.ffn=skip,dec.L1=skip,cross.L2H1.row7=k3") == (
        Ablation(
            (
                HeadChange("cross", 2, 4, 0.0),
                SublayerSkip("encoder", 1, "ffn"),
                LayerSkip("decoder", 0),
                RowOnKey("cross", 1, 0, 6, 2),
            )
        )
    )


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("", ""),
        ("  ", ""),
        (ISSUED, "pos=shift:3,enc.L2.ffn=skip,dec.L4=skip,cross.L2H1.row7=k3,cross.L3H5=0"),
        ("cross.L3H5=0.50,cross.L3H4=-0", "cross.L3H4=0,cross.L3H5=0.5"),
        ("enc.pos=scale:2.0, dec.pos=scale:2", "pos=scale:2"),
        ("dec.pos=off,enc.pos=shift:-3", "enc.pos=shift:-3,dec.pos=off"),
        ("cross.L10H1=mean,cross.L9H12=uniform", "cross.L9H12=uniform,cross.L10H1=mean"),
        ("dec.L1H2=1e-7,dec.L1H3=1e9", "dec.L1H2=1e-07,dec.L1H3=1000000000"),
    ],
)
def test_one_way_to_write_it(text, canonical):
    assert str(Ablation.parse(text)) == canonical


def test_positions_of_both_stacks_are_two_parts():
    both = Ablation((PositionChange("encoder", "off"), PositionChange("decoder", "off")))
    assert Ablation.parse("pos=off") == both


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cross.L3H5", r"^'cross\.L3H5' is not a part of an ablation; write, for example, cross\.L3H5"),
        ("cross.L3H5=0,", r"^'' is not a part"),
        ("cross.L3H5=nan", r"is not a part"),
        ("cross.L3=skip", r"is not a part"),
        ("cross.L3H5=1e999", r"^cross\.L3H5=inf: inf is not a factor; give a number from -1e9 to 1e9$"),
        ("cross.L3H5=1e39", r"^cross\.L3H5=1e\+39: 1e\+39 is not a factor; give a number from -1e9 to"),
        ("cross.L3H5=-2e9", r"^cross\.L3H5=-2000000000: -2000000000.0 is not a factor; give a number"),
        ("cross.L0H5=0", r"^cross\.L0H5=0: layer 0 does not exist; layers count from 1$"),
        ("cross.L3H0=0", r"^cross\.L3H0=0: head 0 does not exist; heads count from 1$"),
        ("cross.L3H5.row0=k1", r"row 0 does not exist; rows count from 1$"),
        ("cross.L3H5.row1=k0", r"key 0 does not exist; keys count from 1$"),
        ("enc.L1.cross=skip", r"^enc\.L1\.cross=skip: an encoder layer has no cross-attention"),
        ("dec.L1H1.row2=k3", r"^dec\.L1H1\.row2=k3 attends to the future: query 2 of decoder self-"
                             r"attention may attend to keys 1 to 2; name one of them$"),
        ("pos=shift:1.5", r"^amount=1\.5 must be a whole number of positions to shift by$"),
        ("pos=shift:1e300", r"^amount=1e\+300 is beyond 1e9, and no table of positions is so long; "
                            r"shift by less$"),
        ("pos=shift:-1e10", r"^amount=-10000000000\.0 is beyond 1e9"),
        ("pos=scale:1e300", r"^amount=1e\+300 is beyond 1e9, .*; scale by less$"),
        ("pos=scale:-1", r"^amount=-1\.0 must be a number of at least 0 to scale by$"),
        ("cross.L3H5=0,cross.L3H5=mean", r"^cross\.L3H5 is named twice, as cross\.L3H5=0 and as "
                                         r"cross\.L3H5=mean; a place can be changed once"),
        ("dec.L4=skip,dec.L4=skip", r"^dec\.L4 is named twice"),
        ("cross.L1H1.row2=k1,cross.L1H1.row2=k2", r"^cross\.L1H1\.row2 is named twice"),
        ("pos=off,dec.pos=shift:2", r"^dec\.pos is named twice, as dec\.pos=off and"),
        ("dec.L4=skip,cross.L4H1=0", r"^cross\.L4H1=0 does nothing beside dec\.L4=skip, which "
                                     r"switches off all of dec\.L4; leave one of them out$"),
        ("dec.L4.cross=skip,cross.L4H1=0", r"does nothing beside dec\.L4\.cross=skip"),
        ("dec.L4.self=skip,dec.L4H1=0.5", r"does nothing beside dec\.L4\.self=skip"),
        ("enc.L4=skip,enc.L4.ffn=skip", r"does nothing beside enc\.L4=skip"),
        ("cross.L1H1=0,cross.L1H1.row2=k1", r"does nothing beside cross\.L1H1=0"),
        ("cross.L1H1=mean,cross.L1H1.row2=k1", r"does nothing beside cross\.L1H1=mean"),
    ],
)  # fmt: skip
def test_a_mistake_names_the_part_the_rule_and_the_way_out(text, message):
    with pytest.raises(ValueError, match=message):
        Ablation.parse(text)


@pytest.mark.parametrize(
    "text",
    ["cross.L1H1=uniform,cross.L1H1.row2=k1", "cross.L1H1=0.5,cross.L1H1.row2=k1",
     "dec.L1.cross=skip,dec.L1H1=0", "dec.L1=skip,enc.L1H1=0", "cross.L1H1=0,dec.L1H1.row2=k1"],
)  # fmt: skip
def test_parts_that_both_matter_stand_together(text):
    assert len(Ablation.parse(text).parts) == 2


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (("encoder", "off", 3), r"^amount=3 has no meaning when positions are off$"),
        (("encoder", "shift", float("nan")), r"^amount=nan must be a whole number"),
        (("encoder", "scale", float("inf")), r"^amount=inf must be a number"),
    ],
)
def test_a_change_of_positions_is_checked_at_birth(values, message):
    with pytest.raises(ValueError, match=message):
        PositionChange(*values)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("enc.L3H1=0", r"^enc\.L3H1=0: there is no layer 3; layers of this encoder are 1 to 2$"),
        ("cross.L4H1=0", r"layers of this decoder are 1 to 3$"),
        ("dec.L1H6.row9=k2", r"^dec\.L1H6\.row9=k2: there is no head 6; heads of this model are 1 to 5$"),
        ("enc.L3.ffn=skip", r"there is no layer 3"),
        ("pos=off,dec.L4=skip", r"there is no layer 4"),
    ],
)  # fmt: skip
def test_a_part_that_the_model_lacks_is_named(text, message):
    with pytest.raises(ValueError, match=message):
        Ablation.parse(text).check(small_config())


@given(ablations)
def test_every_ablation_of_the_shape_passes(ablation):
    ablation.check(small_config())


@given(ablations, ablations)
def test_sums_do_not_depend_on_the_order(one, other):
    try:
        both = one + other
    except ValueError:
        assume(False)
    assert both == other + one
    assert one + Ablation() == one


def test_links_are_read_without_torch():
    run_python(f"""
        import sys
        from core.analysis.ablation import Ablation
        Ablation.parse({ISSUED!r})
        assert "torch" not in sys.modules
    """)
