"""Processes behind concurrent.futures: what they print is kept, and none is left behind."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import wait
from pathlib import Path

import pytest

from core.system.executor import (
    HereExecutor,
    LocalExecutor,
    ProcessDiedError,
    local_executor,
    logged,
    work_executor,
)
from core.system.files import file_lock
from tests.core.helpers import ENVIRONMENT, ROOT


def square(number: int) -> int:
    return number * number


def given() -> str:
    return os.environ["GIVEN"]


def prints(text: str) -> None:
    print(text)
    subprocess.run(["echo", "from another program"], check=True)


def fails() -> None:
    raise FloatingPointError("step 2: loss nan")


def holds(folder: Path) -> None:
    """Write down which process this is, and sleep inside the folder's lock."""
    with file_lock(folder):
        (folder / "pid").write_text(str(os.getpid()))
        time.sleep(60)


def test_every_task_runs_whether_or_not_others_fail(tmp_path):
    with local_executor(2, {"GIVEN": "7"}) as executor:
        good = [executor.submit(square, number) for number in range(5)]
        bad = executor.submit(logged, tmp_path / "logs" / "bad", fails)
        environment = executor.submit(given)
        wait([*good, bad, environment])
    assert [future.result() for future in good] == [0, 1, 4, 9, 16]
    assert environment.result() == "7"
    with pytest.raises(FloatingPointError, match="step 2"):
        bad.result()
    assert "FloatingPointError: step 2: loss nan" in (tmp_path / "logs" / "bad").read_text()


def test_all_that_is_printed_is_appended_to_the_log(tmp_path):
    with local_executor(1) as executor:
        for _ in range(2):
            executor.submit(logged, tmp_path / "log", prints, "über").result()
    assert (tmp_path / "log").read_text("utf-8") == "über\nfrom another program\n" * 2


def test_a_process_that_is_killed_costs_its_task_alone(tmp_path):
    """The other process goes on, and so does the place of the one that died."""
    with local_executor(2) as executor:
        killed = executor.submit(holds, tmp_path)
        wait_until(lambda: (tmp_path / "pid").is_file() and (tmp_path / "pid").read_text())
        others = [executor.submit(square, number) for number in range(6)]
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
        with pytest.raises(ProcessDiedError, match="its process was killed; run the same command"):
            killed.result(timeout=30)
        others += [executor.submit(square, number) for number in range(6, 9)]
        wait(others, timeout=60)
    assert [future.result() for future in others] == [number**2 for number in range(9)]


def test_an_interrupted_program_ends_what_runs(tmp_path):
    def interrupted() -> None:
        with local_executor(1) as executor:
            executor.submit(holds, tmp_path)
            wait_until((tmp_path / "pid").is_file)
            raise KeyboardInterrupt

    started_s = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with file_lock(tmp_path):  # waits until the task has gone
        assert time.monotonic() - started_s < 30  # it would sleep for a minute
    wait_until(lambda: not is_running(int((tmp_path / "pid").read_text())))


PROGRAM = """
import sys
from pathlib import Path
from core.system.executor import local_executor
from tests.core.system.test_executor import holds
if __name__ == "__main__":
    with local_executor(1) as executor:
        executor.submit(holds, Path(sys.argv[1]))
"""


def test_a_killed_program_leaves_nothing_running_and_no_folder_locked(tmp_path):
    script = tmp_path / "program.py"
    script.write_text(PROGRAM)
    environment = {**ENVIRONMENT, "PYTHONPATH": str(ROOT)}
    program = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path)],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    file = tmp_path / "pid"
    wait_until(lambda: file.is_file() and file.read_text())
    program.send_signal(signal.SIGKILL)
    killed_s = time.monotonic()
    with file_lock(tmp_path):  # waits until the task has gone
        assert time.monotonic() - killed_s < 30
        wait_until(lambda: not is_running(int(file.read_text())))
    _, said = program.communicate()  # what its processes and Python's own helper said, too
    assert said == ""


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
            second.wait(1)
    out, _ = second.communicate(timeout=30)
    assert out == "inside\n"


def length(value: list[int], more: int = 0) -> tuple[int, int]:
    return len(value) + more, os.getpid()


def test_what_is_shared_is_read_once_by_each_process(tmp_path):
    value = list(range(1000))
    with local_executor(2) as executor:
        shared = executor.share(value)
        found = [executor.submit(length, shared, more=n).result() for n in range(6)]
        assert [n for n, _ in found] == [1000 + n for n in range(6)]
        assert all(process != os.getpid() for _, process in found)
        by_name = executor.submit(length, value=shared).result()
        assert by_name[0] == 1000
        other = executor.share([1, 2])
        assert executor.submit(length, other).result()[0] == 2
        assert executor.submit(length, shared).result()[0] == 1000


def test_here_a_task_runs_when_its_result_is_asked_for():
    done = []
    executor = HereExecutor()
    futures = [executor.submit(done.append, n) for n in range(3)]
    assert done == []
    assert futures[1].result() is None
    assert done == [1]
    assert futures[1].result() is None
    assert done == [1]
    assert executor.share(done) is done
    with pytest.raises(FloatingPointError, match="step 2"):
        executor.submit(fails).result()


def test_the_number_of_jobs_chooses_the_executor():
    with work_executor(1) as executor:
        assert isinstance(executor, HereExecutor)
    with work_executor(2) as executor:
        assert isinstance(executor, LocalExecutor)
    with pytest.raises(ValueError, match="jobs=0 must be at least 1"), work_executor(0):
        pass
