"""Table 3 of the paper, row by row, and the parameter counts of what it describes."""

from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.config import ModelConfig
from core.experiments.table3.presets import PRESETS, model_config, preset
from core.model import build

# Attention Is All You Need, Table 3, every blank filled in from the base row:
# row: N, d_model, d_ff, h, d_k, d_v, P_drop, eps_ls, train steps, perplexity, BLEU, parameters/10^6
TABLE_3 = {
    "base": (6, 512, 2048, 8, 64, 64, 0.1, 0.1, 100_000, 4.92, 25.8, 65),
    "A-h1": (6, 512, 2048, 1, 512, 512, 0.1, 0.1, 100_000, 5.29, 24.9, None),
    "A-h4": (6, 512, 2048, 4, 128, 128, 0.1, 0.1, 100_000, 5.00, 25.5, None),
    "A-h16": (6, 512, 2048, 16, 32, 32, 0.1, 0.1, 100_000, 4.91, 25.8, None),
    "A-h32": (6, 512, 2048, 32, 16, 16, 0.1, 0.1, 100_000, 5.01, 25.4, None),
    "B-dk16": (6, 512, 2048, 8, 16, 64, 0.1, 0.1, 100_000, 5.16, 25.1, 58),
    "B-dk32": (6, 512, 2048, 8, 32, 64, 0.1, 0.1, 100_000, 5.01, 25.4, 60),
    "C-N2": (2, 512, 2048, 8, 64, 64, 0.1, 0.1, 100_000, 6.11, 23.7, 36),
    "C-N4": (4, 512, 2048, 8, 64, 64, 0.1, 0.1, 100_000, 5.19, 25.3, 50),
    "C-N8": (8, 512, 2048, 8, 64, 64, 0.1, 0.1, 100_000, 4.88, 25.5, 80),
    "C-d256": (6, 256, 2048, 8, 32, 32, 0.1, 0.1, 100_000, 5.75, 24.5, 28),
    "C-d1024": (6, 1024, 2048, 8, 128, 128, 0.1, 0.1, 100_000, 4.66, 26.0, 168),
    "C-ff1024": (6, 512, 1024, 8, 64, 64, 0.1, 0.1, 100_000, 5.12, 25.4, 53),
    "C-ff4096": (6, 512, 4096, 8, 64, 64, 0.1, 0.1, 100_000, 4.75, 26.2, 90),
    "D-drop0.0": (6, 512, 2048, 8, 64, 64, 0.0, 0.1, 100_000, 5.77, 24.6, None),
    "D-drop0.2": (6, 512, 2048, 8, 64, 64, 0.2, 0.1, 100_000, 4.95, 25.5, None),
    "D-ls0.0": (6, 512, 2048, 8, 64, 64, 0.1, 0.0, 100_000, 4.67, 25.3, None),
    "D-ls0.2": (6, 512, 2048, 8, 64, 64, 0.1, 0.2, 100_000, 5.47, 25.7, None),
    "E-learned": (6, 512, 2048, 8, 64, 64, 0.1, 0.1, 100_000, 4.92, 25.7, None),
    "big": (6, 1024, 4096, 16, 64, 64, 0.3, 0.1, 300_000, 4.33, 26.4, 213),
}


def n_trainable(config: ModelConfig) -> int:
    """Parameters of the model that is really built, without allocating it."""
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in build(config).parameters())


def test_the_presets_are_the_rows_of_table_3():
    assert list(PRESETS) == list(TABLE_3)


@pytest.mark.parametrize("name", TABLE_3)
def test_a_preset_is_its_row(name):
    config, row = model_config(name, vocabulary_size=37_000), preset(name)
    assert config.n_encoder_layers == config.n_decoder_layers
    assert (
        config.n_encoder_layers, config.d_model, config.d_ff, config.n_heads, config.d_k,
        config.d_v, config.p_dropout, row.label_smoothing, row.n_steps,
        row.paper.perplexity, row.paper.bleu, row.paper.parameters_millions,
    ) == TABLE_3[name]  # fmt: skip


def test_only_row_E_learns_its_positions():
    learned = {n for n in PRESETS if model_config(n, vocabulary_size=11).positions == "learned"}
    assert learned == {"E-learned"}


@pytest.mark.parametrize("name", TABLE_3)
def test_the_formula_counts_what_is_built(name):
    for size in (
        {"vocabulary_size": 37_000},
        {"vocabulary_size": 4_000, "width": "1/4", "depth": "1/2"},
    ):
        config = model_config(name, **size)
        assert config.n_parameters == n_trainable(config)


@settings(max_examples=20)
@given(
    numbers=st.lists(st.sampled_from([2, 3, 5, 7]), min_size=8, max_size=8),
    positions=st.sampled_from(["learned", "none"]),
    attention_bias=st.booleans(),
    output_bias=st.booleans(),
)
def test_the_formula_counts_any_shape(numbers, positions, attention_bias, output_bias):
    names = (
        "n_encoder_layers", "n_decoder_layers", "d_model", "d_ff", "n_heads", "d_k", "d_v",
        "max_positions",
    )  # fmt: skip
    config = ModelConfig(
        **dict(zip(names, numbers, strict=True)), vocabulary_size=17, positions=positions,
        attention_bias=attention_bias, output_bias=output_bias,
    )  # fmt: skip
    assert config.n_parameters == n_trainable(config)


def test_41_100_pieces_give_every_parameter_count_of_the_base_family():
    """The paper does not state the vocabulary behind its counts; this one rounds to all but big's."""
    for name, row in TABLE_3.items():
        millions = row[-1]
        if millions and name != "big":
            config = model_config(name, vocabulary_size=41_100)
            assert round(config.n_parameters / 1e6) == millions, name


def test_rows_A_compute_as_much_as_the_base():
    """Section 6.2: the amount of computation is kept constant in rows (A)."""
    base = model_config("base", vocabulary_size=11).n_parameters
    for name in ("A-h1", "A-h4", "A-h16", "A-h32"):
        assert model_config(name, vocabulary_size=11).n_parameters == base


def test_width_and_depth_scale_their_own_sizes_only():
    base = model_config("big", vocabulary_size=101)
    scaled = model_config("big", vocabulary_size=101, width="1/4", depth=Fraction(1, 2))
    assert scaled == base.replace(
        d_model=256, d_ff=1024, d_k=16, d_v=16, n_encoder_layers=3, n_decoder_layers=3
    )


def test_a_decimal_is_a_fraction_too():
    assert model_config("base", vocabulary_size=11, width="0.25") == model_config(
        "base", vocabulary_size=11, width="1/4"
    )


def test_changes_come_after_scaling():
    config = model_config("base", vocabulary_size=11, width="1/2", d_ff=3, p_dropout=0.25)
    assert (config.d_model, config.d_ff, config.p_dropout) == (256, 3, 0.25)


def test_an_unknown_row_is_answered_with_the_list():
    with pytest.raises(
        ValueError, match=r"^there is no preset 'huge'; there are base, A-h1, .*big$"
    ):
        model_config("huge", vocabulary_size=11)


def test_a_scale_that_leaves_no_whole_number_names_the_size():
    with pytest.raises(ValueError, match=r"^depth=1/4 makes n_encoder_layers=6 of base into 3/2, "):
        model_config("base", vocabulary_size=11, depth="1/4")
    with pytest.raises(ValueError, match=r"^width=1/3 makes d_model=512 of base into 512/3, "):
        model_config("base", vocabulary_size=11, width="1/3")


@pytest.mark.parametrize("width", ["a quarter", "1/0", ""])
def test_a_scale_that_is_no_fraction_is_named(width):
    with pytest.raises(
        ValueError, match=rf"^width='{width}' is not a fraction; write 1/4 or 0.25$"
    ):
        model_config("base", vocabulary_size=11, width=width)


@pytest.mark.parametrize("depth", ["0", "-1/2"])
def test_a_scale_is_positive(depth):
    with pytest.raises(ValueError, match=rf"^depth={depth} must be positive$"):
        model_config("base", vocabulary_size=11, depth=depth)
