"""A sentence is traced once, as its run says, for all visitors."""

import threading
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from numpy.testing import assert_allclose

from core.analysis.trace.trace import Trace
from explorer.choice.choice import Run
from explorer.engine import traces
from explorer.engine.models import is_loaded
from explorer.engine.result_cache import n_bytes
from explorer.engine.traces import EXAMPLE, continuation
from tests.checkpoints import SENTENCE
from tests.explorer.tiny import empty_caches, folder

__all__ = ["empty_caches", "folder"]


def test_a_sentence_is_traced_once_and_cannot_be_changed(folder: Path) -> None:
    first = traces.trace(folder, Run(text=SENTENCE))
    assert traces.trace(folder, Run(text=SENTENCE)) is first
    with pytest.raises(ValueError, match="read-only"):
        first.weights["cross"][0, 0, 0, 0] = 0.5


def test_traces_are_kept_within_a_number_of_bytes(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = traces.trace(folder, Run(text=SENTENCE))
    monkeypatch.setattr(traces, "MOST_TRACE_BYTES", int(1.5 * n_bytes(first)))
    st.cache_resource.clear()
    first = traces.trace(folder, Run(text=SENTENCE))
    assert traces.trace(folder, Run(text=SENTENCE)) is first
    traces.trace(folder, Run(text=SENTENCE, beam_size=1))
    assert traces.trace(folder, Run(text=SENTENCE)) is not first


def test_a_run_is_searched_as_it_says(folder: Path) -> None:
    greedy = traces.trace(folder, Run(text=SENTENCE, method="greedy"))
    assert greedy.search.method == "greedy"
    prefix = (300, 301, 302)
    assert traces.trace(folder, Run(text=SENTENCE, prefix=prefix)).best.tokens[:3] == prefix
    scored = traces.trace(folder, Run(text=SENTENCE, target="Der Mann sieht ein Haus."))
    assert scored.target.text == "Der Mann sieht ein Haus."
    assert continuation(folder, prefix, "Haus")[:3] == prefix


def test_an_ablated_run_is_another_run(folder: Path) -> None:
    plain, shifted = Run(text=SENTENCE), Run(text=SENTENCE, ablation="enc.pos=shift:7")
    before = traces.trace(folder, plain)
    after = traces.trace(folder, shifted)
    assert traces.trace(folder, shifted) is after
    assert traces.trace(folder, plain) is before
    assert not np.array_equal(before.weights["encoder"], after.weights["encoder"])
    again = traces.trace(folder, shifted.replace(ablation="enc.pos=shift:0", beam_size=1))
    same = traces.trace(folder, plain.replace(beam_size=1))
    assert_allclose(again.weights["encoder"], same.weights["encoder"], rtol=0, atol=1e-6)


def test_the_stored_example_is_not_taken_for_a_changed_run(folder: Path) -> None:
    traces.trace(folder, Run(text=SENTENCE)).save(folder / EXAMPLE)
    st.cache_resource.clear()
    try:
        changed = traces.trace(folder, Run(text=SENTENCE, ablation="pos=off"))
        stored = traces.trace(folder, Run(text=SENTENCE))
        assert not np.array_equal(changed.weights["encoder"], stored.weights["encoder"])
    finally:
        (folder / EXAMPLE).unlink()


def test_the_stored_example_is_used_for_its_sentence_only(folder: Path) -> None:
    other = "The cat finds a ball."
    traces.trace(folder, Run(text=other)).save(folder / EXAMPLE)
    st.cache_resource.clear()
    try:
        assert traces.trace(folder, Run(text=other)).source.text == other
        assert not is_loaded(folder)
        assert traces.trace(folder, Run(text=SENTENCE)).source.text == SENTENCE
        assert is_loaded(folder)
    finally:
        (folder / EXAMPLE).unlink()


def test_many_visitors_load_the_model_once_and_get_their_own_sentence(folder: Path) -> None:
    sentences = [f"The {name} sees a house." for name in ("man", "cat", "dog", "girl")] * 4
    alone = {text: traces.trace(folder, Run(text=text)) for text in set(sentences)}
    st.cache_resource.clear()
    seen: list[tuple[str, Trace]] = []
    threads = [
        threading.Thread(target=lambda t=text: seen.append((t, traces.trace(folder, Run(text=t)))))
        for text in sentences
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == len(sentences)
    for text, shown in seen:
        assert shown.source.text == text
        assert np.array_equal(shown.weights["cross"], alone[text].weights["cross"])


@pytest.mark.parametrize(
    ("part", "what"),
    [("cross.L1H1.row{}=k1", "step"), ("dec.L1H1.row{}=k1", "step"), ("cross.L1H1.row1=k{}", "piece"),
     ("enc.L1H1.row{}=k1", "piece")],
)  # fmt: skip
def test_a_row_that_the_sentence_lacks_is_named(folder: Path, part: str, what: str) -> None:
    """Its last row and its last piece are there, the next ones are not."""
    plain = Run(text=SENTENCE, method="greedy")
    traced = traces.trace(folder, plain)
    n = len(traced.steps) if what == "step" else len(traced.source.pieces)
    traces.trace(folder, plain.replace(ablation=part.format(n)))
    with pytest.raises(ValueError, match=rf"there is no {what} {n + 1}; .* are 1 to {n}$"):
        traces.trace(folder, plain.replace(ablation=part.format(n + 1)))
