"""A scheduler with two workers on the loopback: the same results as here, also when one is killed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import core.system.dask_executor as dask_executor_module
from core.analysis.ablation import Ablation
from core.analysis.effects.corpus import corpus_effects
from core.config import SearchConfig
from core.system.dask_executor import _compare, _described, dask_executor
from core.text.toy_grammar import sentence_pairs
from tests.checkpoints import write_checkpoint
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

    def add_worker(self) -> int:
        return self._start(
            "worker", self.address, "--nthreads", "1", "--no-dashboard", "--no-nanny",
            "--local-directory", str(self.folder),
        )  # fmt: skip

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
            assert time.monotonic() < end_s, "the scheduler does not start"
            time.sleep(0.1)

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.kill()
            process.wait()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    started = Cluster(tmp_path)
    yield started
    started.stop()


@pytest.mark.filterwarnings("ignore")
def test_workers_measure_what_one_process_does_and_one_may_die(cluster, tmp_path) -> None:
    checkpoint = write_checkpoint(tmp_path / "tiny")
    alone = corpus_effects(checkpoint, PAIRS, ABLATIONS, search=GREEDY)
    doomed = cluster.add_worker()
    cluster.add_worker()
    killed = []

    def kill_one(n_done: int, n: int) -> None:
        if n_done == 2 and not killed:
            os.kill(doomed, signal.SIGKILL)
            killed.append(n_done)

    cluster._wait(lambda: _n_workers(cluster.address) == 2)
    with dask_executor(cluster.address) as executor:
        together = corpus_effects(
            checkpoint, PAIRS, ABLATIONS, search=GREEDY, executor=executor, progress=kill_one
        )
    assert killed
    assert together.to_json() == alone.to_json()


def _n_workers(address: str) -> int:
    from distributed import Client

    with Client(address) as client:
        return len(client.scheduler_info(n_workers=-1)["workers"])


@pytest.mark.filterwarnings("ignore")
def test_a_scheduler_without_workers_is_refused(cluster) -> None:
    with pytest.raises(ValueError, match="has no workers; start some with `dask worker tcp://"):  # noqa: SIM117
        with dask_executor(cluster.address):
            pass


def test_workers_that_are_not_like_us_are_named() -> None:
    code, packages = ours = _described()
    _compare({"tcp://a": ours}, ours, "tcp://s")
    other = {**packages, "torch": "1.0"}
    with pytest.raises(
        ValueError,
        match=rf"tcp://a has other packages \(torch 1.0, here {packages['torch'].replace('+', '.')}",
    ):
        _compare({"tcp://a": (code, other)}, ours, "tcp://s")
    with pytest.raises(ValueError, match="tcp://b runs other code of this project"):
        _compare({"tcp://a": ours, "tcp://b": ("0" * 64, packages)}, ours, "tcp://s")


def test_an_address_where_nothing_answers_is_named(monkeypatch) -> None:
    monkeypatch.setattr(dask_executor_module, "PATIENCE_S", 1)
    with pytest.raises(ValueError, match=r"no dask scheduler answers at 'tcp://127\.0\.0\.1:9'"):  # noqa: SIM117
        with dask_executor("tcp://127.0.0.1:9"):
            pass
