"""Commands killed at any moment and begun again: their results are those of one that was left alone.

Each command runs once to its end, then again and again in folders of its own, killed with its
children after a random part of the time, until it ends by itself. Numbers that tell the time are left
out of the comparison.
"""

import contextlib
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.attack.findings import Findings
from tests.core.experiments.table3.test_train_all import arguments as table3
from tests.core.experiments.table3.test_train_all import write_texts
from tests.core.helpers import ENVIRONMENT, ROOT

TIMES = ("elapsed", "seconds", "tokens_per_s", "_s", "hardware", "command", "speed")
"""Parts of names of values that tell the time, or where it ran."""
TOKENISED = re.compile("cache/[0-9a-f]{16}")

KILLS_A_RUN = 4
ALONE_S = 30.0
"""A group whose member died ends within so long."""


@dataclass(frozen=True, slots=True)
class Case:
    """A command and what it leaves; `{}` in its words is a folder of its own."""

    words: tuple[str, ...]
    results: tuple[str, ...]
    """Files and folders that are compared."""
    n_processes: int = 1


TRAIN = (
    "train", "--source", "{}/multi30k-train.en", "--target", "{}/multi30k-train.de", "--output", "{}/model",
    "--run-folder", "{}/run", "--n-encoder-layers", "1", "--n-decoder-layers", "1", "--d-model", "16",
    "--d-ff", "32", "--n-heads", "2", "--vocabulary-size", "400", "--tokens-per-update", "300", "--tokens-per-microbatch", "300", "--n-steps",
    "150", "--n-warmup-steps", "40", "--validate-every", "30", "--snapshot-every", "30", "--save-every-s",
    "0.1", "--n-validation-translations", "4", "--precision", "float32",
)  # fmt: skip
TEXT = ("--source", "{}/multi30k-test2016.en", "--reference", "{}/multi30k-test2016.de")
MODEL = ("--checkpoint", "{}/given")
CASES: dict[str, Case] = {
    "train": Case(TRAIN, ("model",)),
    "train, two workers": Case(TRAIN, ("model",), n_processes=2),
    "table3": Case(
        ("table3", *table3(Path("{}")), "--rows", "base,A-h1", "--n-steps", "60"), ("out",)
    ),
    "score": Case(
        (
            "score",
            "train",
            "--task",
            "addition",
            "--output",
            "{}/score",
            "--method",
            "base,score",
            "--seeds",
            "1",
            "--n-warm-up-steps",
            "40",
            "--n-steps",
            "8",
            "--tokens-per-update",
            "300",
        ),
        ("score",),
    ),
    "gates": Case(
        (
            "gates",
            *MODEL,
            "--source",
            "{}/multi30k-train.en",
            "--target",
            "{}/multi30k-train.de",
            "--validation-source",
            "{}/multi30k-val.en",
            "--validation-target",
            "{}/multi30k-val.de",
            "--test-source",
            "{}/multi30k-test2016.en",
            "--test-reference",
            "{}/multi30k-test2016.de",
            "--penalties",
            "0",
            "0.1",
            "--n-steps",
            "20",
            "--run-folder",
            "{}/gates",
            "--output",
            "{}/gates.json",
            "--method",
            "greedy",
        ),
        ("gates.json",),
    ),
    "sweep": Case(
        (
            "ablate",
            *MODEL,
            *TEXT,
            "--sweep",
            "heads",
            "--method",
            "greedy",
            "--output",
            "{}/sweep.json",
        ),
        ("sweep.json",),
    ),
    "prune": Case(
        (
            "prune",
            *MODEL,
            *TEXT,
            "--importance-source",
            "{}/multi30k-val.en",
            "--importance-reference",
            "{}/multi30k-val.de",
            "--n-steps",
            "3",
            "--method",
            "greedy",
            "--output",
            "{}/pruning.json",
        ),
        ("pruning.json",),
    ),
    "evaluate": Case(("evaluate", *MODEL, *TEXT, "--record", "test"), ("given",)),
}


def kills(n: int, seed: int) -> Findings:
    """Kill all commands in turn, `n` times together."""
    choose, found = random.Random(seed), Findings("kills")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        prepare(root / "texts")
        alone: dict[str, tuple[Mapping[str, str], float]] = {}
        while found.n < n:
            for name, case in CASES.items():
                if found.n >= n:
                    break
                with found.catching(name):
                    if name not in alone:
                        alone[name] = _left_alone(root, name, case)
                    _killed(root, name, case, *alone[name], choose, found)
    return found


def prepare(folder: Path) -> None:
    """The texts, and a model to measure."""
    folder.mkdir()
    write_texts(folder)
    finished = started(folder, Case(TRAIN, ())).communicate()
    assert (folder / "model" / "model.safetensors").exists(), finished
    (folder / "model").rename(folder / "given")
    shutil.rmtree(folder / "run")


def started(folder: Path, case: Case) -> "subprocess.Popen[str]":
    launcher = [sys.executable, "-m", "core"]
    if case.n_processes > 1:
        launcher = [
            sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(case.n_processes),
            "--master-port", "0", "--rdzv-backend", "c10d", "--rdzv-endpoint", "localhost:0", "-m", "core",
        ]  # fmt: skip
    return subprocess.Popen(
        [*launcher, *(word.replace("{}", str(folder)) for word in case.words)],
        cwd=ROOT,
        env={**ENVIRONMENT, "XDG_CACHE_HOME": str(folder / "cache"), "OMP_NUM_THREADS": "1"},
        text=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def _folder(root: Path, name: str) -> Path:
    folder = root / f"{name.replace(' ', '-')}-{time.monotonic_ns()}"
    shutil.copytree(root / "texts", folder)
    return folder


def _left_alone(root: Path, name: str, case: Case) -> tuple[Mapping[str, str], float]:
    folder = _folder(root, name)
    started_s = time.monotonic()
    process = started(folder, case)
    _, error = process.communicate()
    if process.returncode:
        raise RuntimeError(f"{name} fails when left alone: {error[-1000:]}")
    results = _results(folder, case)
    shutil.rmtree(folder)
    return results, time.monotonic() - started_s


def _killed(
    root: Path,
    name: str,
    case: Case,
    expected: Mapping[str, str],
    alone_s: float,
    choose: random.Random,
    found: Findings,
) -> None:
    folder = _folder(root, name)
    moments: list[str] = []
    for _ in range(KILLS_A_RUN):
        process = started(folder, case)
        after_s = choose.uniform(0.2, 1.0) * alone_s
        try:
            process.wait(after_s)
            break
        except subprocess.TimeoutExpired:
            found.n += 1
            moments.append(f"{after_s:.2f}")
            _kill(process, case, choose, found)
    process = started(folder, case)
    _, error = process.communicate()
    what = f"{name}, killed after {', '.join(moments)} of {alone_s:.1f} s"
    found.expect(process.returncode == 0, what, f"does not go on: {error[-300:]}")
    results = _results(folder, case)
    differ = sorted(
        file for file in {*results, *expected} if results.get(file) != expected.get(file)
    )
    found.expect(not differ, what, f"other results in {differ[:5]}")
    left = [file.name for file in folder.rglob("*") if ".partial" in file.name]
    found.expect(not left, what, f"left lying: {left[:3]}")
    shutil.rmtree(folder)


def _kill(process: Any, case: Case, choose: random.Random, found: Findings) -> None:
    """Everything that was started; of a group one member, or the launcher, and the others have to
    end by themselves."""
    members = children(process.pid) if case.n_processes > 1 else []
    if len(members) == case.n_processes and choose.random() < 0.7:
        os.kill(choose.choice(members), signal.SIGKILL)
        _end(process, members, "a dead member", found)
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # members of a group have sessions of their own
    _end(process, members, "a dead launcher", found)


def _end(process: Any, members: Sequence[int], dead: str, found: Findings) -> None:
    """Wait until nobody holds the pipe of standard error any more."""
    started_s = time.monotonic()
    try:
        process.communicate(timeout=ALONE_S)
    except subprocess.TimeoutExpired:
        found.breaks.append(f"a group with {dead} does not end in {ALONE_S:.0f} s")
        for pid in (process.pid, *members):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.communicate()
    if members:
        name = f"group with {dead} ends after, s"
        elapsed_s = round(time.monotonic() - started_s, 1)
        found.figures[name] = max(found.figures.get(name, 0.0), elapsed_s)


def children(pid: int) -> list[int]:
    file = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in file.read_text().split()] if file.exists() else []


def _results(folder: Path, case: Case) -> dict[str, str]:
    """A hash of each file without the values that tell the time.

    A folder of tokenised texts is named after their paths, which differ from run to run.
    """
    found: dict[str, str] = {}
    for result in case.results:
        place = folder / result
        for file in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if file.is_file() and file.name not in ("card.md", "log.txt", ".lock", "speeds.json"):
                name = TOKENISED.sub("cache/*", str(file.relative_to(folder)))
                of_file = hashlib.sha256(_timeless(file, folder)).hexdigest()[:16]
                found[name] = " ".join(sorted([*found.get(name, "").split(), of_file]))
    return found


def _timeless(file: Path, folder: Path) -> bytes:
    content = file.read_bytes()
    if file.suffix not in (".json", ".jsonl"):
        return content
    text = content.decode().replace(str(folder), "")
    lines = text.splitlines() if file.suffix == ".jsonl" else [text]
    return "\n".join(json.dumps(_without_times(json.loads(line))) for line in lines).encode()


def _without_times(values: Any) -> Any:
    if isinstance(values, dict):
        return {
            name: _without_times(value)
            for name, value in values.items()
            if not any(part in name for part in TIMES)
        }
    if isinstance(values, list):
        return [_without_times(value) for value in values]
    return values
