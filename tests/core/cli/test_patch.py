"""`patch` and `why-there`: what they print is what the analyses found, and mistakes are named."""

import json
from pathlib import Path

import numpy as np
import pytest

import core
from core.analysis.head_place import HeadPlace
from core.analysis.patching.patch import patching
from core.analysis.scores.parts import score_parts
from core.cli import main
from core.text.toy_grammar import sentence_pairs
from core.translator import Translator
from tests.checkpoints import SENTENCE, write_checkpoint

OTHER = SENTENCE.replace("dog", "cat")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("patch") / "tiny"
    write_checkpoint(folder)
    return folder


def test_the_heads_that_carry_most_come_first(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = core.load(folder)
    one, other = two_sentences(model)
    found = patching(model.checkpoint.model, model.trace(one), model.trace(other))
    main(["patch", one, "--other", other, "--checkpoint", str(folder), "--json"])
    said = json.loads(capsys.readouterr().out)
    assert said["step"] == found.step + 1
    np.testing.assert_allclose(said["heads"]["cross"], found.heads["cross"].shares, atol=1e-6)
    main(["patch", one, "--other", other, "--checkpoint", str(folder), "--most", "2"])
    lines = capsys.readouterr().out.splitlines()
    most = max(float(grid.shares.max()) for grid in found.heads.values())
    assert f"{most:.1%}" in lines[4]
    assert len([line for line in lines if "%" in line]) == 2


def two_sentences(model: Translator) -> tuple[str, str]:
    """Two of the toy grammar with as many pieces whose translations differ."""
    texts = [source for source, _ in sentence_pairs(40)]
    one = model.trace(texts[0])
    for text in texts[1:]:
        other = model.trace(text)
        same = len(one.source.pieces) == len(other.source.pieces)
        if same and one.target.text != other.target.text:
            return texts[0], text
    raise AssertionError("the toy grammar has no such pair")


def test_the_parts_of_a_score_are_printed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = core.load(folder)
    found = score_parts(model.checkpoint.model, model.trace(SENTENCE), HeadPlace("cross", 1, 2), 1)
    asked = [
        "why-there",
        SENTENCE,
        "--checkpoint",
        str(folder),
        "--head",
        "cross.L2H3",
        "--query",
        "2",
    ]
    main([*asked, "--json"])
    said = json.loads(capsys.readouterr().out)
    np.testing.assert_allclose(said["parts"], found.parts, atol=1e-9)
    main(asked)
    last = capsys.readouterr().out.splitlines()[-1].split()
    assert last == ["score", *(f"{score:+.2f}" for score in found.scores)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["patch", "a dog", "--other", "a dog"], "both sentences have the same translation"),
        (["patch", "a dog", "--other", "a b c d e f"], "each with </s>; change a word"),
        (["patch", "a dog", "--other", "a", "--most", "0"], "--most must be 1 or more, not 0"),
        (["why-there", "a dog", "--head", "L1"], "'L1' is no head; write one like cross.L1H6"),
        (["why-there", "a dog", "--head", "enc.L9H1"], "enc.L9H1 is none of this model's heads"),
        (["why-there", "a dog", "--head", "enc.L1H1", "--query", "0"], "--query must be from 1 to"),
    ],
)
def test_mistakes_are_named(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([*arguments, "--checkpoint", str(folder)])
    assert message in capsys.readouterr().err
