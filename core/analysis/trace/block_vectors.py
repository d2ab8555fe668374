"""The vectors that leave the blocks of Figure 1, at every position of a traced sentence."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.analysis.trace.capture import capture, ids_of
from core.analysis.trace.trace import Trace
from core.model import Recording, Transformer

Vectors = NDArray[np.floating[Any]]
"""n d_model: one vector a position of a stack."""


@dataclass(frozen=True, slots=True)
class SublayerVectors:
    """LayerNorm(x + Sublayer(x)) of section 3.1, from the inside out."""

    name: str  # self_attention, cross_attention or feed_forward
    output: Vectors  # Sublayer(x)
    residual_sum: Vectors  # x + Sublayer(x)
    normed: Vectors
    gain: NDArray[np.floating[Any]]  # d_model, of the LayerNorm
    bias: NDArray[np.floating[Any]]  # d_model


@dataclass(frozen=True, slots=True)
class LayerVectors:
    """One layer, its sub-layers from the bottom up."""

    sublayers: tuple[SublayerVectors, ...]
    hidden: Vectors  # n d_ff: max(0, x W_1 + b_1) of Equation 2
    output: Vectors  # what the last sub-layer's norm gives; the layer's input if it is skipped


@dataclass(frozen=True, slots=True)
class StackVectors:
    """One stack: embedding + position (section 3.4 and 3.5), then its layers."""

    tokens: Vectors  # scaled by √d_model
    positions: Vectors  # zeros if the model has no positions
    embedded: Vectors  # their sum
    layers: tuple[LayerVectors, ...]

    @property
    def output(self) -> Vectors:
        return self.layers[-1].output


@dataclass(frozen=True, slots=True)
class ModelVectors:
    """Both stacks, and the scores of each step's candidates before the softmax.

    Position t of the decoder is the step that consumed the trace's token t. Candidate c of a step
    has the probability exp(logits[t][c] - log_normaliser[t]).
    """

    encoder: StackVectors  # S positions
    decoder: StackVectors  # T positions
    logits: tuple[NDArray[np.floating[Any]], ...]  # a step: one a candidate
    produced_logits: NDArray[np.floating[Any]]  # T: of the token that each step produced
    log_normalisers: NDArray[np.floating[Any]]  # T: log Σ exp(logit), over the whole vocabulary


TAPS = ("*.embedding.tokens", "*.embedding.positions", "*.hidden", "*.output")


@torch.inference_mode()
def model_vectors(model: Transformer, trace: Trace) -> ModelVectors:
    """Run one teacher-forced pass over a trace and record the vectors that leave every block.

    For a trace made under probes, call this inside `probing(model, *edits)`.
    """
    seen = capture(model, *ids_of(model, trace), TAPS)
    encoder, decoder = _stack(model, seen, "encoder"), _stack(model, seen, "decoder")
    last = seen[f"decoder.layers.{model.config.n_decoder_layers - 1}.output"]
    logits = model.logits(last)[0]  # T V
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    candidates = [[each.token for each in step.candidates] for step in trace.steps]
    return ModelVectors(
        encoder,
        decoder,
        logits=tuple(_numbers(row[ids]) for row, ids in zip(logits, candidates, strict=True)),
        produced_logits=_numbers(
            torch.stack([row[step.token] for row, step in zip(logits, trace.steps, strict=True)])
        ),
        log_normalisers=_numbers(logits.logsumexp(-1)),
    )


def _stack(model: Transformer, seen: Recording, side: str) -> StackVectors:
    tokens = seen[f"{side}.embedding.tokens"][0]
    positions = seen[f"{side}.embedding.positions"][0]
    stream = seen[f"{side}.embedding.output"][0]
    layers: list[LayerVectors] = []
    embedded = stream
    for number in range(getattr(model.config, f"n_{side}_layers")):
        path = f"{side}.layers.{number}"
        output = seen[f"{path}.output"][0]
        layers.append(
            LayerVectors(
                _sublayers(model, seen, path, stream),
                hidden=_numbers(seen[f"{path}.feed_forward.hidden"][0]),
                output=_numbers(output),
            )
        )
        stream = output
    return StackVectors(_numbers(tokens), _numbers(positions), _numbers(embedded), tuple(layers))


def _sublayers(
    model: Transformer, seen: Recording, path: str, stream: Tensor
) -> tuple[SublayerVectors, ...]:
    found = []
    for name in _sublayers_of(path):
        output, normed = seen[f"{path}.{name}.output"][0], seen[f"{path}.{name}_norm.output"][0]
        norm = model.get_submodule(f"{path}.{name}_norm.norm")
        assert isinstance(norm, nn.LayerNorm)
        found.append(
            SublayerVectors(
                name,
                output=_numbers(output),
                residual_sum=_numbers(stream + output),
                normed=_numbers(normed),
                gain=_numbers(norm.weight),
                bias=_numbers(norm.bias),
            )
        )
        stream = normed
    return tuple(found)


def _sublayers_of(path: str) -> Sequence[str]:
    if path.startswith("encoder"):
        return ("self_attention", "feed_forward")
    return ("self_attention", "cross_attention", "feed_forward")


def _numbers(tensor: Tensor) -> NDArray[np.floating[Any]]:
    array: NDArray[np.floating[Any]] = tensor.detach().cpu().numpy()
    return array
