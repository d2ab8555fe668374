"""Where a result goes is looked at before the work, and the result is printed before it is written."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.cli import main
from core.system import files
from tests.checkpoints import SENTENCE, write_checkpoint


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint in `tiny`, with texts and gold links beside it."""
    folder = tmp_path_factory.mktemp("outputs")
    write_checkpoint(folder / "tiny")
    (folder / "a.en").write_text("The man sees a house.\n")
    (folder / "a.de").write_text("Der Mann sieht ein Haus.\n")
    (folder / "gold").write_text("1-1\n")
    return folder


def command(name: str, folder: Path, output: Path | None = None) -> list[str]:
    """A command as one types it, on the checkpoint and the texts in a folder."""
    checkpoint = ["--checkpoint", str(folder / "tiny")]
    english, german = str(folder / "a.en"), str(folder / "a.de")
    texts = ["--source", english, "--reference", german]
    arguments = {
        "evaluate": [*checkpoint, *texts, "--max-extra-pieces", "2"],
        "trace": [*checkpoint, SENTENCE, "--max-extra-pieces", "2"],
        "ablate": [*checkpoint, SENTENCE, "--ablation", "cross.L1H1=0", "--max-extra-pieces", "2"],
        "prune": [
            *checkpoint, *texts, "--importance-source", english, "--importance-reference", german,
            "--n-steps", "1", "--n-random", "0", "--max-extra-pieces", "2",
        ],
        "means": [*checkpoint, *texts],
        "align": [
            *checkpoint, "--source", english, "--target", german, "--gold", str(folder / "gold"),
            "--name", "one", "--form", "json",
        ],
        "average": [*checkpoint],
        "corpus": ["--n-pairs", "3", "--n-test", "1"],
        "train": [
            "--source", english, "--target", german, "--run-folder", str(folder / "run"),
        ],
    }[name]  # fmt: skip
    return [name, *arguments, *(["--output", str(output)] if output else [])]


FILES = {"evaluate": "x.txt", "trace": "x.npz", "ablate": "x.json", "prune": "x.json"}
FOLDERS = ("average", "corpus", "train")


@pytest.mark.parametrize("name", [*FILES, *FOLDERS])
def test_an_output_that_cannot_be_is_refused_before_the_work(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing that the command needs is there: what it says first is what it looked at first."""
    (tmp_path / "file").write_text("")
    output = tmp_path / "file" / FILES.get(name, "model")
    with pytest.raises(SystemExit, match="2"):
        main(command(name, tmp_path / "nowhere", output))
    said = capsys.readouterr()
    assert said.out == ""
    [line] = said.err.splitlines()
    assert f"error: {output}" in line
    assert "cannot be written: " in line
    assert "partial" not in line


def test_table_3_looks_at_its_output_before_it_learns_a_vocabulary(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    for name in ("multi30k-train", "multi30k-val", "multi30k-test2016"):
        for language in ("en", "de"):
            (tmp_path / f"{name}.{language}").write_text("")  # a vocabulary would need words
    output = tmp_path / "file" / "table3"
    with pytest.raises(SystemExit, match="2"):
        main(["table3", "--data", str(tmp_path), "--run-folder", str(tmp_path / "run"),
              "--output", str(output)])  # fmt: skip
    assert f"error: {output}/table.json cannot be written: " in capsys.readouterr().err


@pytest.mark.parametrize("name", FILES)
def test_a_folder_is_no_output_file(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / FILES[name]
    output.mkdir()
    with pytest.raises(SystemExit, match="2"):
        main(command(name, tmp_path / "nowhere", output))
    assert f"{output} is a folder, so no file can be written there" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["average", "corpus", "train"])
def test_a_file_is_no_output_folder(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "model"
    output.write_text("")
    with pytest.raises(SystemExit, match="2"):
        main(command(name, tmp_path / "nowhere", output))
    assert f"{output} is a file, so no folder can be written there" in capsys.readouterr().err


def test_the_ending_of_a_trace_is_looked_at_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(command("trace", tmp_path / "nowhere", tmp_path / "x.txt"))
    assert "a trace is written as .npz or .json, not as '.txt'" in capsys.readouterr().err


@pytest.mark.parametrize("name", FILES)
def test_a_missing_folder_is_made(name: str, tiny: Path, tmp_path: Path) -> None:
    output = tmp_path / "missing" / "folder" / FILES[name]
    main(command(name, tiny, output))
    assert output.stat().st_size > 0


@contextmanager
def full_disk(file: Path) -> Iterator[Path]:
    raise OSError(28, "No space left on device", str(file))
    yield file


@pytest.mark.parametrize("name", [*FILES, "align"])
def test_what_was_found_is_printed_even_if_it_cannot_be_written(
    name: str,
    tiny: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(files, "writing_file", full_disk)
    monkeypatch.setattr("core.analysis.trace.trace.writing_file", full_disk)
    with pytest.raises(SystemExit, match="2"):
        main(command(name, tiny, tmp_path / FILES[name] if name in FILES else None))
    said = capsys.readouterr()
    assert said.out.strip()
    if name in ("evaluate", "align"):
        assert json.loads(said.out.splitlines()[-1])
    assert "No space left on device" in said.err


@pytest.mark.parametrize("name", ["evaluate", "align", "means", "prune"])
def test_a_checkpoint_that_takes_no_file_is_refused_before_the_work(
    name: str,
    tiny: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The folder of a checkpoint may be another user's."""

    def refused(file: Path) -> None:
        raise files.OutputError(f"{file} cannot be written: Permission denied; name another")

    monkeypatch.setattr(files, "prepare_file", refused)
    monkeypatch.setattr("core.evaluation.measure.prepare_file", refused)
    with pytest.raises(SystemExit, match="2"):
        main([*command(name, tiny), *(["--record", "x"] if name == "evaluate" else [])])
    said = capsys.readouterr()
    assert said.out == ""
    assert f"error: {tiny / 'tiny'}" in said.err


def test_a_missing_card_text_is_named_before_the_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([*command("train", tmp_path / "nowhere", tmp_path / "model"), "--about", "none.md"])
    assert "error: none.md: No such file" in capsys.readouterr().err


def test_what_is_measured_of_a_bundled_checkpoint_by_name_goes_into_its_folder(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not into a new folder of that name where one happens to be."""
    write_checkpoint(tmp_path / "bundled" / "own")
    monkeypatch.setattr("core.checkpoint.bundled.bundled_root", lambda: tmp_path / "bundled")
    monkeypatch.chdir(tmp_path)
    for name in ("evaluate", "align", "means", "prune"):
        arguments = command(name, tiny)
        arguments[arguments.index("--checkpoint") + 1] = "own"
        main([*arguments, *(["--record", "x"] if name == "evaluate" else [])])
    assert not (tmp_path / "own").exists()
    written = {file.name for file in (tmp_path / "bundled" / "own").iterdir()}
    assert {"means.npz", "pruning.json"} <= written
    metrics = json.loads((tmp_path / "bundled" / "own" / "metrics.json").read_text("utf-8"))
    assert {"results", "alignment"} <= metrics.keys()
