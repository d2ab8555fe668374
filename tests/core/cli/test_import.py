"""`import`: another toolkit's model becomes a checkpoint that computes the same."""

import json

import numpy as np
import pytest
import torch

import core
from core.cli import main
from tests.core.checkpoint.test_marian import settings, write_marian
from tests.core.text.test_marian import files, missing, models, names

__all__ = ["files", "missing", "models", "names"]


@pytest.fixture
def folder(files, names, tmp_path):
    write_marian(tmp_path / "opus", files, settings(len(names)))
    return tmp_path / "opus"


def test_a_marian_model_becomes_a_checkpoint(folder, tmp_path):
    (folder / "README.md").write_text("License: apache-2.0")
    main(["import", "--marian", str(folder), "--output", str(tmp_path / "ours"),
          "--languages", "English", "German"])  # fmt: skip
    there, here = (core.load(each).checkpoint for each in (folder, tmp_path / "ours"))
    for name, tensor in there.model.state_dict().items():
        assert tensor.equal(here.model.state_dict()[name])
    assert here.config == there.config
    assert here.vocabulary.files == there.vocabulary.files
    assert here.metrics["languages"] == ["English", "German"]
    assert "License: apache-2.0" in here.card
    source, target = torch.tensor([[4, 5, 0]]), torch.tensor([[2, 3]])
    with torch.no_grad():
        assert here.model(source, target).equal(there.model(source, target))


def test_what_is_no_marian_model_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["import", "--marian", str(tmp_path), "--output", str(tmp_path / "ours")])
    assert "is no Marian model" in capsys.readouterr().err
    assert not (tmp_path / "ours").exists()


def test_a_text_without_gold_or_translation_finds_a_head(folder, tmp_path, capsys, monkeypatch):
    """Into the model's own folder, whose card keeps what its README said.

    Random weights repeat one piece, so words stand in for their translations.
    """
    asked = []

    def translations(checkpoint, sources, *, executor):
        asked.extend(sources)
        return ["der Mann" if source else "" for source in sources]

    monkeypatch.setattr("core.evaluation.translations.translate_text", translations)
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\nMade elsewhere.")
    lines = ["the old man", "", " ".join(["man"] * 30), "a red house"]
    (tmp_path / "text").write_text("\n".join(lines))
    main(["align", "--checkpoint", str(folder), "--source", str(tmp_path / "text"),
          "--name", "four lines", "--max-words", "20", "--form", "json"])  # fmt: skip
    printed = capsys.readouterr()
    assert asked == ["the old man", "", "a red house"]
    said = json.loads(printed.out)
    assert said["n_sentences"] == 2
    assert "1 pairs were left out" in printed.err
    shares = np.array(said["agreements"][said["rows"]])
    assert shares.shape == (3, 4)
    assert said["agreement"] == shares.max() == shares[said["layer"] - 1, said["head"] - 1]
    translator = core.load(folder)
    assert translator.checkpoint.metrics["alignment"] == said
    assert said["data"] == "four lines"
    assert "license: apache-2.0" in translator.checkpoint.card
    assert "of four lines" in translator.checkpoint.card


def test_a_line_that_cannot_be_read_is_named_by_its_own_number(folder, tmp_path, capsys):
    long = "a" * 400
    (tmp_path / "text").write_text(f"{' '.join(['man'] * 30)}\nthe man\n{long}")
    with pytest.raises(SystemExit):
        main(["align", "--checkpoint", str(folder), "--source", str(tmp_path / "text"),
              "--name", "x", "--max-words", "20"])  # fmt: skip
    assert "text, line 3: the source has" in capsys.readouterr().err


def test_a_multilingual_model_says_its_languages(folder, capsys):
    main(["info", "--checkpoint", str(folder)])
    assert "translates into de, fr" in capsys.readouterr().out
    main(["translate", "--checkpoint", str(folder), ">>de<< a man", ">>xx<< a man"])
    assert "line 2: xx is none of its target languages" in capsys.readouterr().err
    main(["translate", "--checkpoint", str(folder), ">>de<< a man"])
    assert "note" not in capsys.readouterr().err
