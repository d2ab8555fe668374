"""The effect of ablations on one sentence: a new translation, and the original's new probability.

The changed model translates the sentence anew. It also scores the original translation, step by
step: that shows effects too small to change the text.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from core.analysis.ablation import Ablation
from core.analysis.ablation.edits import ablating
from core.analysis.ablation.forced_pass import ForcedPass
from core.analysis.ablation.head_means import HeadMeans
from core.analysis.trace.capture import ids_of
from core.analysis.trace.trace import Trace
from core.decoding.result import SearchResult
from core.decoding.search import search
from core.model import Transformer, probing
from core.system.device import in_float64
from core.text.vocabulary import Vocabulary
from core.text.word_diff import DiffRun, word_diff


@dataclass(frozen=True, slots=True)
class CandidateMove:
    """A token among the most probable at a step, before or after the change."""

    token: int
    name: str
    before_nats: float  # log-probability
    after_nats: float


@dataclass(frozen=True, slots=True)
class StepEffect:
    """One step of the original translation, before and after the change (teacher-forced)."""

    token: int
    name: str
    before_nats: float  # log-probability of the token
    after_nats: float
    kl_nats: float  # Kullback-Leibler divergence of the new distribution from the original one
    candidates: tuple[CandidateMove, ...]  # ordered by the larger of the two probabilities

    @property
    def delta_nats(self) -> float:
        return self.after_nats - self.before_nats


@dataclass(frozen=True, slots=True)
class SentenceEffect:
    """The effect of one ablation on one sentence."""

    ablation: Ablation
    before: str  # the original translation
    after: str  # the translation under the ablation
    found: SearchResult  # the search's result under the ablation
    diff: tuple[DiffRun, ...]
    steps: tuple[StepEffect, ...]  # of the original translation, `</s>` last

    @property
    def delta_nats(self) -> float:
        """Change of the original translation's log-probability; negative: the part had helped."""
        return sum(step.delta_nats for step in self.steps)

    @property
    def kl_nats(self) -> float:
        """KL divergence of a step's new distribution from the original one, mean over steps."""
        return sum(step.kl_nats for step in self.steps) / len(self.steps)

    def to_json(self) -> dict[str, Any]:
        """All values but the search's tree, with the differences of the sentence and its steps."""
        return {
            "ablation": str(self.ablation),
            "before": self.before,
            "after": self.after,
            "diff": [asdict(run) for run in self.diff],
            "log_probability_nats": self.found.best.log_probability_nats,
            "delta_nats": self.delta_nats,
            "kl_nats": self.kl_nats,
            "steps": [{**asdict(step), "delta_nats": step.delta_nats} for step in self.steps],
        }


def forced_pass(model: Transformer, trace: Trace) -> ForcedPass:
    """The unchanged run of a trace's translation, from which changed runs start."""
    return ForcedPass(model, *ids_of(model, trace))


@dataclass(frozen=True, slots=True)
class MovedDistributions:
    """The output distribution of each step, unchanged and under ablations (float32 or float64)."""

    indices: list[int]  # of these ablations in the caller's list
    before: Tensor  # T V, log-probabilities
    after: Tensor  # B T V
    produced: Tensor  # T, the tokens of the original translation

    @property
    def delta_nats(self) -> Float[Tensor, "B T"]:
        """Change of each produced token's log-probability."""
        tokens = self.produced[:, None]
        return _at(self.after, tokens) - _at(self.before, tokens)

    @property
    def kl_nats(self) -> Float[Tensor, "B T"]:
        """KL(before ‖ after) of each step; never below 0."""
        per_piece = self.before.exp() * (self.before - self.after)
        return in_float64(per_piece).sum(-1).clamp(min=0.0)


def check_parts(model: Transformer, trace: Trace, ablations: Sequence[Ablation]) -> None:
    """Check that the model, the source and the translation have every part that the ablations name.

    Raises:
        ValueError: if one is missing; the message names the part.
    """
    for ablation in ablations:
        ablation.check(
            model.config,
            n_source_pieces=len(trace.source.pieces),
            n_steps=len(trace.target.pieces),
        )


def _at(log_probabilities: Tensor, tokens: Tensor) -> Tensor:
    tokens = tokens.expand(*log_probabilities.shape[:-1], -1)
    return in_float64(log_probabilities.gather(-1, tokens)[..., 0])


def moved_distributions(
    run: ForcedPass, trace: Trace, ablations: Sequence[Ablation], means: HeadMeans | None = None
) -> Iterator[MovedDistributions]:
    """Yield the output distributions of the forced translation, a batch of ablations at a time.

    Raises:
        ValueError: as `ablating` does, or if an ablation names a source token or a step that this
            sentence does not have.
    """
    check_parts(run.model, trace, ablations)
    produced = torch.tensor([p.id for p in trace.target.pieces], device=run.source.device)
    before = _log_softmax(run.logits)
    for indices, logits in run.under(ablations, means):
        yield MovedDistributions(indices, before, _log_softmax(logits), produced)


def _log_softmax(logits: Tensor) -> Tensor:
    finer = logits.to(torch.promote_types(logits.dtype, torch.float32))
    return functional.log_softmax(finer, dim=-1)


@torch.inference_mode()
def sentence_effects(
    model: Transformer,
    vocabulary: Vocabulary,
    trace: Trace,
    ablations: Sequence[Ablation],
    means: HeadMeans | None = None,
) -> list[SentenceEffect]:
    """The effect of each ablation on a sentence; the trace must come from the unchanged model.

    The changed model searches with the settings of the trace.

    Raises:
        ValueError: as `moved_distributions` does.
    """
    check_parts(model, trace, ablations)
    ids = [piece.id for piece in trace.source.pieces[:-1]]
    with probing(model, ablating(model, ablations, means)):
        found = search(
            model, [ids] * len(ablations), trace.search, unwritable=vocabulary.unwritable
        )
    steps = step_effects(model, vocabulary, trace, ablations, means)
    before = vocabulary.target.decode(trace.best.tokens)
    translations = [vocabulary.target.decode(one.best.tokens) for one in found]
    return [
        SentenceEffect(ablation, before, after, one, word_diff(before, after), of_one)
        for ablation, after, one, of_one in zip(ablations, translations, found, steps, strict=True)
    ]


@torch.inference_mode()
def step_effects(
    model: Transformer,
    vocabulary: Vocabulary,
    trace: Trace,
    ablations: Sequence[Ablation],
    means: HeadMeans | None = None,
) -> list[tuple[StepEffect, ...]]:
    """The effect of each ablation on every step of the forced translation of an unchanged trace.

    Raises:
        ValueError: as `moved_distributions` does.
    """
    steps: dict[int, tuple[StepEffect, ...]] = {}
    for moved in moved_distributions(forced_pass(model, trace), trace, ablations, means):
        for row, index in enumerate(moved.indices):
            steps[index] = _steps(moved, row, trace, vocabulary)
    return [steps[index] for index in range(len(ablations))]


def _steps(
    moved: MovedDistributions, row: int, trace: Trace, vocabulary: Vocabulary
) -> tuple[StepEffect, ...]:
    n = min(trace.search.n_candidates, moved.before.shape[-1])
    top_before, top_after = moved.before.topk(n).indices, moved.after[row].topk(n).indices
    kl_nats = moved.kl_nats[row].tolist()
    effects = []
    for step, piece in enumerate(trace.target.pieces):
        before, after = moved.before[step], moved.after[row, step]
        tokens = {*top_before[step].tolist(), *top_after[step].tolist()}
        candidates = [
            CandidateMove(t, vocabulary.target.names[t], float(before[t]), float(after[t]))
            for t in tokens
        ]
        candidates.sort(key=lambda c: -max(c.before_nats, c.after_nats))
        effects.append(
            StepEffect(
                piece.id,
                piece.name,
                float(before[piece.id]),
                float(after[piece.id]),
                kl_nats[step],
                tuple(candidates),
            )
        )
    return tuple(effects)
