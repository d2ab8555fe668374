"""Kept results: found again, whole or not at all, and never those of other weights."""

from pathlib import Path

import numpy as np
import pytest

from core.analysis.result_cache import DiskCache, cache_folder
from core.checkpoint.weights import weights_hash
from core.text.parallel import text_hash
from tests.core.helpers import small_config, small_model


def made_of(value, calls):
    def make():
        calls.append(value)
        return {"numbers": np.arange(3.0) + value}

    return make


def test_a_result_is_made_once(model, tmp_path):
    calls = []
    for _ in range(2):
        kept = DiskCache(model, tmp_path).kept({"what": "sweep", "ids": [1, 2]}, made_of(5, calls))
        assert np.array_equal(kept["numbers"], [5, 6, 7])
    DiskCache(model, tmp_path).kept({"what": "sweep", "ids": [1, 3]}, made_of(6, calls))
    assert calls == [5, 6]


def test_other_weights_have_other_results(model, tmp_path):
    other = small_model(small_config(), seed=2)
    assert weights_hash(other) != weights_hash(model) == weights_hash(small_model(small_config()))
    calls = []
    for some in (model, other):
        DiskCache(some, tmp_path).kept({}, made_of(1, calls))
    assert len(calls) == 2


@pytest.mark.parametrize("n_bytes", [0, 10, 100, -3])
def test_a_broken_file_is_made_again(model, tmp_path, n_bytes):
    store, calls = DiskCache(model, tmp_path), []
    store.kept({}, made_of(1, calls))
    (file,) = store.folder.iterdir()
    file.write_bytes(file.read_bytes()[:n_bytes])
    assert np.array_equal(store.kept({}, made_of(1, calls))["numbers"], [1, 2, 3])
    store.kept({}, made_of(1, calls))
    assert len(calls) == 2


def test_a_cancelled_result_leaves_nothing(model, tmp_path):
    def cancelled():
        raise KeyboardInterrupt

    store = DiskCache(model, tmp_path)
    with pytest.raises(KeyboardInterrupt):
        store.kept({}, cancelled)
    assert not list(tmp_path.rglob("*.npz*"))


def test_a_write_that_is_cut_short_leaves_nothing(model, tmp_path, monkeypatch):
    def killed(opened, **arrays):
        opened.write(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez_compressed", killed)
        with pytest.raises(KeyboardInterrupt):
            DiskCache(model, tmp_path).kept({}, made_of(1, []))
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == []


def test_a_folder_that_cannot_be_written_costs_only_the_storing(model, tmp_path):
    (tmp_path / "file").write_text("")
    calls = []
    for _ in range(2):
        DiskCache(model, tmp_path / "file").kept({}, made_of(1, calls))
    assert len(calls) == 2


def test_the_cache_is_the_users_unless_named(monkeypatch, tmp_path):
    monkeypatch.delenv("ATTENTION_EXPLORER_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_folder() == Path.home() / ".cache" / "attention-explorer"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "attention-explorer"
    monkeypatch.setenv("ATTENTION_EXPLORER_CACHE", str(tmp_path / "mine"))
    assert cache_folder() == tmp_path / "mine"


def test_a_text_is_known_by_its_lines():
    assert text_hash([("a", "b")]) != text_hash([("a", "c")]) != text_hash([("ab", "")])
