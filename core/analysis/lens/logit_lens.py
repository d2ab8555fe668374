"""The logit lens: what each decoder layer would write if it were the last (nostalgebraist 2020).

The layers of this model end in a layer norm (post-norm, section 3.1), so their output can be read by
the output embedding as it is. The first row reads the embedded input, before any layer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from core.analysis.trace.capture import capture, ids_of
from core.analysis.trace.trace import Trace
from core.model import Transformer
from core.text.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class LogitLens:
    """For each depth (0, the embeddings, to N) and step: the most probable tokens, best first."""

    tokens: NDArray[np.int64]  # N + 1, T, k
    names: tuple[tuple[tuple[str, ...], ...], ...]
    """Of the tokens, as the vocabulary spells them."""
    probabilities: NDArray[np.float64]  # N + 1, T, k
    ranks: NDArray[np.int64]
    """N + 1, T: the place of the token that the step wrote, 1 is the most probable."""
    written_probabilities: NDArray[np.float64]  # N + 1, T: of that token


@torch.inference_mode()
def logit_lens(
    model: Transformer, vocabulary: Vocabulary, trace: Trace, *, k: int = 5
) -> LogitLens:
    """Read every decoder layer of a traced sentence; inside `probing` for a trace under edits."""
    wanted = [piece.id for piece in trace.target.pieces]
    logits = _logits(model, trace)  # D T V
    probabilities = logits.softmax(-1)
    best = probabilities.topk(min(k, probabilities.shape[-1]), dim=-1)
    names = vocabulary.target.names
    tokens = best.indices.cpu().numpy()
    own = torch.tensor(wanted, device=logits.device)[None, :, None].expand(len(logits), -1, -1)
    return LogitLens(
        tokens=tokens,
        names=tuple(
            tuple(tuple(names[t] for t in step) for step in layer) for layer in tokens.tolist()
        ),
        probabilities=best.values.cpu().double().numpy(),
        ranks=_ranks(logits, wanted),
        written_probabilities=probabilities.gather(-1, own)[..., 0].cpu().double().numpy(),
    )


@torch.inference_mode()
def ranks_of(model: Transformer, trace: Trace, token: int) -> NDArray[np.int64]:
    """The place of one token at every depth and step: N + 1, T; 1 is the most probable.

    Raises:
        ValueError: if the model writes no such token.
    """
    if not 0 <= token < model.config.vocabulary_size:
        raise ValueError(
            f"token {token} is none of this model's; it has 0 to {model.config.vocabulary_size - 1}"
        )
    return _ranks(_logits(model, trace), [token] * len(trace.target.pieces))


def _logits(model: Transformer, trace: Trace) -> torch.Tensor:
    """Scores over the vocabulary after each depth: N + 1, T, V."""
    taps = [
        "decoder.embedding.output",
        *(f"decoder.layers.{layer}.output" for layer in range(model.config.n_decoder_layers)),
    ]
    seen = capture(model, *ids_of(model, trace), taps)
    streams = torch.stack([seen[tap][0] for tap in taps])
    return model.logits(streams).to(torch.promote_types(streams.dtype, torch.float32))


def _ranks(logits: torch.Tensor, tokens: Sequence[int]) -> NDArray[np.int64]:
    """1 plus the number of tokens that score higher."""
    own = torch.tensor(tokens, device=logits.device)[None, :, None].expand(len(logits), -1, -1)
    higher = logits > logits.gather(-1, own)
    return np.asarray(1 + higher.sum(-1).cpu().numpy(), np.int64)
