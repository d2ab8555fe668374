"""A row in words: every number and name in the sentences is that of the arrays."""

from dataclasses import replace

import numpy as np
import pytest

from core.analysis.ablation import Ablation
from core.analysis.heads.walk import walk
from explorer.app_pages.inside.sentences import (
    HeadRow,
    caveat,
    share,
    stages,
    story,
    table,
    without_scale,
)

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


def bare(text: str) -> str:
    return text.replace("\u2068", "").replace("\u2069", "").replace("\\", "").replace("**", "")


def test_the_story_names_who_asks_and_who_answers() -> None:
    told = bare(story(ROW))
    assert told.startswith(
        "After “hat” the model produced “drei”. This head's :blue[query] of “hat”"
    )
    assert "its largest product is with the :red[key] of “has” (6.00)" in told
    weight = np.exp([3.0, 1.0, -1.0])
    assert f"So {weight[0] / weight.sum():.0%} of this row's" in told


def test_what_the_reader_chose_is_not_said_to_be_the_models() -> None:
    told = bare(story(replace(ROW, is_chosen=True)))
    assert told.startswith("After “hat” your choice was “drei”.")


def test_the_encoder_produces_nothing() -> None:
    assert "produced" not in story(replace(ROW, kind="encoder", produced=None))


def test_a_hidden_key_gets_no_attention_in_the_story() -> None:
    told = bare(story(MASKED))
    assert (
        "its largest product among the keys it may look at is with the :red[key] of “three” (2.00)"
        in told
    )
    above, middle, _ = map(bare, stages(MASKED))
    assert "from −2.00 (“<s>”) to 6.00 (“has”)" in above
    assert "1 of 3 keys belong to later steps; their scores become −∞, that of “has” too" in middle


def test_stages_hold_the_rows_numbers() -> None:
    _, middle, below = map(bare, stages(ROW))
    assert "= 2.00, the largest is 3.00." in middle
    assert "Nothing is hidden: every step may look at the whole source" in middle
    assert "Largest: “has” 87%, “three” 12%, “<s>” 2%." in middle
    assert f"of length {np.linalg.norm(ROW.walked.output):.2f}" in below


def test_the_last_step_sees_all() -> None:
    assert "all 3 keys came before it" in stages(replace(ROW, kind="decoder"))[1]


def test_without_the_scale_the_row_is_sharper() -> None:
    assert without_scale(ROW).startswith(
        "Without the division, this row's largest weight would be 98% instead of 87%"
    )
    assert "an even row over 3 keys has 1.10" in without_scale(ROW)


def test_one_key_leaves_nothing_to_sharpen() -> None:
    only = walk(ROW.walked.query, ROW.walked.keys, ROW.walked.values, np.arange(3) < 1)
    assert "one key only" in without_scale(replace(ROW, walked=only))


@pytest.mark.parametrize(
    ("head", "said"),
    [(2, "head 2 brings 75% of the summed lengths of all 3 heads, more than any other"),
     (1, "head 1 brings 25% of the summed lengths of all 3 heads, head 2 most (75%)")],
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
        ("cross.L1H2=0", "This head is switched off:"),
        ("cross.L1H2=mean", "In place of what this head brings stands its mean over data:"),
        ("cross.L1H2=uniform", "weights are made even, 33% on each key that it may look at:"),
        ("cross.L1H2.row1=k2", "In this row the head is made to look at “three” alone:"),
        ("dec.L1.cross=skip", "This sub-layer is skipped:"),
        ("dec.L1=skip", "Decoder layer 1 is skipped:"),
    ],
)
def test_a_changed_head_is_walked_in_the_conditional(text: str, said: str) -> None:
    row = changed(text)
    assert said in bare(caveat(row))
    assert "what the head would compute otherwise" in caveat(row)
    told = bare(story(row))
    assert ":violet[attention] would go there, and head 2 would pass on" in told


def test_a_scaled_head_passes_on_what_is_walked_times_a_factor() -> None:
    row = changed("cross.L1H2=0.5")
    assert caveat(row) == "What this head brings is multiplied by 0.5 before it goes on."
    assert "goes there, and head 2 passes on" in story(row)
    assert share(row) == share(ROW)


def test_a_head_that_is_not_changed_needs_no_caveat() -> None:
    assert caveat(ROW) == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cross.L1H2=0", "Head 2 is switched off here: it brings nothing to this row."),
        ("dec.L1.cross=skip", "The layer goes on without this attention here: nothing of what"),
        ("dec.L1=skip", "The layer goes on without this attention here: nothing of what"),
        ("cross.L1H2=mean", "In this row, the mean in place of head 2 brings 75% of"),
        ("cross.L1H2=uniform", "In this row, head 2 brings 75% of"),
    ],
)
def test_the_share_of_a_changed_head_is_of_what_goes_on(text: str, said: str) -> None:
    assert share(changed(text)).startswith(said)
    one = replace(changed(text), head=0, share_norms=np.array([1.0]))
    assert ("comes from" in share(one)) == ("brings 75%" in said)
