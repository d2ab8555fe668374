"""Which test files can see a fault in a file: its mirror image, who imports it, and its room's."""

from collections import defaultdict
from pathlib import PurePath

from tests.test_architecture import ROOT, imports_when_run, modules

MOST_FILES = 40
"""Test files for one fault; those that stand nearest come first."""


class Covering:
    """The imports of the product and its tests as they stand now, read backwards."""

    def __init__(self) -> None:
        self._importers: dict[str, set[str]] = defaultdict(set)
        named = {
            name: file.relative_to(ROOT).as_posix()
            for part in ("core", "explorer", "tests")
            for name, file in modules(part).items()
        }
        for file in named.values():
            for name in imports_when_run(ROOT / file):
                if name in named:
                    self._importers[named[name]].add(file)
        self._tests = [file for file in named.values() if _is_test(file)]

    def tests_of(self, file: str) -> list[str]:
        """The nearest test files: of the file itself, then of those that import it, and so on."""
        found: dict[str, None] = {}
        seen, level = {file}, [file]
        while level and len(found) < MOST_FILES:
            importers = sorted({name for each in level for name in self._importers[each]} - seen)
            tests = [name for name in importers if _is_test(name)]
            found.update(
                dict.fromkeys([*self._mirror_images(level), *tests, *self._of_rooms(level)])
            )
            seen.update(importers)
            level = [name for name in importers if not _is_test(name)]
        return list(found)[:MOST_FILES]

    def _mirror_images(self, files: list[str]) -> list[str]:
        wanted = {f"tests/{_room(file)}/test_{PurePath(file).name}" for file in files}
        return [test for test in self._tests if test in wanted]

    def _of_rooms(self, files: list[str]) -> list[str]:
        wanted = {f"tests/{_room(file)}" for file in files}
        return [test for test in self._tests if _room(test) in wanted]


def _room(file: str) -> str:
    return PurePath(file).parent.as_posix()


def _is_test(file: str) -> bool:
    is_ours = file.startswith(("tests/e2e/", "tests/mutants/"))
    return PurePath(file).name.startswith("test_") and not is_ours
