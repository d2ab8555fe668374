"""The self-check can fail on the page: each of its claims turns red when the model, or what is shown
of it, is made wrong in the way that the claim denies."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
import torch
from streamlit.testing.v1 import AppTest

from core.analysis.roles.roles import ROLES
from core.analysis.trace.trace import Trace
from core.experiments.table3.table import TABLE
from core.model import inference, transformer
from core.model.attention import KeysValues
from core.system.files import write_json
from core.translator import Translator
from tests.checkpoints import SENTENCE, write_checkpoint
from tests.core.analysis.trace.test_self_check import (
    ALONE,
    FUTURE,
    LOGITS,
    OUTPUT,
    PADDING,
    ROWS,
    with_weights,
)
from tests.core.tables import made_up_table
from tests.core.training.score.experiments import EXAMPLES, write_bundle, write_experiment
from tests.explorer.app_pages.roles.test_page import made_up
from tests.explorer.pages import Shelf, shelf
from tests.explorer.readings import frame, read
from tests.explorer.test_damage import LAST, SENTENCE_PAGES

__all__ = ["shelf"]

Plant = Callable[[pytest.MonkeyPatch], None]


@pytest.fixture(autouse=True)
def nothing_remembered(shelf: Shelf) -> None:
    """So that every page computes with what was planted for it."""
    st.cache_resource.clear()
    if not (shelf.root / "tiny").is_dir():
        write_checkpoint(shelf.root / "tiny")


def shown_wrong(change: Callable[[Any], None], kind: str = "decoder") -> Plant:
    """The page is given other weights than the model had."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        traced = Translator.trace

        def wrong(self: Translator, *of: Any, **more: Any) -> Trace:
            return with_weights(traced(self, *of, **more), kind, change)

        patch.setattr(Translator, "trace", wrong)

    return plant


def exchange_two_heads(weights: Any) -> None:
    weights[-1, [0, 1]] = weights[-1, [1, 0]]


def look_ahead(weights: Any) -> None:
    weights[-1, -1, 0, 1] = 1e-30


def lose_some(weights: Any) -> None:
    weights[-1, -1, 3] *= 0.9999


def attend_to_padding(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        transformer, "not_padding", lambda ids, pad: torch.ones_like(ids, dtype=torch.bool)[:, None, None]
    )  # fmt: skip


def be_moved_by_neighbours(patch: pytest.MonkeyPatch) -> None:
    plain = inference.BareAttention.project

    def project(self: inference.BareAttention, memory: torch.Tensor, batch: int) -> KeysValues:
        found = plain(self, memory, batch)
        return found if batch == 1 else KeysValues(found.keys * 1.1, found.values)

    patch.setattr(inference.BareAttention, "project", project)


def decode_otherwise(patch: pytest.MonkeyPatch) -> None:
    plain = inference.Norm.__call__
    patch.setattr(inference.Norm, "__call__", lambda norm, total: 1.1 * plain(norm, total))


FAULTS: dict[str, tuple[Plant, set[str]]] = {
    OUTPUT: (shown_wrong(exchange_two_heads), {OUTPUT, ALONE}),
    FUTURE: (shown_wrong(look_ahead), {FUTURE}),
    PADDING: (attend_to_padding, {PADDING, ALONE}),
    ALONE: (be_moved_by_neighbours, {ALONE}),
    ROWS: (shown_wrong(lose_some), {ROWS}),
    LOGITS: (decode_otherwise, {OUTPUT, LOGITS}),
}
"""Claim -> what is planted against it, and all claims that it breaks."""


def verdicts(page: AppTest) -> dict[str, str]:
    table = frame(page, "what must hold")
    return dict(zip(table["what must hold"], table["holds"], strict=True))


def red(page: AppTest) -> list[str]:
    """What the page says in red of its self-checks."""
    return [read(each.value) for each in page.error if "Self-check failed" in each.value]


def test_a_sound_page_holds_all_claims(shelf: Shelf) -> None:
    page = shelf.own("heads", text=SENTENCE)
    assert verdicts(page) == dict.fromkeys(FAULTS, "yes")
    assert not red(page)
    assert page.expander[-1].label == "6 of 6 checks of this sentence passed"


@pytest.mark.parametrize("claim", FAULTS)
def test_a_claim_turns_red_when_it_is_wrong(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, claim: str
) -> None:
    plant, broken = FAULTS[claim]
    plant(monkeypatch)
    page = shelf.own("heads", text=SENTENCE)
    assert claim in broken
    assert verdicts(page) == {name: "NO" if name in broken else "yes" for name in FAULTS}
    (said,) = red(page)
    assert {line[2:].rpartition(":")[0] for line in said.splitlines()[1:]} == broken
    assert page.expander[-1].label == f"Self-check: {len(broken)} of 6 failed"


@pytest.mark.parametrize("name", [name for name in SENTENCE_PAGES if name not in LAST])
def test_every_page_about_a_sentence_tells_it(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    shown_wrong(exchange_two_heads)(monkeypatch)
    assert red(shelf.own(name, text=SENTENCE))


def write_table3(root: Path) -> None:
    for name in ("base", "A-h1"):
        write_checkpoint(root / "table3" / name, n_heads=1 + 2 * (name == "base"))
    (root / "table3" / TABLE).write_text(write_json(made_up_table().to_json()))


def write_head_roles(root: Path) -> None:
    languages = {"languages": ["English", "German"]}
    checkpoint = write_checkpoint(root / "roles", metrics=languages, n_encoder_layers=3)
    (root / "roles" / ROLES).write_text(json.dumps(made_up(checkpoint).to_json()))


def write_attempts(root: Path) -> None:
    write_experiment(root / ".experiment")
    write_bundle(root / "score" / "toy", root / ".experiment")


OTHERS: dict[str, tuple[Callable[[Path], None], dict[str, str], int]] = {
    "positions": (lambda root: None, {"positions": "off"}, 2),
    "table3": (write_table3, {}, 1),
    "roles": (write_head_roles, {"model": "roles"}, 1),
    "second_attempt": (write_attempts, {"text": EXAMPLES[0].source}, 2),
}
"""Page -> what has to be there for it, its link, and how many self-checks it has."""


@pytest.mark.parametrize("name", OTHERS)
def test_pages_with_traces_of_their_own_tell_it(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    write, link, n = OTHERS[name]
    write(shelf.root)
    sound = shelf.own(name, **{"text": SENTENCE, **link})
    assert not red(sound)
    labels = [each.label for each in sound.expander]
    assert sum(bool(re.match(r"\d+ of \d+ checks", label)) for label in labels) == n
    st.cache_resource.clear()
    shown_wrong(lose_some, "encoder")(monkeypatch)
    assert len(red(shelf.own(name, **{"text": SENTENCE, **link}))) == n
