"""What is measured of a checkpoint is kept beside what others have kept meanwhile."""

import fcntl
import json
import threading

import numpy as np
import pytest
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from core.analysis.alignment import measure as alignment
from core.checkpoint.card import BEGIN
from core.cli import evaluate
from core.cli.align import Align
from core.cli.evaluate import Evaluate
from core.config import SearchConfig
from core.decoding.translate import translate
from core.evaluation.measure import measure, record_metrics
from core.system.files import file_lock
from tests.checkpoints import write_checkpoint

EMPTY = {"sentences": 1, "bleu": 1.0, "bleu_lc": 1.0, "chrf": 1.0, "perplexity": 2.0,
         "intervals_95": dict.fromkeys(("bleu", "bleu_lc", "chrf"), (0.0, 2.0)), "signatures": {}}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    write_checkpoint(tmp_path / "tiny", metrics={"results": {"first": EMPTY}, "hardware": "a CPU"})
    return tmp_path / "tiny"


def metrics(folder):
    return json.loads((folder / "metrics.json").read_text("utf-8"))


def resampled(metric, translations, references):
    """The 1,000 scores of a plain bootstrap, by sacrebleu itself, in their order."""
    drawn = np.random.default_rng(12_345).choice(len(references), (1_000, len(references)))
    return sorted(
        metric.corpus_score([translations[i] for i in row], [[references[i] for i in row]]).score
        for row in drawn
    )


@pytest.mark.parametrize("n_wrong", [1, 3])
def test_an_interval_is_where_the_middle_95_percent_of_a_plain_bootstrap_lie(tmp_path, n_wrong):
    """Of few and very different sentences, where a mean and a half width leave the scale."""
    checkpoint = write_checkpoint(tmp_path / "tiny")
    sources = ["A dog.", "The old man sees a red house.", "The cat.", "Does the cook see it?"]
    search = SearchConfig(method="greedy", max_extra_pieces=3)
    translations = translate(checkpoint.model, checkpoint.vocabulary, sources, search)
    references = ["Nichts davon."] * n_wrong + translations[n_wrong:]
    pairs = list(zip(sources, references, strict=True))
    result = measure(checkpoint, pairs, search).result
    metrics = {"bleu": BLEU(), "bleu_lc": BLEU(lowercase=True), "chrf": CHRF()}
    for name, metric in metrics.items():
        scores = resampled(metric, translations, references)
        low, high = result["intervals_95"][name]
        assert (low, high) == pytest.approx((scores[25], scores[974]), abs=0.0051), name
        assert 0 <= low <= result[name] <= high <= 100


def meanwhile(folder):
    """What another process, and an editor, do to a checkpoint while this one measures."""
    record_metrics(folder, "results", lambda old: {**old, "other": EMPTY})
    card = (folder / "card.md").read_text("utf-8")
    (folder / "card.md").write_text(f"# By hand\n{card}", "utf-8")


def write(folder, name, *lines):
    file = folder / name
    file.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return file


def test_an_evaluation_keeps_what_was_recorded_while_it_ran(folder, tmp_path, monkeypatch):
    original = evaluate.measure

    def slow(*arguments, **named):
        meanwhile(folder)
        return original(*arguments, **named)

    monkeypatch.setattr(evaluate, "measure", slow)
    source, reference = write(tmp_path, "a.en", "A dog."), write(tmp_path, "a.de", "Ein Hund.")
    command = Evaluate(checkpoint=folder, source=source, reference=reference, record="mine")
    command.execute([])
    assert set(metrics(folder)["results"]) == {"first", "other", "mine"}
    assert metrics(folder)["hardware"] == "a CPU"
    card = (folder / "card.md").read_text("utf-8")
    assert card.startswith("# By hand\n")
    assert all(f"| {name} | 1 |" in card.split(BEGIN)[1] for name in ("first", "other", "mine"))


def test_an_alignment_keeps_what_was_recorded_while_it_ran(folder, tmp_path, monkeypatch):
    original = alignment.measure_alignment

    def slow(*arguments, **named):
        meanwhile(folder)
        return original(*arguments, **named)

    monkeypatch.setattr(alignment, "measure_alignment", slow)
    Align(
        checkpoint=folder, source=write(tmp_path, "a.en", "A dog ."),
        target=write(tmp_path, "a.de", "Ein Hund ."), gold=write(tmp_path, "gold", "1-1 2-2"),
        name="one sentence",
    ).execute([])  # fmt: skip
    assert set(metrics(folder)["results"]) == {"first", "other"}
    assert metrics(folder)["alignment"]["data"] == "one sentence"
    card = (folder / "card.md").read_text("utf-8")
    assert card.startswith("# By hand\n")
    assert "one sentence" in card


def test_recording_waits_for_another_that_records(folder, monkeypatch):
    recording = threading.Thread(target=record_metrics, args=(folder, "mine", lambda _: 1))
    wait, waits = fcntl.flock, threading.Event()
    with file_lock(folder):
        monkeypatch.setattr(fcntl, "flock", lambda *lock: waits.set() or wait(*lock))
        recording.start()
        assert waits.wait(60)
        write(folder, "metrics.json", json.dumps({"theirs": 2}))
    recording.join()
    assert metrics(folder) == {"theirs": 2, "mine": 1}
