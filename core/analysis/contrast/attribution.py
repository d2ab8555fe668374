"""The difference of two logits, attributed to the tokens of source and prefix.

Three methods, of which the last checks the others: gradient x input (Simonyan et al. 2014, Denil et
al. 2014), integrated gradients (Sundararajan et al. 2017, https://arxiv.org/abs/1703.01365), and
occlusion. In all three a token is missing if its embedding is zero; its position stays. Contrasting
two tokens follows Yin & Neubig 2022 (https://arxiv.org/abs/2202.10419).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.analysis.trace.capture import ids_of
from core.analysis.trace.trace import Trace
from core.model import Transformer, edit, probing, record
from core.system.pauses import pause

Method = Literal["gradient_input", "integrated_gradients", "occlusion"]
Amounts = NDArray[np.float64]

N_POINTS = 64
"""Points of the path from no embedding to the whole one, in integrated gradients."""
TOKENS_AT_ONCE = 4_000
"""In one batch of changed sentences."""
TOKEN_TAPS = ("encoder.embedding.tokens", "decoder.embedding.tokens")


@dataclass(frozen=True, slots=True)
class Contrast:
    """Why token `wanted` and not `other` at one step; positive amounts speak for `wanted`."""

    step: int  # from 0
    wanted: int
    other: int
    difference: float
    """logit(wanted) - logit(other), which is also the log of the ratio of their probabilities."""
    source: Amounts  # S
    prefix: Amounts  # step + 1: the consumed tokens up to this step


def contrast(
    model: Transformer,
    trace: Trace,
    *,
    step: int,
    wanted: int,
    other: int,
    method: Method = "integrated_gradients",
) -> Contrast:
    """Attribute the difference of two logits to every token.

    Args:
        step: from 0; the trace's tokens up to it are consumed.
        wanted, other: token ids.

    Raises:
        ValueError: if the trace has no such step, or the model writes no such token.
    """
    _check(model, trace, step, (wanted, other))
    problem = _Problem(model, trace, step, wanted, other)
    amounts = _METHODS[method](problem)
    n_source = len(trace.source.pieces)
    return Contrast(
        step=step,
        wanted=wanted,
        other=other,
        difference=problem.difference(),
        source=amounts[:n_source],
        prefix=amounts[n_source:],
    )


def _check(model: Transformer, trace: Trace, step: int, tokens: Sequence[int]) -> None:
    if not 0 <= step < len(trace.steps):
        raise ValueError(f"step {step} is not one of 0 .. {len(trace.steps) - 1}")
    for token in tokens:
        if not 0 <= token < model.config.vocabulary_size:
            raise ValueError(
                f"token {token} is none of this model's; it has 0 to {model.config.vocabulary_size - 1}"
            )


class _Problem:
    """One step of one sentence, run again with other embeddings in place of its own."""

    def __init__(
        self, model: Transformer, trace: Trace, step: int, wanted: int, other: int
    ) -> None:
        self.model, self.wanted, self.other = model, wanted, other
        source, consumed = ids_of(model, trace)
        self.source, self.consumed = source, consumed[:, : step + 1]
        with torch.no_grad(), probing(model, record(*TOKEN_TAPS)) as seen:
            self._run(self.source, self.consumed)
        self.embedded = torch.cat([seen[tap] for tap in TOKEN_TAPS], dim=1)[0]  # (S + T) d_model

    def differences(self, embedded: Tensor) -> Tensor:
        """logit(wanted) - logit(other) with these embeddings: B (S + T) d_model -> B."""
        n, n_source = len(embedded), self.source.shape[1]
        parts = dict(zip(TOKEN_TAPS, (embedded[:, :n_source], embedded[:, n_source:]), strict=True))
        edits = {tap: _replaced_by(part) for tap, part in parts.items()}
        with probing(self.model, edit(edits)):
            return self._run(self.source.expand(n, -1), self.consumed.expand(n, -1))

    def difference(self) -> float:
        with torch.no_grad():
            return float(self.differences(self.embedded[None])[0])

    def _run(self, source: Tensor, consumed: Tensor) -> Tensor:
        pause()
        state = self.model.start(self.model.encode(source))
        last = self.model.decode(consumed, state).stream[:, -1]
        logits = self.model.logits(last)
        return logits[:, self.wanted] - logits[:, self.other]

    def gradients(self, embedded: Tensor) -> Tensor:
        """Of the difference with respect to each embedding: B (S + T) d_model."""
        with torch.enable_grad():
            leaf = embedded.detach().clone().requires_grad_()
            (found,) = torch.autograd.grad(self.differences(leaf).sum(), leaf)
        return found


def _replaced_by(tensor: Tensor) -> Callable[[Tensor], Tensor]:
    return lambda _: tensor


def _gradient_input(problem: _Problem) -> Amounts:
    own = problem.embedded[None]
    return _amounts((problem.gradients(own) * own)[0].sum(-1))


def _integrated_gradients(problem: _Problem) -> Amounts:
    """The mean gradient at the middles of N_POINTS equal parts of the path, times the embedding."""
    shares = (torch.arange(N_POINTS, dtype=problem.embedded.dtype) + 0.5) / N_POINTS
    path = shares.to(problem.embedded.device)[:, None, None] * problem.embedded
    total = sum(problem.gradients(part).sum(0) for part in _batches(path))
    return _amounts((total / N_POINTS * problem.embedded).sum(-1))


def _occlusion(problem: _Problem) -> Amounts:
    """How much the difference falls without each token."""
    n = len(problem.embedded)
    without = (
        problem.embedded.expand(n, -1, -1) * (1 - torch.eye(n).to(problem.embedded))[..., None]
    )
    with torch.no_grad():
        left = torch.cat([problem.differences(part) for part in _batches(without)])
    return problem.difference() - _amounts(left)


def _batches(embedded: Tensor) -> Sequence[Tensor]:
    """B n d_model in parts of few enough tokens."""
    return embedded.split(max(1, TOKENS_AT_ONCE // embedded.shape[1]))  # type: ignore[no-any-return, no-untyped-call]


def _amounts(tensor: Tensor) -> Amounts:
    return tensor.detach().cpu().double().numpy()


_METHODS: dict[Method, Callable[[_Problem], Amounts]] = {
    "gradient_input": _gradient_input,
    "integrated_gradients": _integrated_gradients,
    "occlusion": _occlusion,
}


def agreement(one: Contrast, other: Contrast) -> float:
    """Spearman's rank correlation of two methods over all tokens of source and prefix, -1 to 1."""
    first, second = (_ranks(np.concatenate((each.source, each.prefix))) for each in (one, other))
    return float(np.corrcoef(first, second)[0, 1])


def _ranks(amounts: Amounts) -> Amounts:
    """From 0; equal amounts share their mean rank."""
    order = amounts.argsort()
    ranks = np.empty(len(amounts))
    ranks[order] = np.arange(len(amounts))
    return np.array([ranks[amounts == each].mean() for each in amounts])
