"""Faults are planted where they say, the nearest tests are asked, and what they see is told."""

import json
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest

from tests.core.helpers import ENVIRONMENT
from tests.mutants import __main__ as main
from tests.mutants.__main__ import (
    EQUIVALENT,
    Trial,
    earlier,
    equivalents,
    not_seen,
    report,
    to_json,
    write,
)
from tests.mutants.changes import Mutant, mutants
from tests.mutants.covering import Covering
from tests.mutants.lines import Lines, quickest, record
from tests.mutants.trial import NOT_STARTED, ROOT, planted

SOURCE = '''"""Sums."""

from typing import Literal

MOST = 40
WIDTHS_PX = {"line": 3}


@cached(True)
def chosen(values: dict[str, int], most: int = 3) -> list[int]:
    """Of é, the 1 thing to say."""
    total = 0
    if len(values) < most and total:
        log(values, most)
        raise ValueError(f"{total + 1} is bad")
    total += 1
    return [table.T[a, b] - total for a in values if not a] + clip(values, 5, low=most)
'''


def found(tmp_path: Path, name: str = "core/a.py") -> set[tuple[str, str, str]]:
    """Kind, text, and the text in its place."""
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(SOURCE, "utf-8")
    content = file.read_bytes()
    return {(each.kind, each.before(content), each.text) for each in mutants(tmp_path, name)}


def test_every_kind_of_fault_is_planted(tmp_path: Path) -> None:
    test, call = "len(values) < most and total", "clip(values, 5, low=most)"
    result = SOURCE.splitlines()[-1].partition("return ")[2]
    assert found(tmp_path) == {
        ("number", "0", "1"),
        ("comparison", "len(values) < most", "(len(values) <= most)"),
        ("condition", test, test.replace("and", "or").join("()")),
        ("condition", test, f"(not ({test}))"),
        ("statement", "log(values, most)", "pass"),
        ("arguments", "log(values, most)", "log(most, values)"),
        ("statement", 'raise ValueError(f"{total + 1} is bad")', "pass"),
        ("statement", "total += 1", "pass"),
        ("number", "1", "2"),
        ("arithmetic", result, result.replace("] + clip", "] - clip").join("()")),
        ("arithmetic", "table.T[a, b] - total", "(table.T[a, b] + total)"),
        ("axes", "a, b", "b, a"),
        ("axes", "table.T", "table"),
        ("condition", "not a", "(a)"),
        ("condition", "not a", "(not (not a))"),
        ("number", "5", "6"),
        ("arguments", call, "clip(5, values, low=most)"),
        ("option", call, "clip(values, 5)"),
    }


def test_numbers_and_options_of_drawing_code_are_looks(tmp_path: Path) -> None:
    kinds = {kind for kind, *_ in found(tmp_path, "explorer/figures/a.py")}
    assert kinds == {kind for kind, *_ in found(tmp_path)} - {"number", "option"}


@pytest.mark.parametrize("file", ["core/decoding/search.py", "explorer/app_pages/heads/page.py"])
def test_every_fault_in_a_file_leaves_a_program(file: str) -> None:
    source = (ROOT / file).read_bytes()
    every = mutants(ROOT, file)
    assert len(every) > 20
    for mutant in every:
        compile(mutant.planted_in(source), file, "exec")
        changed = mutant.diff(source).splitlines()
        assert {line[0] for line in changed} == {"+", "-"}
        assert mutant.line in range(1, source.count(b"\n") + 1)


@pytest.fixture(scope="module")
def covering() -> Covering:
    return Covering()


def line_of(file: str, text: str) -> int:
    lines = (ROOT / file).read_text("utf-8").splitlines()
    return next(number for number, line in enumerate(lines, start=1) if text in line)


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        ("core/decoding/search.py", "def search(", "tests/core/decoding/test_search.py"),
        (
            "core/config.py",
            "layers = self.n_encoder_layers *",
            "tests/core/checkpoint/test_card.py",
        ),
        ("core/training/finish.py", "write_json(facts)", "tests/core/training/test_train.py"),
        (
            "explorer/app_pages/heads/page.py",
            "def draw(",
            "tests/explorer/app_pages/heads/test_page.py",
        ),
        ("core/cli/import_.py", "def execute", "tests/core/cli/test_import.py"),
    ],
)
def test_the_nearest_tests_are_asked_first(
    covering: Covering, file: str, text: str, expected: str
) -> None:
    """Those that name the function, or what uses it; of a page and a command those of its room."""
    asked = covering.tests_of(file, line_of(file, text))
    assert expected in asked[:8]
    assert not any(name.startswith("tests/e2e") for name in asked)
    assert len(asked) <= 40


def test_a_fault_is_taken_back_to_the_byte_and_the_time(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_bytes(b"a = b < 1\n")
    before = file.read_bytes(), file.stat().st_mtime_ns
    compiled = tmp_path / "__pycache__" / "a.cpython-311.pyc"
    compiled.parent.mkdir()
    with planted(tmp_path, Mutant("a.py", 1, "x", 4, 9, "(b <= 1)")):
        compiled.write_bytes(b"of the fault")
        assert file.read_bytes() == b"a = (b <= 1)\n"
    assert (file.read_bytes(), file.stat().st_mtime_ns) == before
    assert not compiled.exists()


TRY = """
import sys
from pathlib import Path
from tests.mutants import trial
trial.HANG_S = 2
print(repr(trial.first_failure(Path(sys.argv[1]), sys.argv[2:], 20)))
"""


@pytest.mark.parametrize(
    ("body", "seen_by"),
    [
        ("assert core.low < 2", ""),
        ("assert core.low > 2", "tests/test_low.py::test_low"),
        ("while True: pass", "tests/test_low.py::test_low"),
        ("import os; os.abort()", "the process died"),
        (
            f"import tests; assert tests.__file__.startswith({str(ROOT)!r})",
            "tests/test_low.py::test_low",
        ),
    ],
)
def test_what_fails_in_the_copy_is_told(tmp_path: Path, body: str, seen_by: str) -> None:
    """A test that passes, fails, hangs, dies, or sees another tree than the copy."""
    copy = tmp_path / "tree"
    for name, text in {
        "core/__init__.py": "low = 1",
        "tests/__init__.py": "",
        "tests/test_low.py": f"import core\n\ndef test_low():\n    {body}\n",
        "pyproject.toml": "[tool.pytest.ini_options]\nmarkers = ['e2e: x', 'gpu: x']\n",
    }.items():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_text(text)
    done = subprocess.run(
        [sys.executable, "-c", TRY, str(copy), "tests/test_low.py"],
        cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == f"{seen_by!r}\n"


def test_a_report_counts_by_kind_and_shows_what_was_not_seen() -> None:
    unseen = Trial(Mutant("core/a.py", 7, "axes", 0, 1, "b"), "", "-a\n+b")
    seen = Trial(Mutant("core/b.py", 8, "axes", 0, 1, "b"), "tests/x.py::test", "-c\n+d")
    said = report([unseen, seen])
    assert "1 of 2 faults were seen" in said
    assert "axes: 1 of 2" in said
    assert "NOT SEEN core/a.py:7 axes\n-a\n+b" in said
    assert "-c" not in said


def test_what_was_not_seen_can_be_tried_again(tmp_path: Path) -> None:
    file = "core/decoding/search.py"
    some = mutants(ROOT, file)[:3]
    source = (ROOT / file).read_bytes()
    trials = [
        to_json(Trial(each, "t" * (n == 1), each.diff(source))) for n, each in enumerate(some)
    ]
    (tmp_path / "run.json").write_text(json.dumps(trials))
    again = [each.diff(source) for each in not_seen(tmp_path / "run.json")]
    assert again == [some[0].diff(source), some[2].diff(source)]


def test_a_run_goes_on_where_it_was_and_only_there(tmp_path: Path) -> None:
    """Where the file has another run, nothing is lost and it says so."""
    file = "core/decoding/search.py"
    some = mutants(ROOT, file)[:3]
    source = (ROOT / file).read_bytes()
    kept = tmp_path / "deep" / "run.json"
    assert earlier(kept, some) == []
    found = [Trial(some[0], "tests/x.py::test", some[0].diff(source))]
    write(found, kept)
    assert earlier(kept, some) == found
    before = kept.read_bytes()
    with pytest.raises(ValueError, match=r"run\.json has another run.*name another file"):
        earlier(kept, some[1:])
    assert kept.read_bytes() == before
    assert [each.name for each in kept.parent.iterdir()] == ["run.json"]


@pytest.mark.slow
def test_the_tests_that_run_a_line_are_recorded(tmp_path: Path) -> None:
    """A changed file has none, and no test of a changed file is asked: it may not be there any more."""
    kept = tmp_path / "deep" / "lines.json"
    record(kept, "tests/core/test_config.py")
    lines = Lines.read(kept)
    file, tests = "core/config.py", "tests/core/test_config.py"
    line = line_of(file, "unknown = sorted(")
    asked = lines.tests_of(file, [line])
    assert asked
    assert all(name.startswith(f"{tests}::test_") for name in asked)
    assert Covering(lines).ran(file, line) == asked
    assert Covering(lines).ran("core/decoding/search.py", 1) == []
    for changed in (file, tests):
        other = Lines({**lines.contents, changed: "of another content"}, lines.tests)
        assert other.tests_of(file, [line]) == []


def test_quick_tests_come_first_and_few_of_them_alike() -> None:
    alike = {f"b::test[{n}]": float(n) for n in range(1, 9)}
    seconds = {"a::test": 2.5, "c::test": 0.5, **alike}
    chosen = ["c::test", "b::test[1]", "b::test[2]", "a::test", "b::test[3]"]
    assert quickest(set(seconds), seconds) == chosen


def test_what_is_called_equivalent_can_still_be_planted_and_says_why() -> None:
    assert EQUIVALENT.is_file()
    for file, known in equivalents().items():
        source = (ROOT / file).read_bytes()
        assert set(known) <= {mutant.diff(source) for mutant in mutants(ROOT, file)}
        assert all(len(why) > 20 for why in known.values())


@pytest.mark.parametrize(("first", "n_asked"), [("", 2), (NOT_STARTED, 2), ("tests/x.py::test", 1)])
def test_where_a_named_test_is_not_there_the_nearest_are_asked(
    covering: Covering, monkeypatch: pytest.MonkeyPatch, first: str, n_asked: int
) -> None:
    (fault,) = mutants(ROOT, "core/decoding/search.py")[:1]
    answers = iter(["", first, "tests/y.py::test"])  # the first is of a tree without a fault
    monkeypatch.setattr(main, "copied_tree", lambda: nullcontext(ROOT))
    monkeypatch.setattr(main, "planted", lambda copy, mutant: nullcontext())
    monkeypatch.setattr(main, "first_failure", lambda *given, **named: next(answers))
    monkeypatch.setattr(main, "load_libraries", lambda: None)
    monkeypatch.setattr(covering, "ran", lambda file, line: ["tests/x.py::test"])
    (trial,) = main.try_faults([fault], covering, minutes=1, limit_s=1)
    assert trial.seen_by == ("tests/y.py::test" if n_asked == 2 else first)
