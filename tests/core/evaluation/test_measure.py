"""What is measured of a checkpoint is kept beside what others have kept meanwhile."""

import fcntl
import json
import threading

import pytest

from core.analysis.heads import alignment
from core.checkpoint.card import BEGIN
from core.cli import evaluate
from core.cli.evaluate import Align, Evaluate
from core.evaluation.measure import record_metrics
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

    def slow(*arguments):
        meanwhile(folder)
        return original(*arguments)

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
    original = alignment.head_alignment

    def slow(*arguments):
        meanwhile(folder)
        return original(*arguments)

    monkeypatch.setattr(alignment, "head_alignment", slow)
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
