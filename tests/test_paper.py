"""The code says which part of the paper it is, and the guide leads to real places."""

import re
from pathlib import Path

import pytest

from core.config import ModelConfig, SearchConfig, TrainConfig

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "docs" / "reading-guide.md").read_text("utf-8")


@pytest.mark.parametrize(
    "file",
    [file for file in sorted((ROOT / "core" / "model").glob("*.py")) if file.stem != "taps"],
    ids=lambda file: file.stem,
)
def test_every_file_of_the_model_cites_its_section(file: Path) -> None:
    assert re.search(r"[Ss]ections? \d", file.read_text("utf-8").split('"""')[1])


def test_defaults_are_the_papers_base_model() -> None:
    model = ModelConfig(vocabulary_size=37_000)
    assert (model.n_encoder_layers, model.n_decoder_layers) == (6, 6)
    assert (model.d_model, model.d_ff, model.n_heads) == (512, 2048, 8)
    assert (model.d_k, model.d_v, model.p_dropout) == (64, 64, 0.1)
    assert (model.activation, model.positions, model.attention_bias) == (
        "relu",
        "sinusoidal",
        False,
    )


def test_defaults_are_the_papers_training() -> None:
    training = TrainConfig()
    assert (training.tokens_per_update, training.n_steps) == (25_000, 100_000)
    assert (training.beta1, training.beta2, training.adam_epsilon) == (0.9, 0.98, 1e-9)
    assert (training.n_warmup_steps, training.rate_scale) == (4_000, 1.0)
    assert (training.label_smoothing, training.n_snapshots) == (0.1, 5)


def test_defaults_are_the_papers_search() -> None:
    search = SearchConfig()
    assert (search.method, search.beam_size, search.alpha) == ("beam", 4, 0.6)
    assert (search.length_penalty, search.max_extra_pieces) == ("gnmt", 50)


def test_the_reading_guide_names_files_that_exist() -> None:
    named = re.findall(r"`((?:core|explorer|tests|docs)/[\w/.-]+)`", GUIDE)
    assert len(named) > 20
    for name in named:
        assert (ROOT / name).exists(), name


def test_the_reading_guide_names_things_that_exist() -> None:
    for name, file in re.findall(r"`(\w+)`(?:, `\w+`)* in `(core/[\w/]+\.py)`", GUIDE):
        assert re.search(rf"^\s*(def|class) {name}\b", (ROOT / file).read_text(), re.MULTILINE), (
            name
        )
