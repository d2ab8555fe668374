"""The engine: which checkpoint, which head first, and what is shared between visitors."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import streamlit as st

from core.config import write_json
from explorer import engine
from explorer.state import Run
from tests.checkpoints import SENTENCE, write_checkpoint


@pytest.fixture(autouse=True)
def empty_caches() -> None:
    st.cache_resource.clear()
    st.cache_data.clear()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoints") / "tiny"
    write_checkpoint(folder)
    return folder


def test_no_checkpoint_says_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(engine.NoCheckpointError, match=r"no checkpoint below .* Train one"):
        engine.listed(tmp_path)


def test_a_checkpoint_that_cannot_be_loaded_says_why(tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text("{}")
    with pytest.raises(engine.NoCheckpointError, match=r"broken: model\.safetensors is missing"):
        engine.listed(tmp_path)


def test_en_de_comes_first(tmp_path: Path) -> None:
    for name in ("another", "en-de", "group/third"):
        write_checkpoint(tmp_path / name)
    assert [item.name for item in engine.listed(tmp_path)] == ["en-de", "another", "group/third"]


def test_the_measured_head_opens_first(folder: Path) -> None:
    shown = engine.trace(folder, Run(text=SENTENCE))
    alignment = {
        "layer": 2, "head": 4, "rows": "consumed", "alignment_error_rate": 0.3, "n_sentences": 7,
    }  # fmt: skip
    (folder / "metrics.json").write_text(write_json({"alignment": alignment}))
    best = engine.best_head(folder, shown)
    (folder / "metrics.json").write_text(json.dumps({}))
    assert (best.layer, best.head, best.rows) == (2, 4, "consumed")
    assert "0.30 on 7" in best.reason


def test_without_a_measurement_the_reason_says_so(folder: Path) -> None:
    shown = engine.trace(folder, Run(text=SENTENCE))
    best = engine.best_head(folder, shown)
    assert "no alignment was measured" in best.reason
    coverage = shown.weights["cross"][best.layer - 1, best.head - 1, :, :-1].max(0).mean()
    assert coverage == shown.weights["cross"][..., :-1].max(-2).mean(-1).max()


def test_a_sentence_is_traced_once_and_cannot_be_changed(folder: Path) -> None:
    first = engine.trace(folder, Run(text=SENTENCE))
    assert engine.trace(folder, Run(text=SENTENCE)) is first
    with pytest.raises(ValueError, match="read-only"):
        first.weights["cross"][0, 0, 0, 0] = 0.5


def test_traces_are_kept_within_a_number_of_bytes(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = engine.trace(folder, Run(text=SENTENCE))
    monkeypatch.setattr(engine, "MOST_TRACE_BYTES", int(1.5 * engine._n_bytes(first)))
    st.cache_resource.clear()
    first = engine.trace(folder, Run(text=SENTENCE))
    assert engine.trace(folder, Run(text=SENTENCE)) is first
    engine.trace(folder, Run(text=SENTENCE, beam_size=1))
    assert engine.trace(folder, Run(text=SENTENCE)) is not first


def test_a_run_is_searched_as_it_says(folder: Path) -> None:
    greedy = engine.trace(folder, Run(text=SENTENCE, method="greedy"))
    assert greedy.search.method == "greedy"
    prefix = (300, 301, 302)
    assert engine.trace(folder, Run(text=SENTENCE, prefix=prefix)).best.tokens[:3] == prefix
    scored = engine.trace(folder, Run(text=SENTENCE, target="Der Mann sieht ein Haus."))
    assert scored.target.text == "Der Mann sieht ein Haus."
    assert engine.continuation(folder, prefix, "Haus")[:3] == prefix


def test_an_ablated_run_is_another_run(folder: Path) -> None:
    plain, shifted = Run(text=SENTENCE), Run(text=SENTENCE, ablation="enc.pos=shift:7")
    before = engine.trace(folder, plain)
    after = engine.trace(folder, shifted)
    assert engine.trace(folder, shifted) is after
    assert engine.trace(folder, plain) is before
    assert not np.array_equal(before.weights["encoder"], after.weights["encoder"])
    again = engine.trace(folder, shifted.replace(ablation="enc.pos=shift:0", beam_size=1))
    same = engine.trace(folder, plain.replace(beam_size=1))
    assert np.array_equal(again.weights["encoder"], same.weights["encoder"])


@pytest.mark.parametrize("ablation", ["pos=off", "pos=shift:7", "dec.pos=scale:0.5"])
def test_a_changed_run_is_checked_and_swept_under_its_change(folder: Path, ablation: str) -> None:
    run = Run(text=SENTENCE, ablation=ablation)
    shown = engine.trace(folder, run)
    assert all(check.passed for check in engine.self_check(folder, run, shown))
    wrong = engine.self_check(folder, Run(text=SENTENCE), shown)  # as if nothing had been changed
    assert not all(check.passed for check in wrong)
    with_it, without = (
        engine.head_effects(folder, r, shown) for r in (run, Run(text=SENTENCE, seed=9))
    )
    assert not np.allclose(with_it["cross"], without["cross"], rtol=0, atol=1e-6)


def test_an_ablation_of_a_head_that_is_not_there_is_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match="there is no head 9"):
        engine.trace(folder, Run(text=SENTENCE, ablation="cross.L1H9=0"))


def test_means_that_were_never_measured_are_asked_for(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"means\.npz"):
        engine.trace(folder, Run(text=SENTENCE, ablation="cross.L1H1=mean"))


def test_the_stored_example_is_not_taken_for_a_changed_run(folder: Path) -> None:
    engine.trace(folder, Run(text=SENTENCE)).save(folder / engine.EXAMPLE)
    st.cache_resource.clear()
    try:
        changed = engine.trace(folder, Run(text=SENTENCE, ablation="pos=off"))
        stored = engine.trace(folder, Run(text=SENTENCE))
        assert not np.array_equal(changed.weights["encoder"], stored.weights["encoder"])
    finally:
        (folder / engine.EXAMPLE).unlink()


def test_the_shape_of_a_model_is_known_without_loading_it(folder: Path) -> None:
    config = engine.model_config(folder)
    assert (config.d_model, config.n_heads) == (24, 5)
    assert not engine.is_loaded(folder)
    table = engine.position_table(folder)
    assert table.shape == (config.max_positions, 24)
    assert np.array_equal(table[:9], engine.sinusoid_table(9, 24))


def test_the_stored_example_is_used_for_its_sentence_only(folder: Path) -> None:
    other = "The cat finds a ball."
    engine.trace(folder, Run(text=other)).save(folder / engine.EXAMPLE)
    st.cache_resource.clear()
    try:
        assert engine.trace(folder, Run(text=other)).source.text == other
        assert not engine.is_loaded(folder)
        assert engine.trace(folder, Run(text=SENTENCE)).source.text == SENTENCE
        assert engine.is_loaded(folder)
    finally:
        (folder / engine.EXAMPLE).unlink()


def test_many_visitors_load_the_model_once_and_get_their_own_sentence(folder: Path) -> None:
    sentences = [f"The {name} sees a house." for name in ("man", "cat", "dog", "girl")] * 4
    alone = {text: engine.trace(folder, Run(text=text)) for text in set(sentences)}
    st.cache_resource.clear()
    seen: list[tuple[str, engine.Trace]] = []
    threads = [
        threading.Thread(target=lambda t=text: seen.append((t, engine.trace(folder, Run(text=t)))))
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


def test_importing_the_engine_does_not_import_torch() -> None:
    check = "import sys, explorer.engine; sys.exit('torch' in sys.modules)"
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", check], check=False, cwd=root).returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize(("asked", "expected"), [(None, "1"), ("2", "2")])
def test_the_app_asks_for_one_thread_unless_told_otherwise(
    asked: str | None, expected: str
) -> None:
    """Before torch is there: it reads the variable once."""
    check = (
        "import os, sys; from streamlit.testing.v1 import AppTest; "
        "page = AppTest.from_file('explorer/app.py', default_timeout=60).run(); "
        "import torch; print(os.environ['OMP_NUM_THREADS'], torch.get_num_threads())"
    )
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    finished = subprocess.run(
        [sys.executable, "-c", check],
        env={**environment, **({"OMP_NUM_THREADS": asked} if asked else {})},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert finished.stdout.split() == [expected, expected]
