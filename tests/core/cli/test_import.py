"""`import`: another toolkit's model becomes a checkpoint that computes the same."""

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
