"""The search for a head that changes a word: in which order, how far, and what counts as a change."""

import random
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from core.analysis.ablation import Ablation
from explorer.engine import analyses
from explorer.engine.analyses import TRIED_AT_ONCE, head_that_changes_words
from tests.explorer.runs import RUN

HEADS = [f"cross.L{layer}H{head}" for layer in range(1, 7) for head in range(1, 9)]
"""The one that costs most first."""
MOST = 45


def found(monkeypatch: pytest.MonkeyPatch, changing: set[str]) -> Ablation | None:
    """What is found where only these heads change a word; the others change a space."""

    def effects(
        folder: Path, run: object, shown: object, ablations: Sequence[Ablation]
    ) -> list[Any]:
        assert len(ablations) <= TRIED_AT_ONCE
        return [
            SimpleNamespace(
                ablation=one,
                before="A dog",
                after="A cat" if str(one).removesuffix("=0") in changing else "A  dog",
            )
            for one in ablations
        ]

    monkeypatch.setattr(analyses, "sentence_effects", effects)
    worth = [("enc.L1", -99.0), *((head, -20.0 + number) for number, head in enumerate(HEADS))]
    random.Random(1).shuffle(worth)
    shown: Any = None
    return head_that_changes_words(Path(), RUN, shown, dict(worth), MOST)


@pytest.mark.parametrize("number", [0, 1, 15, 16, 31, MOST - 1])
def test_the_head_that_costs_most_of_those_that_change_a_word(
    monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    assert str(found(monkeypatch, {HEADS[number], HEADS[MOST - 1]})) == f"{HEADS[number]}=0"


def test_no_more_are_tried_than_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(monkeypatch, {"enc.L1", *HEADS[MOST:]}) is None
