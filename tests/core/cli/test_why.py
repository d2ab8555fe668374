"""`why`: what it prints is the contrast of the two pieces, and mistakes are named."""

import json
from pathlib import Path

import numpy as np
import pytest

import core
from core.analysis.contrast.attribution import contrast
from core.cli import main
from tests.checkpoints import SENTENCE, write_checkpoint


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("why") / "tiny"
    write_checkpoint(folder)
    return folder


def asked(folder: Path, *more: str) -> list[str]:
    return ["why", SENTENCE, "--checkpoint", str(folder), *more]


def test_the_amounts_are_the_contrasts(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = core.load(folder)
    trace = model.trace(SENTENCE)
    wanted = trace.target.pieces[1].id
    other = next(c.token for c in trace.steps[1].candidates if c.token != wanted)
    expected = contrast(model.checkpoint.model, trace, step=1, wanted=wanted, other=other)
    main(asked(folder, "--step", "2", "--json"))
    said = json.loads(capsys.readouterr().out)
    names = model.checkpoint.vocabulary.target.names
    assert (said["wanted"], said["other"]) == (names[wanted], names[other])
    amounts = np.concatenate((expected.source, expected.prefix))
    np.testing.assert_allclose([row[2] for row in said["amounts"]], amounts, rtol=1e-6)
    main(asked(folder, "--step", "2"))
    table = capsys.readouterr().out
    assert f"{expected.difference:+.3f}" in table
    assert all(f"{amount:+.3f}" in table for amount in amounts)


def test_words_may_be_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(asked(folder, "--wanted", "Haus", "--other", "Mann", "--method", "occlusion", "--json"))
    said = json.loads(capsys.readouterr().out)
    names = core.load(folder).checkpoint.vocabulary.target
    assert said["wanted"] == names.names[names.encode("Haus")[0]]
    assert said["other"] == names.names[names.encode("Mann")[0]]
    assert said["agreement_with_occlusion"] == pytest.approx(1)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--step", "0"], "--step must be from 1 to "),
        (["--step", "999"], "here, not 999"),
        (["--wanted", " "], "' ' has no piece; give a word"),
        (["--wanted", "Haus", "--other", "Haus"], "both words begin with the same piece"),
    ],
)
def test_mistakes_are_named(
    folder: Path, more: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(asked(folder, *more))
    assert message in capsys.readouterr().err
