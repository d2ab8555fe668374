"""Variants beside each other: a process each, one at work at a time, in turn.

    with Worker("bench.training", "ours") as ours, Worker("bench.training", "marian") as marian:
        ours.make(size="tiny"); marian.make(size="tiny")
        rounds = in_turn({"ours": ours, "marian": marian}, n_rounds=5)

What a process must not share with another (memory settings, threads, a library's global state) is
its own; and as the rounds of all variants alternate, a machine that slows down slows all of them.
"""

import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

Act = Callable[[], Any]
"""What is timed; it returns something for comparison, such as the tokens it found."""


LEAST_ROUNDS = 3
"""Fewer decide nothing."""
LONG_ENOUGH_S = 0.4
"""A round repeats an act that is over sooner, so that a hiccup does not decide."""


@dataclass(frozen=True, slots=True)
class Round:
    """One run of an act, or the mean of several in a row."""

    wall_s: float
    result: Any


class Worker(AbstractContextManager["Worker"]):
    """A process that makes an act, and runs it when told.

    `module` has a mapping `MAKERS` from names to functions that take JSON and return an act.
    """

    def __init__(self, module: str, maker: str, *, n_threads: int = 1) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.workers", module, maker],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "OMP_NUM_THREADS": str(n_threads),
                "MKL_NUM_THREADS": str(n_threads),
            },
        )
        self._name = f"{module} {maker}"

    def make(self, **what: Any) -> Any:
        """Make the next act and run it once, to warm up; its result."""
        return self._ask({"make": what})["result"]

    def run(self) -> Round:
        return Round(**self._ask({}))

    def _ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._name} ended with exit code {self._process.wait()}")
        return json.loads(line)  # type: ignore[no-any-return]

    def __exit__(self, *_: object) -> None:
        self._process.communicate("")


def in_turn(
    workers: Mapping[str, Worker], *, n_rounds: int, enough_s: float = 60.0
) -> dict[str, list[Round]]:
    """Rounds of all workers, alternating; once `enough_s` is over, no more than `LEAST_ROUNDS`."""
    rounds: dict[str, list[Round]] = {name: [] for name in workers}
    started_s = time.perf_counter()
    for number in range(n_rounds):
        if number >= LEAST_ROUNDS and time.perf_counter() - started_s > enough_s:
            break
        for name, worker in workers.items():
            rounds[name].append(worker.run())
    return rounds


def _serve(module: str, maker: str) -> None:
    make = importlib.import_module(module).MAKERS[maker]
    answers, sys.stdout = sys.stdout, sys.stderr  # libraries may print
    act: Act = lambda: None  # noqa: E731
    for line in sys.stdin:
        request = json.loads(line)
        if "make" in request:
            act = make(**request["make"])
        started_s, n = time.perf_counter(), 0
        while n == 0 or time.perf_counter() - started_s < LONG_ENOUGH_S:
            result, n = act(), n + 1
        wall_s = (time.perf_counter() - started_s) / n
        answers.write(json.dumps({"wall_s": wall_s, "result": result}) + "\n")
        answers.flush()


if __name__ == "__main__":
    _serve(*sys.argv[1:])
