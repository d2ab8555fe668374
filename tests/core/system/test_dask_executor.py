"""A scheduler with two workers on the loopback: the same results as here, also when one is killed."""

import dataclasses
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import core.system.dask_executor as dask_executor_module
from core.analysis.ablation import Ablation
from core.analysis.effects.corpus import corpus_effects
from core.config import SearchConfig
from core.experiments.table3.family import Family
from core.experiments.table3.rows import TRAINING, VARIANTS
from core.experiments.table3.train_all import learn_vocabulary, train_rows
from core.experiments.table3.train_row import train_row
from core.model import build
from core.system.dask_executor import (
    _check,
    _described,
    _on_worker,
    dask_executor,
    require_same,
)
from core.system.files import _is_alive
from core.text.toy_grammar import sentence_pairs
from core.text.vocabulary import JointVocabulary
from core.training.score.plans import PLANS
from core.training.score.task import ADDITION_MODEL, addition_task
from core.training.score.train import Experiment
from core.training.score.train_all import run_method, run_methods
from tests.checkpoints import write_checkpoint
from tests.core.analyses import ANALYSES, Alone
from tests.core.experiments.table3.toy import saved_step, write_texts
from tests.core.helpers import ENVIRONMENT, ROOT

pytestmark = pytest.mark.slow

PAIRS = list(sentence_pairs(6))
ABLATIONS = [Ablation.parse(f"cross.L{layer}H{head}=0") for layer in (1, 2, 3) for head in (1, 2)]
GREEDY = SearchConfig(method="greedy", n_candidates=0)


class Cluster:
    """A scheduler and its workers, each a process of the test's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []
        file = folder / "scheduler.json"
        self._start("scheduler", "--port", "0", "--scheduler-file", str(file), "--no-dashboard")
        self.scheduler = file
        self._wait(file.exists)
        self.address = json.loads(file.read_text())["address"]

    def add_worker(self, nanny: str = "--no-nanny") -> int:
        return self._start(
            "worker", self.address, "--nthreads", "1", "--no-dashboard", nanny,
            "--local-directory", str(self.folder),
        )  # fmt: skip

    def wait_for(self, n_workers: int) -> None:
        self._wait(lambda: _n_workers(self.address) == n_workers)

    def _start(self, *command: str) -> int:
        log = (self.folder / "log").open("ab")
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", *command], stdout=log, stderr=log, cwd=ROOT,
            env=ENVIRONMENT,
        )  # fmt: skip
        log.close()
        self.processes.append(process)
        return process.pid

    @staticmethod
    def _wait(is_there) -> None:
        end_s = time.monotonic() + 60
        while not is_there():
            assert time.monotonic() < end_s, "the cluster does not start"
            time.sleep(0.1)

    def kill_worker(self, pid: int | None = None) -> None:
        """This one, or any."""
        alive = [process for process in self.processes[1:] if process.poll() is None]
        chosen = next(process for process in alive if pid in (None, process.pid))
        chosen.kill()
        chosen.wait()

    def stop_workers(self) -> None:
        for process in self.processes[1:]:
            process.terminate()
            process.wait()

    def stop(self) -> None:
        self.stop_workers()
        self.processes[0].kill()
        self.processes[0].wait()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Shared by the tests below, in their order: workers come, and two of them are killed."""
    started = Cluster(tmp_path_factory.mktemp("cluster"))
    yield started
    started.stop()


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Alone:
    return Alone(write_checkpoint(tmp_path_factory.mktemp("model") / "tiny"))


def _n_workers(address: str) -> int:
    from distributed import Client

    with Client(address) as client:
        return len(client.scheduler_info(n_workers=-1)["workers"])


@pytest.mark.filterwarnings("ignore")
def test_a_scheduler_without_workers_is_refused(cluster: Cluster) -> None:
    with pytest.raises(ValueError, match="has no workers; start some with `dask worker tcp://"):  # noqa: SIM117
        with dask_executor(cluster.address):
            pass
    cluster.add_worker()
    cluster.add_worker()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("analysis", ANALYSES)
def test_two_workers_find_what_one_process_does(
    analysis: str, cluster: Cluster, alone: Alone
) -> None:
    """Bit by bit."""
    cluster.wait_for(2)
    with dask_executor(cluster.address) as executor:
        assert executor.n_workers == 2
        assert alone.agrees(analysis, executor)


@pytest.mark.filterwarnings("ignore")
def test_a_worker_that_is_killed_costs_its_task(cluster: Cluster, tmp_path: Path) -> None:
    checkpoint = write_checkpoint(tmp_path / "tiny")
    once = corpus_effects(checkpoint, PAIRS, ABLATIONS, search=GREEDY)
    killed = []

    def kill_one(n_done: int, n: int) -> None:
        if not killed:  # at once: all tasks wait, and the first are under way
            cluster.kill_worker()
            killed.append(n_done)

    cluster.wait_for(2)
    with dask_executor(cluster.address) as executor:
        together = corpus_effects(
            checkpoint, PAIRS, ABLATIONS, search=GREEDY, executor=executor, progress=kill_one
        )
    assert killed
    assert together.to_json() == once.to_json()
    cluster.add_worker()


@pytest.mark.filterwarnings("ignore")
def test_methods_and_seeds_of_score_are_those_of_one_process(
    cluster: Cluster, tmp_path: Path
) -> None:
    task = addition_task(tmp_path / "texts", n_warm_up=200, n_prompts=30, n_test=3)
    plan = PLANS["addition"].changed(n_warm_up_steps=1, n_steps=2, tokens_per_update=20)
    here, there = (
        Experiment(folder=tmp_path / name, task=task, plan=plan) for name in ("here", "there")
    )
    runs = [("score", 1), ("star", 2)]
    for experiment in (here, there):
        experiment.folder.mkdir()
        warm_up(experiment)
    for method, seed in runs:
        run_method(here, method, seed, None)
    cluster.wait_for(2)
    with dask_executor(cluster.address) as executor:
        run_methods(there, runs, executor, None)
    for method, seed in runs:
        for file in ("checkpoint/model.safetensors", "attempts/additions.json"):
            made = (here.run_folder(method, seed) / file).read_bytes()
            assert (there.run_folder(method, seed) / file).read_bytes() == made, (method, file)


def warm_up(experiment: Experiment) -> None:
    lines = [line for pair in experiment.task.warm_up.pairs() for line in pair]
    vocabulary = JointVocabulary.learn(lines, ADDITION_MODEL.vocabulary_size)
    torch.manual_seed(1)
    config = ADDITION_MODEL.replace(n_heads=2, d_model=16, d_ff=16, d_k=8, d_v=8)
    experiment.warm_up(build(config), vocabulary)


@pytest.mark.filterwarnings("ignore")
def test_a_row_of_table_3_goes_on_at_another_worker_when_its_own_is_killed(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From its last save on. Workers have another current folder than the command."""
    write_texts(tmp_path)
    monkeypatch.chdir(tmp_path)
    family = Family(
        width="1/16", depth="1/2", vocabulary_size=400, data=Path(), output=Path("out"),
        run_folder=Path("run"),
        training=TRAINING.replace(
            n_steps=60, n_warmup_steps=20, rate_scale=1.0, validate_every=20, save_every_s=0.1,
            n_validation_translations=0,
        ),
    )  # fmt: skip
    row, run = VARIANTS["C-N2"], tmp_path / "run" / "C-N2"
    learn_vocabulary(family)
    killed: list[int] = []

    def kill_its_worker() -> None:
        cluster._wait(lambda: saved_step(run) >= 20)
        cluster.kill_worker(int((run / ".process").read_text()))
        killed.extend((saved_step(run), (run / "log.txt").stat().st_size))

    cluster.wait_for(2)
    killer = threading.Thread(target=kill_its_worker, daemon=True)
    killer.start()
    with dask_executor(cluster.address) as executor:
        train_rows(family, [row], executor)
        assert executor.n_workers == 1
    killer.join()
    step, size = killed
    assert 20 <= step < 60
    went_on = re.search(r"(\d+)/60", (run / "log.txt").read_bytes()[size:].decode())
    assert went_on
    assert int(went_on[1]) >= step
    once = dataclasses.replace(family, output=Path("alone"), run_folder=Path("run-alone"))
    learn_vocabulary(once)
    train_row(once, row, family.command(row))
    weights = (once.output / "C-N2" / "model.safetensors").read_bytes()
    assert (family.output / "C-N2" / "model.safetensors").read_bytes() == weights
    told = json.loads((family.output / "C-N2" / "metrics.json").read_text())
    assert told["command"] == family.command(row)


@pytest.mark.filterwarnings("ignore")
def test_a_training_ends_with_the_command_that_asked_for_it(
    cluster: Cluster, tmp_path: Path
) -> None:
    """Not hours later: the worker's process ends, and its nanny starts another."""
    cluster.stop_workers()
    cluster.add_worker("--nanny")
    cluster.wait_for(1)
    file = tmp_path / "pid"
    with dask_executor(cluster.address) as executor:
        executor.submit(_sleep, str(file))
        cluster._wait(file.exists)
    pid = int(file.read_text())
    cluster._wait(lambda: not _is_alive(str(pid)))


def _sleep(file: str) -> None:
    Path(file).write_text(str(os.getpid()))
    time.sleep(600)


def test_workers_that_are_not_like_us_are_named() -> None:
    code, packages = ours = _described()
    require_same("tcp://a", ours, ours)
    other = {**packages, "torch": "1.0"}
    with pytest.raises(
        ValueError,
        match=rf"tcp://a has other packages \(torch 1.0, here {packages['torch'].replace('+', '.')}",
    ):
        require_same("tcp://a", (code, other), ours)
    with pytest.raises(ValueError, match="tcp://b runs other code of this project"):
        require_same("tcp://b", ("0" * 64, packages), ours)


def test_a_worker_that_comes_later_is_compared_too() -> None:
    _, packages = _described()
    with pytest.raises(ValueError, match="runs other code of this project"):
        _on_worker(("0" * 64, packages), len, "")


class Client:
    """What a scheduler says of its workers."""

    def __init__(self, n_threads: int, described: object) -> None:
        self.n_threads, self.described = n_threads, described

    def scheduler_info(self, n_workers: int) -> dict[str, dict[str, dict[str, int]]]:
        return {"workers": {"tcp://a": {"nthreads": self.n_threads}}}

    def run(self, function: object, on_error: str) -> dict[str, object]:
        assert on_error == "return"
        return {"tcp://a": self.described}


@pytest.mark.parametrize(
    ("n_threads", "described", "said"),
    [
        (4, _described(), "tcp://a runs 4 tasks at a time, .* start it with --nthreads 1"),
        (1, ModuleNotFoundError("No module named 'core'"), "tcp://a cannot load this project"),
    ],
)
def test_workers_that_cannot_work_are_named(n_threads: int, described: object, said: str) -> None:
    _check(Client(1, _described()), "tcp://s")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=said):
        _check(Client(n_threads, described), "tcp://s")  # type: ignore[arg-type]


def test_an_address_where_nothing_answers_is_named(monkeypatch) -> None:
    monkeypatch.setattr(dask_executor_module, "PATIENCE_S", 1)
    with pytest.raises(ValueError, match=r"no dask scheduler answers at 'tcp://127\.0\.0\.1:9'"):  # noqa: SIM117
        with dask_executor("tcp://127.0.0.1:9"):
            pass
