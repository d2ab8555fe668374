"""Which tests run which lines, recorded once by coverage.py: a better guess than names give.

What a test starts in another process is not recorded; names are asked for that afterwards.
"""

import hashlib
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import coverage
import pytest

ROOT = Path(__file__).parents[2]
MOST_TESTS = 60
"""Tests for one line."""
MOST_ALIKE = 3
"""... of them runs of one test with other parameters."""


@dataclass(frozen=True, slots=True)
class Lines:
    """What was recorded: every file's content at that time, and of each line the tests that ran it."""

    contents: dict[str, str]
    tests: dict[str, dict[int, list[str]]]
    """File -> line -> tests, the quickest first."""

    @classmethod
    def read(cls, file: Path) -> "Lines":
        data = json.loads(file.read_text("utf-8"))
        tests = {
            name: {int(line): data["tests"][place] for line, place in lines.items()}
            for name, lines in data["lines"].items()
        }
        return cls(data["contents"], tests)

    def write(self, file: Path) -> None:
        """Whole or not at all. Many lines have the same tests, which are written once."""
        places: dict[tuple[str, ...], int] = {}
        lines = {
            name: {line: places.setdefault(tuple(found), len(places)) for line, found in of.items()}
            for name, of in self.tests.items()
        }
        data = {"contents": self.contents, "tests": list(places), "lines": lines}
        part = file.with_name(f"{file.name}.part")
        part.write_text(json.dumps(data), "utf-8")
        part.replace(file)

    def tests_of(self, file: str, lines: Iterable[int]) -> list[str]:
        """The tests that ran one of these lines, as far as neither file nor test has changed since."""
        if not self._stands(file):
            return []
        known = self.tests[file]
        found = dict.fromkeys(test for line in lines for test in known.get(line, ()))
        return [test for test in found if self._stands(test.partition("::")[0])]

    def _stands(self, file: str) -> bool:
        return (ROOT / file).is_file() and self.contents.get(file) == content_of(file)


def content_of(file: str) -> str:
    """A name for what stands in a file."""
    return hashlib.sha256((ROOT / file).read_bytes()).hexdigest()


def record(file: Path, *tests: str) -> None:
    """Run the tests, without browsers, in a process of their own, and write which lines each ran.

    Args:
        tests: all if none are named.

    Raises:
        RuntimeError: a test fails.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "tests.mutants.lines", str(file), *tests]
    if subprocess.run(command, cwd=ROOT, check=False).returncode:
        raise RuntimeError("the tests fail without a fault")


class Recorder:
    """A plugin of pytest: each test is a context of coverage.py, and its seconds are kept."""

    def __init__(self) -> None:
        self.measured = coverage.Coverage(
            data_file=None, source=["core", "explorer"], config_file=False, messages=False
        )
        self.seconds: dict[str, float] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self.measured.switch_context(item.nodeid)
        started_s = time.monotonic()
        result = yield
        self.seconds[item.nodeid] = time.monotonic() - started_s
        self.measured.switch_context("")
        return result

    def lines(self) -> Lines:
        """What was run, the quickest tests of each line first."""
        data = self.measured.get_data()
        files = {Path(path).relative_to(ROOT).as_posix(): path for path in data.measured_files()}
        tests = {
            name: {
                line: quickest(set(ran) - {""}, self.seconds)
                for line, ran in data.contexts_by_lineno(path).items()
            }
            for name, path in files.items()
        }
        read = {*files, *(test.partition("::")[0] for test in self.seconds)}
        return Lines({name: content_of(name) for name in sorted(read)}, tests)


def quickest(tests: set[str], seconds: dict[str, float]) -> list[str]:
    """The quickest tests, few of them alike, as many as `MOST_TESTS`."""
    alike, chosen = Counter[str](), list[str]()
    for test in sorted(tests, key=lambda test: (seconds[test], test)):
        alike[test.partition("[")[0]] += 1
        if alike[test.partition("[")[0]] <= MOST_ALIKE:
            chosen.append(test)
    return chosen[:MOST_TESTS]


def main() -> int:
    recorder = Recorder()
    recorder.measured.start()
    options = ["-q", "-p", "no:cacheprovider", "-m", "not e2e and not gpu and not long", "--ignore", "tests/mutants"]  # fmt: skip
    code = pytest.main([*options, *sys.argv[2:]], plugins=[recorder])
    recorder.measured.stop()
    if not code:
        recorder.lines().write(Path(sys.argv[1]))
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
