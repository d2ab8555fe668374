"""What is long, or many short things together, waits in the line for long work."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import streamlit as st

import core
from core.analysis.over_text.sentences import Sentence
from core.config import SearchConfig
from explorer.choice.choice import Run
from explorer.engine import heavy, over_text, result_cache, roles, traces
from explorer.engine.work import searched
from explorer.frame import sentence_page
from tests.checkpoints import SENTENCE, reports, write_checkpoint, write_history, write_timeline
from tests.explorer.pages import Open, button, open_page

__all__ = ["open_page"]


@pytest.fixture
def asked() -> Iterator[list[int]]:
    """How much work each turn is asked for, in tokens."""
    found: list[int] = []

    @contextmanager
    def record(n_tokens: int, tell: object = None) -> Iterator[None]:
        found.append(n_tokens)
        yield

    with pytest.MonkeyPatch.context() as patch:
        for place in (heavy, result_cache, sentence_page, traces):
            patch.setattr(place, "at_its_turn", record)
        yield found
    kept = [
        name for name, module in sys.modules.items() if vars(module).get("at_its_turn") is record
    ]
    assert not kept, "imported in between: name them above, or later tests have them"


@pytest.mark.parametrize(
    "measure",
    [
        roles.measured_roles,
        lambda folder: over_text.measured(folder, [Sentence(SENTENCE)], SearchConfig()),
    ],
    ids=["roles", "text"],
)
def test_work_over_sentences_waits(
    tmp_path: Path, asked: list[int], measure: Callable[[Path], object]
) -> None:
    st.cache_resource.clear()
    write_checkpoint(tmp_path / "tiny")
    measure(tmp_path / "tiny")
    assert heavy.HEAVY in asked
    asked.clear()
    measure(tmp_path / "tiny")
    assert heavy.HEAVY not in asked, "what is known waits for nobody"


def test_trying_one_head_after_another_waits(open_page: Open, asked: list[int]) -> None:
    page = open_page(page="ablate", text=SENTENCE)
    assert heavy.HEAVY not in asked
    button(page, "Find a head that changes a word").click().run()
    assert heavy.HEAVY in asked


def test_four_models_of_one_sentence_are_the_work_of_four(
    open_page: Open, tmp_path: Path, asked: list[int]
) -> None:
    rows = ("base", "A-h1", "A-h4", "C-N2")
    for name in rows:
        write_checkpoint(tmp_path / "table3" / name)
    page = open_page(page="table3", text=SENTENCE, compared=",".join(rows))
    assert not page.exception
    together = searched(Run(text=SENTENCE), len(rows))
    assert together in asked
    asked.clear()
    page.run()
    assert together not in asked, "what is known waits for nobody"


def test_a_stored_example_waits_for_nobody(tmp_path: Path, asked: list[int]) -> None:
    st.cache_resource.clear()
    folder, run = tmp_path / "tiny", Run(text=SENTENCE)
    write_checkpoint(folder)
    core.load(folder).trace(SENTENCE).save(folder / "example.npz")
    other = run.replace(ablation="cross.L1H1=0")
    traces.several([(folder, run, traces.FINISHED), (folder, other, traces.FINISHED)])
    assert asked[0] == searched(other)


def test_a_film_is_the_work_of_every_moment(
    open_page: Open, tmp_path: Path, asked: list[int]
) -> None:
    """Each with a translation of its own, and with that of the finished model."""
    write_timeline(write_checkpoint(tmp_path / "tiny"), 3, 6, 9)
    page = open_page(page="training", text=SENTENCE)
    assert not page.exception
    together = searched(Run(text=SENTENCE), 3 * 2)
    assert together in asked
    asked.clear()
    page.run()
    assert together not in asked


def test_the_curves_of_a_training_take_a_turn_where_they_are_drawn_alone(
    open_page: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are drawn again while a training runs, without the rest of the page."""
    visits = []

    @contextmanager
    def count() -> Iterator[None]:
        visits.append(1)
        yield

    monkeypatch.setattr(heavy, "visit", count)
    write_checkpoint(tmp_path / "tiny")
    write_history(tmp_path / "tiny", reports())
    page = open_page(page="training", text=SENTENCE)
    assert not page.exception
    assert len(visits) == 2, "the page, and its curves"
