"""Pauses: before every step of a search and every batch of a text, and who is asked."""

import threading

import pytest

from core.config import SearchConfig
from core.decoding.search import search
from core.evaluation.likelihood import likelihood_statistics
from core.system.pauses import at_pauses, pause
from core.text.batches import text_batches
from tests.core.helpers import bare, small_config, small_model


class EnoughError(Exception):
    pass


def test_nobody_is_asked_outside_and_the_inner_one_inside():
    asked = []
    pause()
    with at_pauses(lambda: asked.append("outer")):
        pause()
        with at_pauses(lambda: asked.append("inner")):
            pause()
        pause()
    pause()
    assert asked == ["outer", "inner", "outer"]


def test_another_thread_is_not_asked():
    asked = []
    with at_pauses(lambda: asked.append("this one")):
        thread = threading.Thread(target=pause)
        thread.start()
        thread.join()
    assert not asked


def test_a_search_pauses_before_each_step_and_can_be_ended_there():
    model = small_model(small_config())
    asked = []
    with at_pauses(lambda: asked.append(1)):
        (found,) = search(model, [[5, 6, 7]], SearchConfig(method="greedy"))
    assert len(asked) == len(found.best.steps) > 1

    def end():
        asked.append(1)
        if len(asked) == 2:
            raise EnoughError

    asked.clear()
    with at_pauses(end), pytest.raises(EnoughError):
        search(model, [[5, 6, 7]], SearchConfig(method="greedy"))
    assert len(asked) == 2


def test_a_text_pauses_before_each_batch():
    """Sixty pairs of fifty pieces do not fit into one batch."""
    model = small_model(small_config())
    pairs = [[5 + number % 30] * 50 for number in range(60)]
    asked = []
    with at_pauses(lambda: asked.append(1)):
        likelihood_statistics(bare(model), pairs, pairs)
    assert len(asked) == len(text_batches(pairs, pairs)) > 1
