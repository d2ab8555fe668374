"""Checkpoints that are damaged in any way: refused in a sentence, soon, and alone.

Every file of a folder of ours and of one of Marian's is damaged, one at a time, in a process that may
take 1.5 GB more than it has. The list of checkpoints, the loader, a command and, now and then, a page
have to tell it, or to work.
"""

import contextlib
import io
import json
import multiprocessing
import os
import random
import resource
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import core
from core.checkpoint.listing import list_checkpoints
from core.cli import main
from core.text.toy_grammar import sentence_pairs
from explorer.engine.checkpoints import CHECKPOINTS
from tests.attack.findings import Findings
from tests.checkpoints import SENTENCE, write_checkpoint, write_timeline
from tests.core.checkpoint.test_marian import settings, write_marian
from tests.core.text.test_marian import SOURCE_FILE, TABLE_FILE, TARGET_FILE, learnt, pieces_of
from tests.damage import damages
from tests.explorer.pages import opened
from tests.explorer.test_damage import SENTENCE_PAGES, whole_checkpoint

MOST_S = 3.0
MOST_BYTES = 1_500_000_000
AT_ONCE = 50
"""Damages a process sees."""
PAGE_EVERY = 20


def write_folders(root: Path) -> None:
    """One good checkpoint, and one of each kind to be damaged."""
    write_checkpoint(root / "good")
    whole_checkpoint(root / "ours")
    write_timeline(core.load(root / "ours").checkpoint, 3)
    english, german = zip(*sentence_pairs(500), strict=True)
    models = learnt(english), learnt(german)
    names = ["</s>", "<unk>", *sorted({*pieces_of(models[0]), *pieces_of(models[1])}), "<pad>"]
    table = json.dumps({name: id_ for id_, name in enumerate(names)}).encode()
    files = {SOURCE_FILE: models[0], TARGET_FILE: models[1], TABLE_FILE: table}
    write_marian(root / "marian", files, settings(len(names)))
    write_marian(root / "torch", files, settings(len(names)), torch_file=True)


def damaged(content: bytes, others: list[bytes], choose: random.Random) -> bytes:
    """The content with one damage."""
    kinds: list[Callable[[], bytes]] = [
        lambda: b"",
        lambda: content[: choose.randrange(len(content) + 1)],
        lambda: _flipped(content, choose, choose.choice((1, 8, 200))),
        lambda: _overwritten(content, choose, bytes(choose.choice((8, 64, 4_096)))),
        lambda: _overwritten(content, choose, b"\xff" * choose.choice((1, 8, 64))),
        lambda: _overwritten(content, choose, choose.randbytes(choose.choice((8, 500)))),
        lambda: content + choose.randbytes(choose.choice((1, 1_000))),
        lambda: choose.randbytes(len(content)),
        lambda: choose.choice(others),
        lambda: b"[" * 100_000 + content,
    ]
    if content[:1] in (b"{", b"["):
        with contextlib.suppress(ValueError):
            values = json.loads(content)
            every = list(damages(values))
            kinds += [lambda: json.dumps(choose.choice(every)[1]).encode()] * 6
    return choose.choice(kinds)()


def _flipped(content: bytes, choose: random.Random, n: int) -> bytes:
    changed = bytearray(content)
    for _ in range(n if changed else 0):
        place = choose.randrange(min(len(changed), choose.choice((40, 2_000, len(changed)))))
        changed[place] ^= 1 << choose.randrange(8)
    return bytes(changed)


def _overwritten(content: bytes, choose: random.Random, by: bytes) -> bytes:
    place = choose.randrange(len(content) + 1)
    return content[:place] + by + content[place + len(by) :]


def corruptions(n: int, seed: int) -> Findings:
    """Damage files `n` times."""
    found = Findings("corruptions")
    context = multiprocessing.get_context("spawn")
    for first in range(0, n, AT_ONCE):
        with context.Pool(1) as pool:
            numbers = range(first, min(first + AT_ONCE, n))
            try:
                part = pool.apply_async(_some, (seed, numbers)).get(timeout=60 * len(numbers))
            except multiprocessing.TimeoutError:
                part = Findings("", breaks=[f"no answer, or a dead process, in {numbers}"])
        found.n += len(numbers)
        found.breaks += part.breaks
        slowest = "slowest refusal, s"
        found.figures[slowest] = max(
            found.figures.get(slowest, 0.0), part.figures.get(slowest, 0.0)
        )
    return found


def _some(seed: int, numbers: range) -> Findings:
    found = Findings("")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "checkpoints"
        write_folders(root)
        _load(root / "good")  # what torch takes the first time is not the damage's
        _limit()
        kinds = [root / name for name in ("ours", "ours", "marian", "torch")]
        for number in numbers:
            choose = random.Random(f"{seed} {number}")
            whole = choose.choice(kinds)
            shutil.copytree(whole, root / "damaged")
            files = sorted(file for file in (root / "damaged").rglob("*") if file.is_file())
            file = choose.choice(files)
            others = [each.read_bytes() for each in files]
            file.write_bytes(damaged(file.read_bytes(), others, choose))
            what = f"{number}: {whole.name}/{file.name}"
            _expect_told(root, what, number, choose, found)
            shutil.rmtree(root / "damaged")
    return found


def _limit() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + MOST_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _expect_told(
    root: Path, what: str, number: int, choose: random.Random, found: Findings
) -> None:
    with found.catching(what):
        listed = {item.name: item.problem for item in list_checkpoints(root)}
        found.expect(listed.get("good", "lost") is None, what, "the good one is not listed")
    started_s = time.process_time()
    with found.catching(what):
        try:
            _load(root / "damaged")
        except (ValueError, OSError) as error:
            elapsed_s = time.process_time() - started_s
            name = "slowest refusal, s"
            found.figures[name] = max(found.figures.get(name, 0.0), round(elapsed_s, 2))
            found.expect(elapsed_s < MOST_S, what, f"refused after {elapsed_s:.1f} s")
            found.expect(bool(str(error)), what, "refused without a word")
    with found.catching(what):
        _command(root / "damaged", what, choose, found)
    if number % PAGE_EVERY == 0:
        with found.catching(what):
            _page(root, what, choose, found)


def _load(folder: Path) -> None:
    core.load(folder).translate([SENTENCE])


def _command(folder: Path, what: str, choose: random.Random, found: Findings) -> None:
    named = ["--checkpoint", str(folder)]
    command = choose.choice(
        [
            ["info", *named],
            ["translate", *named, SENTENCE],
            ["ablate", *named, "--ablation", "cross.L1H1=0", SENTENCE],
            ["trace", *named, "--output", str(folder / "t.npz"), SENTENCE],
            ["export", *named, "--output", str(folder.parent / ".exported")],
        ]
    )
    out, error = io.StringIO(), io.StringIO()
    code: object = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
        try:
            main(command)
        except SystemExit as end:
            code = end.code
    shutil.rmtree(folder.parent / ".exported", ignore_errors=True)
    found.expect(code in (0, None, 2), what, f"{command[0]} ended with {code}")
    found.expect("Traceback" not in error.getvalue(), what, f"{command[0]} shows a traceback")


def _page(root: Path, what: str, choose: random.Random, found: Findings) -> None:
    os.environ[CHECKPOINTS] = str(root)
    page = choose.choice(SENTENCE_PAGES)
    drawn = opened(page, {"text": SENTENCE, "model": "damaged"})
    found.expect(not drawn.exception, what, f"{page} shows a traceback")
