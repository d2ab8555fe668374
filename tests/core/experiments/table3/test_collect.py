"""The table is made of the folders of finished rows, and of nothing else."""

import hashlib
import json

import numpy as np
import pytest

from core.evaluation.bootstrap import bleu_statistics, load_statistics, save_statistics
from core.experiments.table3.collect import collect
from core.experiments.table3.rows import TRAINING
from core.experiments.table3.speeds import Speed, Speeds, read_speeds
from core.experiments.table3.table import BESIDE_OTHER_WORK, SCORES, TEXTS, untrained
from tests.core.tables import REFERENCES, damaged

N = len(REFERENCES)


def statistics(share_lost: float, nll: float, seed: int):
    """Of a system that loses a share of the words, on two texts."""
    noise = np.random.default_rng(seed).random(N)
    scores = {
        "perplexity": np.stack([9 * nll + noise, np.full(N, 9.0)], axis=1),
        "bleu": bleu_statistics(damaged(share_lost, seed), REFERENCES, lowercase=False),
        "bleu_lc": bleu_statistics(damaged(share_lost, seed), REFERENCES, lowercase=True),
    }
    return dict.fromkeys(TEXTS, scores)


def write_row(output, name, *, share_lost=0.1, nll=1.0, seed=1, weights=b""):
    folder = output / name
    folder.mkdir()
    result = {
        "perplexity": 6.5, "bleu": 30.25, "bleu_lc": 31.5, "decoding_tokens_per_s": 99.5,
        "intervals_95": {"perplexity": [6.0, 7.0], "bleu": [29, 31.5], "bleu_lc": [30, 33]},
    }  # fmt: skip
    metrics = {
        "training": {"steps": 90, "best_step": 80, "tokens_seen": 7_000, "tokens_per_s": 70.5},
        "results": dict.fromkeys(TEXTS, result),
        "final": {"results": {text: {**result, "bleu": 29.5} for text in TEXTS}},
        "hardware": "an abacus",
    }
    (folder / "metrics.json").write_text(json.dumps(metrics))
    save_statistics(folder / "sentences.npz", statistics(share_lost, nll, seed))
    if weights:
        (folder / "model.safetensors").write_bytes(weights)


def table(output):
    empty = untrained(width="1/4", depth="1/2", vocabulary_size=400, training=TRAINING)
    whole = collect(empty, output)
    return whole, {row.name: row.measured for row in whole.rows if row.measured}


def test_no_folder_is_no_trained_row(tmp_path):
    (tmp_path / "base").mkdir()
    assert table(tmp_path)[1] == {}
    assert len(table(tmp_path / "nowhere")[0].rows) == 24


def test_a_row_says_what_its_folder_says(tmp_path):
    write_row(tmp_path, "base", weights=b"weights")
    _, measured = table(tmp_path)
    assert set(measured) == {"base"}
    base = measured["base"]
    assert (base.steps, base.best_step, base.tokens_seen) == (90, 80, 7_000)
    assert (base.training_tokens_per_s, base.decoding_tokens_per_s) == (70.5, 99.5)
    assert base.scores[TEXTS[0]]["perplexity"].interval_95 == (6.0, 7.0)
    assert (base.scores[TEXTS[1]]["bleu"].value, base.final_scores[TEXTS[1]]["bleu"].value) == (
        30.25, 29.5,
    )  # fmt: skip
    assert base.weights_sha256 == hashlib.sha256(b"weights").hexdigest()
    assert base.against_base == {}


def test_without_base_nothing_is_compared(tmp_path):
    write_row(tmp_path, "A-h1")
    assert table(tmp_path)[1]["A-h1"].against_base == {}


def test_without_all_seeds_clear_differences_are_not_judged(tmp_path):
    write_row(tmp_path, "base")
    write_row(tmp_path, "A-h1", share_lost=0.4, nll=2.0, seed=2)
    write_row(tmp_path, "base-seed2", seed=3)
    whole, measured = table(tmp_path)
    against = measured["A-h1"].against_base
    assert whole.seed_spread == {}
    assert {against[text][score].verdict for text in TEXTS for score in SCORES} == {
        "not judged yet"
    }


def test_with_all_seeds_differences_are_judged_against_their_spread(tmp_path):
    write_row(tmp_path, "base")
    write_row(tmp_path, "A-h1", share_lost=0.4, nll=2.0, seed=2)  # worse
    write_row(tmp_path, "A-h4", share_lost=0.1, nll=1.2, seed=4)  # better than no seed
    write_row(tmp_path, "base-seed2", nll=1.5, seed=3)
    write_row(tmp_path, "base-seed3", nll=0.9, seed=5)
    whole, measured = table(tmp_path)
    for text in TEXTS:
        assert set(whole.seed_spread[text]) == set(SCORES)
        worse = measured["A-h1"].against_base[text]
        assert worse["perplexity"].verdict == "higher"
        assert worse["bleu"].verdict == worse["bleu_lc"].verdict == "lower"
        within = measured["A-h4"].against_base[text]["perplexity"]
        assert within.interval_95[0] > 0
        assert within.difference < whole.seed_spread[text]["perplexity"]
        assert within.verdict == "no difference shown"
        for seed in ("base-seed2", "base-seed3"):
            comparisons = measured[seed].against_base[text].values()
            assert {c.verdict for c in comparisons} == {"no difference shown"}
    assert measured["base"].against_base == {}


def test_speeds_measured_in_turn_stand_in_the_table_the_seeds_with_those_of_base(tmp_path):
    for number, name in enumerate(("base", "A-h1", "base-seed2")):
        write_row(tmp_path, name, seed=number)
    assert table(tmp_path)[0].speeds == BESIDE_OTHER_WORK
    rows = {"base": Speed(1_000.0, 500.0), "C-N2": Speed(1.0, 2.0)}
    speeds = Speeds(rows, "an abacus", n_rounds=5, n_steps=10, n_sentences=100)
    speeds.save(tmp_path)
    assert read_speeds(tmp_path) == speeds
    whole, measured = table(tmp_path)
    assert "an abacus; the median of 5 rounds" in whole.speeds
    found = {name: of.training_tokens_per_s for name, of in measured.items()}
    assert found == {"base": 1_000.0, "A-h1": 70.5, "base-seed2": 1_000.0}
    assert measured["base-seed2"].decoding_tokens_per_s == 500.0


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"rows": {"base": {"speed": 1}}}'])
def test_speeds_that_cannot_be_read_are_named(tmp_path, text):
    (tmp_path / "speeds.json").write_text(text)
    with pytest.raises(ValueError, match=r"speeds\.json cannot be read .* table3 --speeds"):
        read_speeds(tmp_path)


def test_statistics_survive_their_file(tmp_path):
    before = statistics(0.2, 1.0, 7)
    save_statistics(tmp_path / "sentences.npz", before)
    after = load_statistics(tmp_path / "sentences.npz")
    assert set(after) == set(TEXTS)
    for text in TEXTS:
        for score in SCORES:
            assert after[text][score].dtype == np.float64
            assert after[text][score] == pytest.approx(before[text][score], rel=1e-6)
    assert (tmp_path / "sentences.npz").stat().st_size < 6_000
