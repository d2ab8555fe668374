"""The drawn model is the real one: every block's numbers are those of its module."""

from typing import Any

import pytest
import torch

from core.config import ModelConfig
from core.experiments.table3.presets import PRESETS, model_config
from core.model import build
from explorer.components.anatomy import component
from explorer.components.anatomy.blocks import Block, anatomy
from explorer.components.anatomy.component import anatomy_payload
from tests.core.helpers import small_config
from tests.explorer.figure_sentences import sentence_for, view_of
from tests.explorer.readings import assert_sent, unpacked

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


def header(config: ModelConfig, pages: dict[str, str] | None = None) -> dict[str, Any]:
    data = anatomy_payload(config, sentence_for(config), view_of(), run="r", pages=pages)
    return unpacked(data)[0]


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
    assert header(config)["n_parameters"] == config.n_parameters


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


def test_a_source_table_of_its_own_counts_where_it_is_used() -> None:
    config = small_config(source_vocabulary_size=37, activation="gelu")
    blocks = by_name(config)
    assert blocks["encoder.embedding.tokens"].n_parameters == 37 * 26
    assert "37 × 26" in blocks["encoder.embedding.tokens"].note
    assert blocks["decoder.embedding.tokens"].n_parameters == 43 * 26
    assert "43 × 26, used twice" in blocks["decoder.embedding.tokens"].note
    assert "GELU(xW_1 + b_1)" in blocks["encoder.layers.feed_forward"].equation
    assert sum(block.n_parameters_in_all for block in blocks.values()) == config.n_parameters


def test_without_positions_there_is_no_circle() -> None:
    assert not [b for b in anatomy(small_config(positions="none")) if b.kind == "positions"]


def test_only_the_decoder_is_masked() -> None:
    masked = [block.name for block in anatomy(small_config()) if "Masked" in block.title]
    assert masked == ["decoder.layers.self_attention"]


def test_a_block_opens_only_a_page_that_there_is() -> None:
    config = small_config()
    some = header(config, {"Heads": "heads", "Translate": "translate"})["blocks"]
    assert {(block["page"], block["path"]) for block in some} == {
        ("Heads", "heads"), ("Translate", "translate"), (None, None),
    }  # fmt: skip
    assert {block["page"] for block in header(config)["blocks"]} == {None}


def test_every_block_says_what_it_does_and_by_which_equation() -> None:
    for changes in SHAPES:
        for block in anatomy(small_config(**changes)):
            assert block.says.endswith("."), block.name
            assert block.equation, block.name


def test_the_equation_is_that_of_the_activation() -> None:
    equations = {
        activation: by_name(small_config(activation=activation))["encoder.layers.feed_forward"]
        for activation in ("relu", "silu")
    }
    assert equations["relu"].equation == "FFN(x) = max(0, xW_1 + b_1) W_2 + b_2"
    assert equations["silu"].equation == "FFN(x) = SiLU(xW_1 + b_1) W_2 + b_2"
    assert "max(0, ·)" in equations["silu"].note


def test_of_a_long_sentence_only_the_heads_on_show_are_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = small_config()
    sentence = sentence_for(config, n_source=7, n_steps=5)
    view = view_of(
        layers={"encoder": 2, "decoder": 3}, heads={"encoder": 4, "decoder": 1, "cross": 5}
    )
    whole, _ = unpacked(anatomy_payload(config, sentence, view, run="r"))
    assert whole["weights"]["cross"]["layers"] == [1, 2, 3]
    monkeypatch.setattr(component, "MOST_BYTES", 100)
    part, values = unpacked(anatomy_payload(config, sentence, view, run="r"))
    for kind, layer, head in (("encoder", 2, 4), ("decoder", 3, 1), ("cross", 3, 5)):
        place = part["weights"][kind]
        assert (place["layers"], place["heads"]) == ([layer], [head])
        weights = sentence.weights[kind][layer - 1, head - 1]  # type: ignore[index]
        assert_sent(values, place["first"], weights)
    assert len(values) == 2 * (7 * 7 + 5 * 5 + 5 * 7)


def test_attention_blocks_know_their_kind() -> None:
    kinds = [block.attention for block in anatomy(small_config()) if block.attention]
    assert kinds == ["encoder"] * 2 + ["decoder"] * 2 + ["cross"] * 2
