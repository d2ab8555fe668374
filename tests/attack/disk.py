"""Disks that are full or read-only, names that are too long or in any script: told, and nothing is lost.

Every command that writes is asked to write there. It needs the right to mount a small file system
(root, on Linux); without it the attack ends with a line that says so.
"""

import contextlib
import io
import random
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import core
from core.cli import main
from tests.attack.findings import Findings
from tests.checkpoints import SENTENCE, write_checkpoint, write_timeline

BEFORE = b"what stood here before"
SIZE_KB = 2_048
LONGEST_NAME = 255
ANY_SCRIPT = "Straße, 文件夹 & العربية 'x' $HOME"

Words = list[str]


def commands(folder: Path) -> dict[str, tuple[Words, str]]:
    """A command of each kind, and the name of what it writes."""
    model = ["--checkpoint", str(folder / "tiny")]
    english, german = str(folder / "a.en"), str(folder / "a.de")
    texts = ["--source", english, "--reference", german]
    pairs = ["--source", english, "--target", german]
    greedy = ["--method", "greedy", "--max-extra-pieces", "2"]
    return {
        "evaluate": (["evaluate", *model, *texts, *greedy], "x.txt"),
        "trace": (["trace", *model, SENTENCE, *greedy], "x.npz"),
        "ablate": (["ablate", *model, SENTENCE, "--ablation", "cross.L1H1=0", *greedy], "x.json"),
        "prune": (
            ["prune", *model, *texts, "--importance-source", english, "--importance-reference", german,
             "--n-steps", "1", "--n-random", "0", *greedy], "x.json",
        ),
        "text": (["text", *model, "--source", english, *greedy], "x.csv"),
        "roles": (["roles", *model, *pairs, "--keep", "text"], "x.json"),
        "contributions": (["contributions", *model, *pairs], "x.json"),
        "lens": (["lens", *model, *texts], "x.json"),
        "average": (["average", *model], "model"),
        "export": (["export", *model, "--huggingface"], "model"),
        "corpus": (["corpus", "--n-pairs", "20000", "--n-test", "10"], "texts"),
        "train": (
            ["train", *pairs, "--run-folder", "{}/run", "--n-steps", "4", "--n-encoder-layers", "1",
             "--n-decoder-layers", "1", "--validate-every", "2"], "model",
        ),
    }  # fmt: skip


def disks(n: int, seed: int) -> Findings:
    """Each command on each disk in turn, `n` times together."""
    choose, found = random.Random(seed), Findings("disks")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        prepare(folder)
        every = commands(folder)
        tries = [(name, kind) for kind in KINDS for name in every]
        choose.shuffle(tries)
        while found.n < n:
            name, kind = tries[found.n % len(tries)]
            words, what = every[name]
            found.n += 1
            with found.catching(f"{name} on {kind}"), _mounted(folder / "disk") as disk:
                KINDS[kind](f"{name} on {kind}", words, disk, what, choose, found)
    return found


def prepare(folder: Path) -> None:
    from core.text.toy_grammar import sentence_pairs

    shape = {"n_heads": 4, "d_model": 24, "d_k": 6, "d_v": 6}  # one that can be exported
    write_checkpoint(folder / "tiny", metrics={"languages": ["English", "German"]}, **shape)
    write_timeline(core.load(folder / "tiny").checkpoint, 3)
    for side, language in enumerate(("en", "de")):
        lines = "".join(pair[side] + "\n" for pair in sentence_pairs(60))
        (folder / f"a.{language}").write_text(lines, "utf-8")


@contextmanager
def _mounted(place: Path) -> Iterator[Path]:
    """A file system of its own, of two megabytes."""
    place.mkdir(exist_ok=True)
    _run("mount", "-t", "tmpfs", "-o", f"size={SIZE_KB}k", "tmpfs", str(place))
    try:
        yield place
    finally:
        _run("umount", "--lazy", str(place))


def _run(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PermissionError(f"{' '.join(words)}: {done.stderr.strip()}; the attack needs root")


def _said(words: Words, disk: Path, output: Path) -> tuple[object, str]:
    """The exit status, and what was said on standard error."""
    given = [word.replace("{}", str(disk)) for word in words]
    if "--huggingface" in given:
        given += [str(output)]
    else:
        given += ["--output", str(output)]
    out, error = io.StringIO(), io.StringIO()
    code: object = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
        try:
            main(given)
        except SystemExit as end:
            code = end.code
    return code, error.getvalue()


def _expect_told(what: str, code: object, said: str, found: Findings) -> None:
    found.expect(code == 2, what, f"ended with {code}")
    found.expect("Traceback" not in said, what, "a traceback")
    last = said.strip().splitlines()[-1:] or [""]
    found.expect("error:" in last[0], what, f"says {last[0]!r}")
    found.expect(".partial" not in last[0], what, f"names a file of its own making: {last[0]!r}")


def _full(
    what: str, words: Words, disk: Path, name: str, choose: random.Random, found: Findings
) -> None:
    """Little or nothing is free; what stood there stays."""
    output = disk / name
    old = output
    if words[0] in ("average", "train", "export", "corpus"):
        output.mkdir()
        old = output / "README" if words[0] == "corpus" else output
    if old == output and not output.is_dir():
        old.write_bytes(BEFORE)
    free_kb = choose.choice((0, 0, 4, 16))
    with contextlib.suppress(OSError), (disk / "filler").open("wb") as filler:
        while True:
            filler.write(bytes(4_096))
            filler.flush()
    with (disk / "filler").open("r+b") as filler:
        size = (disk / "filler").stat().st_size
        filler.truncate(max(0, size - 1_024 * free_kb))
    code, said = _said(words, disk, output)
    if code in (0, None) and free_kb:
        return  # it had room
    _expect_told(what, code, said, found)
    if old.is_file():
        found.expect(old.read_bytes() == BEFORE, what, "what stood there is lost")
    left = [file.name for file in disk.rglob(".*partial*")]
    found.expect(not left, what, f"left lying: {left[:3]}")


def _read_only(
    what: str, words: Words, disk: Path, name: str, choose: random.Random, found: Findings
) -> None:
    (disk / "old").write_bytes(BEFORE)
    _run("mount", "-o", "remount,ro", str(disk))
    code, said = _said(words, disk, disk / name)
    _expect_told(what, code, said, found)


def _long_name(
    what: str, words: Words, disk: Path, name: str, choose: random.Random, found: Findings
) -> None:
    """Too long for the file system, or only for the names of half-written files."""
    length = choose.choice((240, 300))
    _run("mount", "-o", "remount,size=200m", str(disk))
    long = name.replace("x", "x" * length) if "." in name else name[0] * length
    code, said = _said(words, disk, disk / long)
    if length > LONGEST_NAME or code not in (0, None):
        _expect_told(f"{what} ({length})", code, said, found)


def _any_script(
    what: str, words: Words, disk: Path, name: str, choose: random.Random, found: Findings
) -> None:
    """A path of any characters is a path; on a disk with room."""
    _run("mount", "-o", "remount,size=200m", str(disk))
    code, said = _said(words, disk, disk / ANY_SCRIPT / name)
    found.expect(code in (0, None), what, f"ended with {code}: {said[-200:]}")
    found.expect((disk / ANY_SCRIPT / name).exists(), what, "nothing was written")


Attack = Callable[[str, Words, Path, str, random.Random, Findings], None]
KINDS: dict[str, Attack] = {
    "a full disk": _full,
    "a read-only disk": _read_only,
    "a name that is too long": _long_name,
    "a path in any script": _any_script,
}
