"""Which test files can see a fault: those that name its function, or one that uses it, come first.

It is a guess from names and imports, which needs no run of the tests before. What was recorded of a
run (tests/mutants/lines.py) says more.
"""

import ast
import functools
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath

from tests.mutants.lines import Lines
from tests.test_architecture import ROOT, imports_when_run, modules

MOST_FILES = 40
"""Test files for one fault."""
MOST_STEPS = 5
"""How far it goes from a function to those that use it."""


@dataclass(frozen=True, slots=True)
class Named:
    """A function, a method or a constant of a file, and the words in it."""

    file: str
    names: frozenset[str]
    """Its own, and for a method that of its class; of a command also as it is typed."""
    lines: range
    words: frozenset[str]


class Covering:
    """The names and imports of the product and its tests as they stand now."""

    def __init__(self, lines: Lines | None = None) -> None:
        self._lines = lines
        self._importers: dict[str, set[str]] = defaultdict(set)
        self._named: dict[str, list[Named]] = {}
        self._words: dict[str, frozenset[str]] = {}
        files = {
            name: file.relative_to(ROOT).as_posix()
            for part in ("core", "explorer", "tests")
            for name, file in modules(part).items()
        }
        for file in files.values():
            text = (ROOT / file).read_text("utf-8")
            for name in imports_when_run(ROOT / file):
                if name in files:
                    self._importers[files[name]].add(file)
            self._named[file] = list(_named(file, ast.parse(text)))
            if _is_test(file):
                self._words[file] = _words(text)

    def ran(self, file: str, line: int) -> list[str]:
        """The tests that ran this line when lines were recorded, or else its function."""
        if not self._lines:
            return []
        around = [each.lines for each in self._named[file] if line in each.lines]
        of_function = min(around, key=len, default=range(0))
        return self._lines.tests_of(file, [line]) or self._lines.tests_of(file, of_function)

    def tests_of(self, file: str, line: int) -> list[str]:
        """The test files that are likeliest to see a fault in this line."""
        found: dict[str, None] = {}
        start = [each for each in self._named[file] if line in each.lines]
        seen, level = set(start), start
        for _ in range(MOST_STEPS):
            names = {name for each in level for name in each.names}
            tests = [test for test, words in self._words.items() if words & names]
            near = {test for each in level for test in self._near(each.file)}
            found.update(dict.fromkeys(sorted(tests, key=lambda test: test not in near)))
            found.update(dict.fromkeys(self._of_pages(level)))
            level = [user for each in level for user in self._users(each) if user not in seen]
            seen.update(level)
        found.update(dict.fromkeys(self._near(file)))
        mirror = f"tests/{_room(file)}/test_{PurePath(file).stem.rstrip('_')}.py"
        return sorted(found, key=lambda test: test != mirror)[:MOST_FILES]

    def _users(self, used: Named) -> Iterator[Named]:
        """What mentions it, in its own file or in one that imports it."""
        for file in sorted({used.file, *self._importers[used.file]}):
            if not file.startswith("tests/"):
                yield from (each for each in self._named[file] if each.words & used.names)

    def _near(self, file: str) -> list[str]:
        """The tests that import a file, themselves or through a helper, and those of its room."""
        helpers = {name for name in self._importers[file] if name.startswith("tests/")}
        through = {name for helper in helpers for name in self._importers[helper]}
        of_room = [test for test in self._words if _room(test) == f"tests/{_room(file)}"]
        return [*of_room, *sorted(test for test in helpers | through if _is_test(test))]

    def _of_pages(self, level: list[Named]) -> list[str]:
        """Of a page, which is run and not imported, the tests of its room."""
        pages = {each.file for each in level if each.file.endswith("/page.py")}
        return [test for page in sorted(pages) for test in self._near(page)]


def _named(file: str, tree: ast.Module, of: str = "") -> Iterator[Named]:
    for node in tree.body:
        names = set(_names(node))
        if isinstance(node, ast.ClassDef):
            yield from _named(file, ast.Module(node.body, []), node.name)
        if names:
            names |= {of, of.lower()} - {""}
            if names & {"__init__", "__call__", "__enter__", "__post_init__", "execute", of}:
                names -= {"__init__", "__call__", "__enter__", "__post_init__", "execute"}
            lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
            yield Named(file, frozenset(names), lines, _words(ast.unparse(node)))


def _names(node: ast.stmt) -> Iterator[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Assign(targets=targets):
            yield from (each.id for each in targets if isinstance(each, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name)):
            yield name


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text))


@functools.cache
def _room(file: str) -> str:
    return PurePath(file).parent.as_posix()


def _is_test(file: str) -> bool:
    is_ours = file.startswith(("tests/e2e/", "tests/mutants/"))
    return PurePath(file).name.startswith("test_") and not is_ours
