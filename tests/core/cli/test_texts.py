"""Every command that takes parallel text uses the same pairs, and says how many it does not."""

import json
from pathlib import Path

import pytest

from core.checkpoint.folder import load_checkpoint
from core.cli import main
from tests.checkpoints import SENTENCE, write_checkpoint

PAIRS = [
    (SENTENCE, "Der alte Mann sieht ein rotes Haus."),
    ("", "leer"),
    ("A dog.", " "),
    ("The cat.", "Die Katze."),
    ("dog " * 700, "Hund"),
    ("A dog.", "Hund " * 700),
]
GOOD = [PAIRS[0], PAIRS[3]]
SHORT = ["--max-extra-pieces", "2", "--method", "greedy"]


def write_texts(folder: Path, pairs: list[tuple[str, str]]) -> list[str]:
    folder.mkdir()
    for side, name in enumerate(("a.en", "a.de")):
        (folder / name).write_text("".join(f"{pair[side]}\n" for pair in pairs), "utf-8")
    (folder / "gold").write_text("1-1\n" * len(pairs))
    return [str(folder / name) for name in ("a.en", "a.de", "gold")]


def run(name: str, folder: Path, pairs: list[tuple[str, str]], tmp_path: Path) -> Path:
    """Run a command on these pairs; the folder of the checkpoint that it wrote into."""
    checkpoint = tmp_path / folder.name / "tiny"
    write_checkpoint(checkpoint)
    english, german, gold = write_texts(tmp_path / folder.name / "texts", pairs)
    texts = ["--source", english, "--reference", german]
    arguments = {
        "evaluate": [*texts, "--record", "x", *SHORT],
        "ablate": [*texts, "--ablation", "cross.L1H1=0", "--json", "--no-cache", *SHORT],
        "means": texts,
        "prune": [
            *texts, "--importance-source", english, "--importance-reference", german,
            "--n-steps", "1", "--n-random", "0", "--json", *SHORT,
        ],
        "align": ["--source", english, "--target", german, "--gold", gold, "--name", "x",
                  "--max-words", "999", "--form", "json"],
    }[name]  # fmt: skip
    main([name, "--checkpoint", str(checkpoint), *arguments])
    return checkpoint


def values(name: str, out: str, checkpoint: Path) -> object:
    """What was measured, without what no two runs share."""
    if name == "means":
        return (checkpoint / "means.npz").read_bytes()
    found = json.loads(out if name == "prune" else out.splitlines()[-1])
    for changing in ("seconds", "elapsed_s", "decoding_tokens_per_s", "pairs_left_out"):
        found.pop(changing, None)
    return found


@pytest.mark.parametrize("name", ["evaluate", "ablate", "means", "prune", "align"])
def test_pairs_that_are_not_usable_change_nothing_and_are_counted(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = run(name, tmp_path / "good", GOOD, tmp_path)
    said = capsys.readouterr()
    assert "left out" not in said.err
    wanted = values(name, said.out, checkpoint)
    checkpoint = run(name, tmp_path / "all", PAIRS, tmp_path)
    said = capsys.readouterr()
    assert values(name, said.out, checkpoint) == wanted
    note = "4 pairs were left out (a side is empty, or has more than 512 pieces)\n"
    assert said.err.count(f"a.en: {note}") == (2 if name == "prune" else 1)
    if name in ("evaluate", "ablate"):
        assert json.loads(said.out.splitlines()[-1])["pairs_left_out"] == 4
    if name == "evaluate":
        card = (checkpoint / "card.md").read_text("utf-8")
        assert "\nPairs left out, as a side is empty or too long: 4 of x.\n" in card


@pytest.mark.parametrize("name", ["evaluate", "ablate", "means", "prune", "align"])
def test_a_text_without_a_usable_pair_is_refused(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        run(name, tmp_path / "none", PAIRS[1:3], tmp_path)
    assert "error: no pair can be measured: 2 pairs were left out (" in capsys.readouterr().err


def test_translations_stay_beside_their_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_checkpoint(tmp_path / "tiny")
    english, german, _ = write_texts(tmp_path / "texts", PAIRS)
    output = tmp_path / "out.de"
    main(["evaluate", "--checkpoint", str(tmp_path / "tiny"), "--source", english,
          "--reference", german, "--output", str(output), *SHORT])  # fmt: skip
    lines = output.read_text("utf-8").split("\n")[:-1]
    assert [bool(line) for line in lines] == [pair in GOOD for pair in PAIRS]


def test_words_too_many_are_counted_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_checkpoint(tmp_path / "tiny")
    english, german, gold = write_texts(tmp_path / "texts", PAIRS)
    main(["align", "--checkpoint", str(tmp_path / "tiny"), "--source", english, "--target", german,
          "--gold", gold, "--name", "x", "--form", "json"])  # fmt: skip
    said = capsys.readouterr()
    assert "a.en: 2 pairs were left out (a side has more than 60 words)\n" in said.err
    assert "a.en: 2 pairs were left out (a side is empty, or has" in said.err
    assert json.loads(said.out)["n_sentences"] == 2


def test_a_training_says_it_on_the_terminal_and_in_its_card(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    english, german, _ = write_texts(tmp_path / "texts", PAIRS * 3)
    held_out = write_texts(tmp_path / "held out", PAIRS)
    main([
        "train", "--source", english, "--target", german, "--validation-source", held_out[0],
        "--validation-target", held_out[1], "--output", str(tmp_path / "model"), "--run-folder",
        str(tmp_path / "run"), "--n-steps", "1", "--n-warmup-steps", "1", "--d-model", "8",
        "--n-heads", "1", "--d-ff", "8", "--device", "cpu", "--precision", "float32",
        "--n-validation-translations", "0",
    ])  # fmt: skip
    line = (
        "Trained on 6 sentence pairs; 12 pairs were left out (a side is empty, or has more than 255 "
        "pieces)"
    )
    out = capsys.readouterr().out
    assert f"{line}\nvalidated on 2 sentence pairs of a; 4 pairs were left out (" in out
    assert f"\n{line}.\n" in load_checkpoint(tmp_path / "model").card
