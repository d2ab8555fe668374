"""Section 4, Table 1: what a model costs, in floating-point operations and bytes (docs/scale.md).

A product of an a x b matrix with a vector is 2ab operations, a multiplication and an addition each.
Softmax, norms, biases and look-ups are left out: at d_model 512 they are under a hundredth.

Nothing here imports torch.
"""

from dataclasses import dataclass

from core.config import ModelConfig

BACKWARD = 2
"""A backward pass costs two forward passes: the gradients of the inputs and of the weights."""
FLOAT32_BYTES = 4
ADAM_NUMBERS = 4
"""A parameter in training: itself, its gradient, and Adam's two moments."""


@dataclass(frozen=True, slots=True)
class _Layer:
    """Operations of the parts of one layer."""

    queries: int  # W^Q and W^O, for a position that asks
    keys: int  # W^K and W^V, for a position that is attended to
    pair: int  # QKᵀ and weights x values, for a query and a key
    feed_forward: int  # for a position

    @classmethod
    def of(cls, config: ModelConfig) -> "_Layer":
        d, h = config.d_model, config.n_heads
        return cls(
            queries=2 * d * h * (config.d_k + config.d_v),
            keys=2 * d * h * (config.d_k + config.d_v),
            pair=2 * h * (config.d_k + config.d_v),
            feed_forward=4 * d * config.d_ff,
        )


def encoder_operations(config: ModelConfig, n_source: int) -> int:
    """Of reading a source of so many tokens."""
    layer = _Layer.of(config)
    of_layer = n_source * (layer.queries + layer.keys + layer.feed_forward + n_source * layer.pair)
    return config.n_encoder_layers * of_layer


def forced_operations(config: ModelConfig, n_source: int, n_target: int) -> int:
    """Of one teacher-forced pass over a pair: encoder, decoder and logits at every step.

    Masked products are computed and thrown away, so they count.
    """
    layer = _Layer.of(config)
    of_layer = n_target * (
        layer.queries + layer.keys + n_target * layer.pair  # masked self-attention
        + layer.queries + n_source * layer.pair  # cross-attention
        + layer.feed_forward
    ) + n_source * layer.keys  # fmt: skip
    logits = n_target * 2 * config.d_model * config.vocabulary_size
    return encoder_operations(config, n_source) + config.n_decoder_layers * of_layer + logits


def training_operations(config: ModelConfig, n_source: int, n_target: int) -> int:
    """Of a forward and a backward pass over a pair."""
    return (1 + BACKWARD) * forced_operations(config, n_source, n_target)


def search_operations(
    config: ModelConfig, n_source: int, n_target: int, *, beam_size: int = 1
) -> int:
    """Of translating a sentence step by step, keys and values kept between steps.

    A search with a beam runs as many hypotheses as the beam is wide at every step.
    """
    layer = _Layer.of(config)
    keys = sum(range(1, n_target + 1))  # step t attends to t keys
    of_layer = beam_size * (
        n_target * (2 * layer.queries + layer.keys + layer.feed_forward + n_source * layer.pair)
        + keys * layer.pair
    ) + n_source * layer.keys  # fmt: skip
    logits = beam_size * n_target * 2 * config.d_model * config.vocabulary_size
    return encoder_operations(config, n_source) + config.n_decoder_layers * of_layer + logits


def weight_bytes(config: ModelConfig, bytes_a_number: int = FLOAT32_BYTES) -> int:
    return config.n_parameters * bytes_a_number


def training_bytes(config: ModelConfig) -> int:
    """Of weights, gradients and Adam's moments, without what a batch leaves for the backward pass."""
    return config.n_parameters * ADAM_NUMBERS * FLOAT32_BYTES


def cache_bytes(config: ModelConfig, n_source: int, n_target: int) -> int:
    """Of the keys and values that one hypothesis keeps, those of its source included."""
    numbers = config.n_heads * (config.d_k + config.d_v) * (n_source + n_target)
    return config.n_decoder_layers * numbers * FLOAT32_BYTES
