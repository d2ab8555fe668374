"""A queue of commands, some at a time, each in a process that ends when the queue does.

A killed queue leaves nothing running behind: every process holds the reading end of a pipe whose
other end closes with the queue (`end_with_parent`). So the same command can be given again at once.
"""

import os
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

LIFELINE = "ATTENTION_EXPLORER_LIFELINE"
"""Set for processes of a queue: their standard input ends when the queue does."""
POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class Job:
    """One command, and the file that takes what it prints."""

    name: str
    command: Sequence[str]
    log: Path


@dataclass
class Queue:
    """Where the jobs stand; every job is in exactly one of the four."""

    waiting: list[Job]
    running: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    done: list[Job] = field(default_factory=list)
    failed: list[Job] = field(default_factory=list)


def run_jobs(
    jobs: Sequence[Job],
    *,
    n_at_once: int,
    environment: Mapping[str, str],
    show: Callable[[Queue], None],
    show_every_s: float,
) -> Queue:
    """Run every job, whether or not others fail; `show` sees the queue at each change and now and then.

    Ended by an exception (Ctrl-C among them), it ends what runs first.
    """
    queue, by_name = Queue(list(jobs)), {job.name: job for job in jobs}
    shown_s = time.monotonic()
    try:
        while queue.waiting or queue.running:
            changed = _collect(queue, by_name)
            while queue.waiting and len(queue.running) < n_at_once:
                job = queue.waiting.pop(0)
                queue.running[job.name] = _start(job, environment)
                changed = True
            if changed or time.monotonic() - shown_s > show_every_s:
                show(queue)
                shown_s = time.monotonic()
            time.sleep(POLL_S)
    finally:
        for process in queue.running.values():
            process.terminate()
        for process in queue.running.values():
            _finish(process)
    return queue


def _collect(queue: Queue, by_name: Mapping[str, Job]) -> bool:
    """Move what has ended to done or failed; whether anything has."""
    ended = [name for name, process in queue.running.items() if process.poll() is not None]
    for name in ended:
        process = queue.running.pop(name)
        _finish(process)
        (queue.failed if process.returncode else queue.done).append(by_name[name])
    return bool(ended)


def _finish(process: "subprocess.Popen[bytes]") -> None:
    process.wait()
    assert process.stdin
    process.stdin.close()


def _start(job: Job, environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    job.log.parent.mkdir(parents=True, exist_ok=True)
    with job.log.open("ab") as log:
        return subprocess.Popen(
            job.command,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment, LIFELINE: "1"},
        )


def end_with_parent() -> None:
    """In a process of a queue: end at once when the queue ends, however it ended."""
    if LIFELINE not in os.environ:
        return

    def watch() -> None:
        os.read(0, 1)  # not sys.stdin, whose lock would still be held when the interpreter ends
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
