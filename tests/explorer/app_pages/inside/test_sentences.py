"""A row in words: every number and name in the sentences is that of the arrays."""

from dataclasses import replace

import numpy as np
import pytest

from core.analysis.ablation import Ablation
from core.analysis.heads.walk import walk
from explorer.app_pages.inside.sentences import (
    HeadRow,
    caveat,
    mask,
    share,
    stages,
    story,
    table,
    without_scale,
)
from explorer.components.equation.component import Sentence

ONE = np.eye(4)
ROW = HeadRow(
    kind="cross",
    head=1,
    asks="hat",
    produced="drei",
    is_chosen=False,
    keys=("has", "three", "<s>"),
    walked=walk(2 * ONE[0], np.array([3 * ONE[0], ONE[0], -ONE[0]]), np.eye(3), np.ones(3, bool)),
    share_norms=np.array([1.0, 3.0, 0.0]),
)
MASKED = replace(
    ROW,
    kind="decoder",
    walked=walk(
        ROW.walked.query, ROW.walked.keys, ROW.walked.values, np.array([False, True, True])
    ),
)


def bare(sentence: Sentence | str) -> str:
    """A sentence as it is read: without marks of direction, and without its colours."""
    parts = [part if isinstance(part, str) else part[1] for part in sentence]
    return "".join(parts).replace("\u2068", "").replace("\u2069", "")


def test_the_story_names_who_asks_and_who_answers() -> None:
    told = bare(story(ROW))
    assert told.startswith("After “hat” the model wrote “drei”. In this head, the query of “hat”")
    assert "has its largest product with the key of “has” (6.00)" in told
    weight = np.exp([3.0, 1.0, -1.0])
    assert f"So “has” gets {100 * weight[0] / weight.sum():.0f} % of this row’s" in told


def test_the_words_of_the_equation_have_the_colours_of_their_roles() -> None:
    roles = {part for part in story(ROW) if not isinstance(part, str)}
    names = ("query", "key", "attention", "value")
    assert roles == {(name, name) for name in names}


def test_what_the_reader_chose_is_not_said_to_be_the_models() -> None:
    told = bare(story(replace(ROW, is_chosen=True)))
    assert told.startswith("After “hat” your choice was “drei”.")


def test_the_encoder_writes_nothing() -> None:
    assert "wrote" not in bare(story(replace(ROW, kind="encoder", produced=None)))


def test_a_hidden_key_gets_no_attention_in_the_story() -> None:
    told = bare(story(MASKED))
    assert (
        "its largest product of the keys that it may attend to with the key of “three” (2.00)"
        in told
    )
    _, products, scaled, masked, *_ = map(bare, stages(MASKED))
    assert "from −2.00 (“<s>”) to 6.00 (“has”)" in products
    assert "1 of 3 tokens is not written yet: the mask sets its score to −∞, that of “has” too" in (
        masked
    )
    assert "masked" not in scaled


def test_of_two_hidden_keys_both_are_said() -> None:
    hidden = replace(
        MASKED,
        walked=walk(
            ROW.walked.query, ROW.walked.keys, ROW.walked.values, np.array([True, False, False])
        ),
    )
    assert mask(hidden).startswith("2 of 3 tokens are not written yet: the mask sets their scores")


def test_stages_hold_the_rows_numbers() -> None:
    vectors, products, scaled, masked, weights, output = map(bare, stages(ROW))
    assert "the keys of 3 tokens what can be found there. Each is 4 numbers." in vectors
    assert "The 4 products add up to one number per key" in products
    assert "Divided by √4 = 2.00, the largest is 3.00." in scaled
    assert masked == (
        "Nothing is masked here: every step may attend to the whole source (section 3.2.3)."
    )
    assert "Largest: “has” 87 %, “three” 12 %, “<s>” 2 %." in weights
    assert f"of length {np.linalg.norm(ROW.walked.output):.2f}" in output


def test_where_nothing_is_masked_the_stage_before_says_so() -> None:
    assert bare(stages(ROW)[2]).endswith(mask(ROW))


def test_of_one_dimension_the_division_changes_nothing() -> None:
    one = walk(np.array([2.0]), np.array([[3.0], [1.0], [0.5]]), np.eye(3), np.ones(3, bool))
    assert "√1 = 1, so the division changes nothing" in bare(stages(replace(ROW, walked=one))[2])


def test_one_key_has_no_range() -> None:
    one = walk(ROW.walked.query, ROW.walked.keys[:1], np.eye(1), np.ones(1, bool))
    vectors, products, *_ = map(bare, stages(replace(ROW, keys=("has",), walked=one)))
    assert "the key of 1 token what" in vectors
    assert "here 6.00." in products


def test_the_last_step_sees_all() -> None:
    assert "all 3 keys come before it" in mask(replace(ROW, kind="decoder"))


def test_without_the_scale_the_row_is_sharper() -> None:
    assert without_scale(ROW).startswith(
        "Without the division, this row’s largest weight would be 98 % instead of 87 %"
    )
    assert "even weights on 3 keys have 1.10" in without_scale(ROW)


def scaled_by(factor: float) -> HeadRow:
    of = ROW.walked
    return replace(ROW, walked=walk(factor * of.query, of.keys, of.values, of.visible))


def test_where_the_scale_changes_nothing_that_can_be_read_it_makes_no_difference() -> None:
    assert without_scale(scaled_by(100)) == (
        "Here the division makes no difference: without it the largest weight is 100 % too, and the "
        "entropy 0.00 nats (even weights on 3 keys have 1.10)."
    )


def test_an_equal_largest_weight_is_not_said_to_be_another() -> None:
    told = without_scale(scaled_by(3))
    assert "would still be 100 %, and its entropy 0.00 nats instead of 0.02" in told
    assert "instead of 100 %" not in told


def test_one_key_leaves_nothing_to_sharpen() -> None:
    only = walk(ROW.walked.query, ROW.walked.keys, ROW.walked.values, np.arange(3) < 1)
    assert "one key only" in without_scale(replace(ROW, walked=only))


@pytest.mark.parametrize(
    ("head", "said"),
    [(2, "head 2 adds 75 % of the summed lengths of all 3 heads, more than any other"),
     (1, "head 1 adds 25 % of the summed lengths of all 3 heads, head 2 most (75 %)")],
)  # fmt: skip
def test_the_share_is_of_all_heads(head: int, said: str) -> None:
    assert said in share(replace(ROW, head=head - 1))


def test_the_table_has_a_line_a_key() -> None:
    lines = table(MASKED)
    assert [line["key"] for line in lines] == ["has", "three", "<s>"]
    assert [line["may look"] for line in lines] == ["no", "yes", "yes"]
    assert [line["q·k"] for line in lines] == [6.0, 2.0, -2.0]
    assert sum(float(line["weight α"]) for line in lines) == pytest.approx(1, abs=1e-3)


def changed(text: str) -> HeadRow:
    return replace(ROW, changes=Ablation.parse(text).parts)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cross.L1H2=0", "This head is switched off."),
        ("cross.L1H2=mean", "This head’s output is replaced by its mean over data."),
        ("cross.L1H2=uniform", "weights are made even, 33 % on each key that it may attend to."),
        ("cross.L1H2.row1=k2", "In this row the head is made to attend to “three” alone."),
        ("dec.L1.cross=skip", "This sub-layer is skipped."),
        ("dec.L1=skip", "Decoder layer 1 is skipped."),
    ],
)
def test_a_changed_head_is_walked_in_the_conditional(text: str, said: str) -> None:
    row = changed(text)
    assert said in bare(caveat(row))
    assert "what the head would compute otherwise" in caveat(row)
    told = bare(story(row))
    assert "So “has” would get 87 % of" in told
    assert "and head 2 would pass on" in told


def test_a_scaled_head_passes_on_what_is_walked_times_a_factor() -> None:
    row = changed("cross.L1H2=0.5")
    assert caveat(row) == "This head’s output is multiplied by 0.5 before it goes on."
    assert "So “has” gets 87 % of" in bare(story(row))
    assert "and head 2 passes on" in bare(story(row))
    assert share(row) == share(ROW)


def test_a_head_that_is_not_changed_needs_no_caveat() -> None:
    assert caveat(ROW) == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cross.L1H2=0", "Head 2 is switched off here: it adds nothing to this row."),
        ("dec.L1.cross=skip", "The layer goes on without this attention here: none of its heads"),
        ("dec.L1=skip", "The layer goes on without this attention here: none of its heads"),
        ("cross.L1H2=mean", "In this row, the mean in place of head 2 adds 75 % of"),
        ("cross.L1H2=uniform", "In this row, head 2 adds 75 % of"),
    ],
)
def test_the_share_of_a_changed_head_is_of_what_goes_on(text: str, said: str) -> None:
    assert share(changed(text)).startswith(said)
    one = replace(changed(text), head=0, share_norms=np.array([1.0]))
    assert ("comes from" in share(one)) == ("adds 75 %" in said)
