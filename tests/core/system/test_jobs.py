"""A queue of processes: so many at a time, none left behind, and one at a time in a folder."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.system.files import file_lock
from core.system.jobs import LIFELINE, Job, Queue, run_jobs
from tests.core.helpers import ENVIRONMENT, ROOT


def job(folder: Path, name: str, code: str) -> Job:
    return Job(name, [sys.executable, "-c", code], folder / "logs" / name)


def run(jobs: list[Job], n_at_once: int = 2, show=lambda queue: None) -> Queue:
    return run_jobs(
        jobs, n_at_once=n_at_once, environment={"GIVEN": "7"}, show=show, show_every_s=60.0
    )


def names(jobs: list[Job]) -> set[str]:
    return {job.name for job in jobs}


def test_every_job_runs_whether_or_not_others_fail(tmp_path):
    codes = {"good": "print('über', __import__('os').environ['GIVEN'])", "bad": "1 / 0", "late": ""}
    queue = run([job(tmp_path, name, code) for name, code in codes.items()])
    assert (names(queue.done), names(queue.failed)) == ({"good", "late"}, {"bad"})
    assert (tmp_path / "logs" / "good").read_text("utf-8") == "über 7\n"
    assert "ZeroDivisionError" in (tmp_path / "logs" / "bad").read_text()


def test_no_more_run_than_may_and_in_their_order(tmp_path):
    seen = []

    def show(queue: Queue) -> None:
        seen.append((sorted(queue.running), [job.name for job in queue.waiting]))

    run([job(tmp_path, name, "import time; time.sleep(0.3)") for name in "abc"], show=show)
    assert seen[0] == (["a", "b"], ["c"])
    assert max(len(running) for running, _ in seen) == 2
    assert seen[-1] == ([], [])


def test_a_log_is_continued(tmp_path):
    for _ in range(2):
        run([job(tmp_path, "a", "print('x')")])
    assert (tmp_path / "logs" / "a").read_text() == "x\nx\n"


def test_an_interrupted_queue_ends_what_runs(tmp_path):
    started: list[subprocess.Popen] = []

    def interrupted(queue: Queue) -> None:
        started.extend(queue.running.values())
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run([job(tmp_path, "a", "import time; time.sleep(60)")], show=interrupted)
    assert [process.poll() for process in started] == [-signal.SIGTERM]


QUEUE = """
import sys
from pathlib import Path
from core.system.jobs import Job, run_jobs
code = '''
import os, sys, time
from pathlib import Path
from core.system.files import file_lock
from core.system.jobs import end_with_parent
end_with_parent()
with file_lock(Path(sys.argv[1])):
    Path(sys.argv[1], "pid").write_text(str(os.getpid()))
    time.sleep(60)
'''
folder = Path(sys.argv[1])
job = Job("a", [sys.executable, "-c", code, str(folder)], folder / "log")
run_jobs([job], n_at_once=1, environment={}, show=lambda queue: None, show_every_s=60)
"""


def test_a_killed_queue_leaves_nothing_running_and_no_folder_locked(tmp_path):
    queue = subprocess.Popen(
        [sys.executable, "-c", QUEUE, str(tmp_path)], cwd=ROOT, env=ENVIRONMENT
    )
    file = tmp_path / "pid"
    wait_until(lambda: file.is_file() and file.read_text())
    queue.kill()
    queue.wait()
    killed_s = time.monotonic()
    with file_lock(tmp_path):  # waits until the job has gone
        assert time.monotonic() - killed_s < 30  # it would sleep for a minute
        wait_until(lambda: not is_running(int(file.read_text())))


def wait_until(condition) -> None:
    end_s = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.05)


def is_running(pid: int) -> bool:
    """Zombies, which only their parent can remove, do not run."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    return False


def test_a_process_of_a_queue_that_ends_by_itself_ends_well(tmp_path):
    """The watching thread must not disturb the end of the interpreter."""
    code = "from core.system.jobs import end_with_parent; end_with_parent()"
    queue = run([Job("a", [sys.executable, "-c", code], tmp_path / "log")])
    assert names(queue.done) == {"a"}, (tmp_path / "log").read_text()


def test_outside_a_queue_standard_input_is_left_alone():
    code = (
        "import sys, time; from core.system.jobs import end_with_parent; end_with_parent(); "
        "time.sleep(0.3); print(sys.stdin.read())"
    )
    environment = {name: value for name, value in os.environ.items() if name != LIFELINE}
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, input="mine", text=True,
        capture_output=True, check=True,
    )  # fmt: skip
    assert result.stdout == "mine\n"


def test_the_second_waits_for_the_first(tmp_path):
    code = (
        "import sys; from pathlib import Path; from core.system.files import file_lock\n"
        "with file_lock(Path(sys.argv[1])): print('inside')"
    )
    with file_lock(tmp_path):
        second = subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, env=ENVIRONMENT,
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        with pytest.raises(subprocess.TimeoutExpired):
            second.wait(timeout=1.5)
    assert second.communicate(timeout=30)[0] == "inside\n"
