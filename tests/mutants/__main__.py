"""`python -m tests.mutants`: plant faults in a copy of the tree, and list those that no test sees.

    python -m tests.mutants [--n 40] [--minutes 10] [--seed 1] [--limit-s 60] [--lines FILE] [--json FILE]
    python -m tests.mutants --again FILE    what an earlier run, as JSON, did not see

The kinds of faults take turns. It ends when as many are tried, or when the time is over; with --json
the same command goes on from there. What is known to change nothing (tests/mutants/equivalent.toml)
is not tried. --lines asks the tests that run the changed line first; which those are is recorded
once, by a run of all tests (half an hour).
"""

import argparse
import functools
import itertools
import json
import random
import time
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.mutants.changes import Mutant, mutants
from tests.mutants.covering import Covering
from tests.mutants.lines import Lines, record
from tests.mutants.trial import (
    NOT_STARTED,
    ROOT,
    copied_tree,
    first_failure,
    load_libraries,
    planted,
)
from tests.test_architecture import modules

EQUIVALENT = Path(__file__).with_name("equivalent.toml")


@dataclass(frozen=True, slots=True)
class Trial:
    """A fault, and the test that saw it, if one did."""

    mutant: Mutant
    seen_by: str
    diff: str


def sample(seed: int) -> Iterator[Mutant]:
    """Faults of all files in random order; the kinds take turns."""
    every = [
        mutant
        for package in ("core", "explorer")
        for file in modules(package).values()
        for mutant in mutants(ROOT, file.relative_to(ROOT).as_posix())
        if not is_equivalent(mutant)
    ]
    random.Random(seed).shuffle(every)
    by_kind = defaultdict(list)
    for mutant in every:
        by_kind[mutant.kind].append(mutant)
    turns = itertools.zip_longest(*(by_kind[kind] for kind in sorted(by_kind)))
    return (mutant for turn in turns for mutant in turn if mutant)


def not_seen(file: Path) -> Iterator[Mutant]:
    """The faults that an earlier run did not see and that can still be planted."""
    for entry in json.loads(file.read_text("utf-8")):
        source = (ROOT / entry["file"]).read_bytes()
        for mutant in mutants(ROOT, entry["file"]) if not entry["seen_by"] else []:
            if mutant.diff(source) == entry["diff"] and not is_equivalent(mutant):
                yield mutant


def is_equivalent(mutant: Mutant) -> bool:
    """Whether somebody looked at this fault, and found that it changes nothing."""
    known = equivalents().get(mutant.file, {})
    return bool(known) and mutant.diff((ROOT / mutant.file).read_bytes()) in known


@functools.cache
def equivalents() -> dict[str, dict[str, str]]:
    """File -> diff -> why the fault changes nothing."""
    found: dict[str, dict[str, str]] = {}
    for entry in tomllib.loads(EQUIVALENT.read_text("utf-8"))["equivalent"]:
        found.setdefault(entry["file"], {})[entry["diff"].strip("\n")] = entry["why"]
    return found


def try_faults(
    faults: Iterable[Mutant], covering: Covering, minutes: float, limit_s: float
) -> Iterator[Trial]:
    """Plant faults, one at a time, until the time is over.

    Args:
        limit_s: for the tests that run the line of a fault, and again for those that names tell.
    """
    until_s = time.monotonic() + 60 * minutes
    load_libraries()
    with copied_tree() as copy:
        _require_sound(copy, ["tests/core/test_config.py"])
        for mutant in faults:
            if time.monotonic() > until_s:
                break
            diff = mutant.diff((copy / mutant.file).read_bytes())
            with planted(copy, mutant):
                ran = covering.ran(mutant.file, mutant.line)
                seen_by = first_failure(copy, ran, limit_s) if ran else ""
                if seen_by in ("", NOT_STARTED):  # a named test may be called otherwise now
                    near = covering.tests_of(mutant.file, mutant.line)
                    seen_by = first_failure(copy, near, limit_s)
            yield Trial(mutant, seen_by, diff)


def require_sound(found: list[Trial], covering: Covering) -> None:
    """What saw a fault is run without it.

    Raises:
        RuntimeError: it fails without a fault too.
    """
    load_libraries()
    with copied_tree() as copy:
        _require_sound(copy, _what_saw(found, covering))


def _what_saw(found: list[Trial], covering: Covering) -> list[str]:
    """The tests that saw a fault; of a fault that ended the whole process, all that were asked."""
    words = set[str]()
    for trial in found:
        if not trial.seen_by:
            continue
        is_test = trial.seen_by.startswith("tests/")
        words.update(
            [trial.seen_by] if is_test else covering.tests_of(trial.mutant.file, trial.mutant.line)
        )
    return sorted(words)


def _require_sound(copy: Path, tests: list[str]) -> None:
    """Raises RuntimeError if a test fails without a fault too: what it saw proves nothing."""
    failed = first_failure(copy, tests, limit_s=1_800)
    if failed:
        raise RuntimeError(f"without a fault, too: {failed}")


def report(found: list[Trial]) -> str:
    """How many were seen, by kind, and each that was not."""
    unseen = [trial for trial in found if not trial.seen_by]
    tried, seen = (
        Counter(trial.mutant.kind for trial in found if trial.seen_by or of_all)
        for of_all in (True, False)
    )
    lines = [f"\n{len(found) - len(unseen)} of {len(found)} faults were seen"]
    lines += [f"  {kind}: {seen[kind]} of {n}" for kind, n in sorted(tried.items())]
    for trial in unseen:
        lines.append(f"\nNOT SEEN {trial.mutant.file}:{trial.mutant.line} {trial.mutant.kind}\n{trial.diff}")  # fmt: skip
    return "\n".join(lines)


def to_json(trial: Trial) -> dict[str, Any]:
    """What `not_seen` and `earlier` read."""
    return {**asdict(trial.mutant), "seen_by": trial.seen_by, "diff": trial.diff}


def write(found: list[Trial], file: Path) -> None:
    """Whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f"{file.name}.part")
    part.write_text(json.dumps([to_json(trial) for trial in found], indent=1) + "\n", "utf-8")
    part.replace(file)


def earlier(file: Path, faults: Iterable[Mutant]) -> list[Trial]:
    """What the same command has tried so far.

    Raises:
        ValueError: the file is of another run, or the code has changed since.
    """
    entries = json.loads(file.read_text("utf-8")) if file.exists() else []
    found = [
        Trial(mutant, entry["seen_by"], mutant.diff((ROOT / mutant.file).read_bytes()))
        for mutant, entry in zip(faults, entries, strict=False)
    ]
    if [to_json(trial) for trial in found] != entries:
        raise ValueError(f"{file} has another run, or one of other code: name another file")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--n", type=int, default=40)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limit-s", type=float, default=60.0)
    parser.add_argument("--lines", type=Path)
    parser.add_argument("--again", type=Path)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    if chosen.lines and not chosen.lines.exists():
        record(chosen.lines)
    covering = Covering(Lines.read(chosen.lines) if chosen.lines else None)
    faults = not_seen(chosen.again) if chosen.again else sample(chosen.seed)
    asked = list(itertools.islice(faults, chosen.n))
    found = earlier(chosen.json, asked) if chosen.json else []
    for trial in try_faults(asked[len(found) :], covering, chosen.minutes, chosen.limit_s):
        found.append(trial)
        mutant = trial.mutant
        print(
            f"{mutant.file}:{mutant.line} {mutant.kind}: {trial.seen_by or 'NOT SEEN'}", flush=True
        )
        if chosen.json:
            write(found, chosen.json)
    require_sound(found, covering)
    print(report(found))


if __name__ == "__main__":
    main()
