"""Every command that measures a text gives its tasks to the workers that it is told of."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from core.cli import main, task_options
from core.text.toy_grammar import sentence_pairs
from core.training.score.task import addition_task
from tests.checkpoints import write_checkpoint, write_timeline
from tests.core.experiments.table3.toy import write_texts

TEXT = ("--source", "a.en")
PAIR = (*TEXT, "--reference", "a.de")
TRANSLATED = (*TEXT, "--target", "a.de")
COMMANDS = {
    "ablate": (*PAIR, "--sweep", "heads", "--no-cache"),
    "align": TRANSLATED,
    "align by its own translation": TEXT,
    "claims": PAIR,
    "contributions": TRANSLATED,
    "evaluate": PAIR,
    "learning": (*PAIR, "--language-text", "a.de"),
    "lens": PAIR,
    "means": PAIR,
    "prune": (*PAIR, "--importance-source", "a.en", "--importance-reference", "a.de"),
    "roles": TRANSLATED,
    "roles by its own translation": TEXT,
    "text": TEXT,
}


class AskedError(Exception):
    """A worker was asked for."""


class Asking:
    n_workers = 2

    def submit(self, function, /, *arguments):
        raise AskedError

    def share(self, value):
        return value

    def elsewhere(self, function, /, *arguments):
        return {}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    best = {"layer": 1, "head": 1, "rows": "produced", "agreement": 0.5, "n_sentences": 4}
    checkpoint = write_checkpoint(folder / "tiny", metrics={"alignment": best})
    write_timeline(checkpoint, 10)
    for side, lines in zip(("en", "de"), zip(*sentence_pairs(4), strict=True), strict=True):
        (folder / f"a.{side}").write_text("\n".join(lines))
    return folder


@pytest.mark.parametrize("name", COMMANDS)
def test_tasks_are_those_of_the_workers(name, folder, monkeypatch):
    asked = []

    @contextmanager
    def executor(n_jobs: int, scheduler: str | None, *, is_apart: bool) -> Iterator[Asking]:
        asked.append((n_jobs, scheduler, is_apart))
        yield Asking()

    monkeypatch.chdir(folder)
    monkeypatch.setattr(task_options, "work_executor", executor)
    words = (name.split()[0], "--checkpoint", "tiny", *COMMANDS[name])
    with pytest.raises(AskedError):
        main([*words, "--jobs", "2"])
    assert asked == [(2, None, False)]


def test_trainings_are_those_of_the_workers(tmp_path, monkeypatch):
    asked = []

    @contextmanager
    def executor(n_jobs: int, scheduler: str | None, *, is_apart: bool) -> Iterator[Asking]:
        asked.append((n_jobs, scheduler, is_apart))
        yield Asking()

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(task_options, "work_executor", executor)
    write_texts(tmp_path)
    rows = ("--data", ".", "--output", "out", "--run-folder", "run", "--vocabulary-size", "400")
    addition_task(tmp_path / "sums" / "texts", n_warm_up=200, n_prompts=9, n_test=2)
    methods = ("--output", "sums", "--n-warm-up-steps", "1")
    for words in (["table3", *rows], ["score", "train", *methods]):
        with pytest.raises(AskedError):
            main([*words, "--scheduler", "tcp://a:1"])
    assert asked == [(1, "tcp://a:1", True)] * 2


@pytest.mark.parametrize("name", ["evaluate", "lens"])
@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--jobs", "0"), "jobs=0 must be at least 1"),
        (("--jobs", "2", "--scheduler", "tcp://a:1"), "--scheduler has workers of its own"),
    ],
)
def test_workers_that_cannot_be_are_refused(name, more, said, folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    with pytest.raises(SystemExit):
        main([name, "--checkpoint", "tiny", *COMMANDS[name], *more])
    assert said in capsys.readouterr().err
