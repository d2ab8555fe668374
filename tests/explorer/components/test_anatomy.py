"""The drawn model is the real one: every block's numbers are those of its module."""

import pytest
import torch

from core.config import ModelConfig
from core.experiments.table3.presets import PRESETS, model_config
from core.model import build
from explorer.components.anatomy.component import Block, anatomy, anatomy_payload
from tests.core.helpers import small_config

SHAPES = [
    {},
    {"attention_bias": True},
    {"output_bias": True},
    {"positions": "learned"},
    {"positions": "none"},
    {"n_encoder_layers": 4, "n_decoder_layers": 1},
    {"attention_bias": True, "output_bias": True, "positions": "learned", "n_heads": 1},
]


def by_name(config: ModelConfig) -> dict[str, Block]:
    blocks = anatomy(config)
    assert len({block.name for block in blocks}) == len(blocks)
    return {block.name: block for block in blocks}


def in_all(config: ModelConfig) -> int:
    return sum(block.n_parameters_in_all for block in anatomy(config))


@pytest.mark.parametrize("name", PRESETS)
def test_blocks_add_up_to_every_row_of_table_3(name: str) -> None:
    config = model_config(name, vocabulary_size=37_000)
    assert in_all(config) == config.n_parameters


@pytest.mark.parametrize("changes", SHAPES)
def test_blocks_add_up_whatever_the_shape(changes: dict[str, object]) -> None:
    config = small_config(**changes)
    assert in_all(config) == config.n_parameters
    assert anatomy_payload(config)["n_parameters"] == config.n_parameters


@pytest.mark.parametrize("changes", SHAPES)
def test_each_block_of_a_layer_has_the_numbers_of_its_module(changes: dict[str, object]) -> None:
    config = small_config(**changes)
    with torch.device("meta"):
        model = build(config)
    for block in anatomy(config):
        side, _, path = block.name.partition(".layers.")
        if not path or block.kind == "equation":
            continue
        layers = model.get_submodule(f"{side}.layers")
        assert block.n_copies == len(layers)
        for layer in layers:
            module = layer.get_submodule(path)
            assert block.n_parameters == sum(p.numel() for p in module.parameters()), block.name


def test_no_module_with_weights_is_left_out() -> None:
    config = small_config()
    with torch.device("meta"):
        model = build(config)
    for side in ("encoder", "decoder"):
        modules = {
            f"{side}.layers.{name}"
            for name, module in model.get_submodule(f"{side}.layers.0").named_children()
            if list(module.parameters())  # taps and the way round a layer have none
        }
        drawn = {b.name for b in anatomy(config) if b.kind != "equation" and b.side == side}
        assert modules == {name for name in drawn if ".layers." in name}


def test_the_figure_reads_from_the_bottom_up() -> None:
    decoder = [block.title for block in anatomy(small_config()) if block.side == "decoder"]
    equation = "softmax(QKᵀ/√dₖ) V"
    assert decoder == [
        "Output Embedding", "Positional Encoding",
        "Masked Multi-Head Attention", equation, "Add & Norm",
        "Multi-Head Attention", equation, "Add & Norm",
        "Feed Forward", "Add & Norm", "Linear", "Softmax",
    ]  # fmt: skip


def test_shapes_are_the_configurations() -> None:
    blocks = by_name(small_config())
    cross = blocks["decoder.layers.cross_attention"]
    assert cross.shape == "Q 5 × T × 7, K 5 × S × 7, V 5 × S × 11 → T × 26"
    assert blocks["decoder.layers.cross_attention.weights"].shape == (
        "weights 5 × T × S → heads 5 × T × 11"
    )
    assert blocks["encoder.layers.feed_forward"].shape == "S × 26 → S × 17 → S × 26"
    assert blocks["linear"].shape == "T × 26 → T × 43"


def test_tied_tables_count_once() -> None:
    blocks = by_name(small_config(positions="learned"))
    assert blocks["encoder.embedding.tokens"].n_parameters == 43 * 26
    assert blocks["encoder.embedding.positions"].n_parameters == 61 * 26
    for name in ("decoder.embedding.tokens", "decoder.embedding.positions", "linear"):
        assert blocks[name].n_parameters == 0


def test_without_positions_there_is_no_circle() -> None:
    assert not [b for b in anatomy(small_config(positions="none")) if b.kind == "positions"]


def test_only_the_decoder_is_masked() -> None:
    masked = [block.name for block in anatomy(small_config()) if "Masked" in block.title]
    assert masked == ["decoder.layers.self_attention"]


def test_a_block_opens_only_a_page_that_there_is() -> None:
    everywhere = anatomy_payload(small_config(), ["Heads", "Translate"])["blocks"]
    assert {block["page"] for block in everywhere} == {"Heads", "Translate", None}
    assert {block["page"] for block in anatomy_payload(small_config())["blocks"]} == {None}


def test_attention_blocks_know_their_kind() -> None:
    kinds = [block.attention for block in anatomy(small_config()) if block.attention]
    assert kinds == ["encoder"] * 2 + ["decoder"] * 2 + ["cross"] * 2
