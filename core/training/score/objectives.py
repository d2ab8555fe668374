"""What warm-up, Stage I, Stage II and the supervised baselines minimise."""

import copy
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool
from torch import Tensor, nn

from core.decoding.sample import Samples, sample
from core.evaluation.rewards import Reward
from core.model import Transformer
from core.model.shapes import SourceIds, TargetIds
from core.text.tokenised import Indices, TokenisedCorpus
from core.text.vocabulary import Vocabulary
from core.training.loss import smoothed_cross_entropy
from core.training.objective import Objective
from core.training.score.drafts import corrupted, rows_of, with_drafts
from core.training.score.losses import (
    Rewards,
    Scored,
    kl_divergence,
    leave_one_out,
    policy_gradient,
    score,
)
from core.training.score.methods import Stage

SHARE_OF_SAMPLED_DRAFTS = 0.4
KL_TARGET_NATS = 0.05
"""Stage I holds attempt 1 this near to the reference model, a sentence, by adapting β2."""
MOST_BETA_2 = 100.0
"""Where every update moves attempt 1 further than that, a larger β2 would drown the reward."""


def frozen_copy(model: Transformer) -> Transformer:
    """A copy in evaluation mode that no training changes: the reference model of a KL term."""
    reference = copy.deepcopy(model).eval()
    return reference.requires_grad_(False)


class _WithReference(Objective):
    """An objective that keeps a frozen model beside the trained one, and out of its parameters."""

    def __init__(self, model: Transformer, reference: Transformer, vocabulary: Vocabulary) -> None:
        super().__init__(model)
        self._reference = (reference,)  # in a tuple, so that it is no submodule
        self.vocabulary = vocabulary

    @property
    def reference(self) -> Transformer:
        return self._reference[0]

    def _draw(self, model: Transformer, source: SourceIds, max_tokens: int) -> Samples:
        return sample(model, source, max_tokens=max_tokens, unwritable=self.vocabulary.unwritable)


class WarmUp(_WithReference):
    """Teacher forcing, with a share of pairs as second attempts that read a draft.

    Drafts are references with mistakes put in, and samples of the model itself: with unrelated drafts
    a model learns to ignore them.
    """

    def __init__(
        self,
        model: Transformer,
        reference: Transformer,
        vocabulary: Vocabulary,
        *,
        label_smoothing: float,
        share_of_retries: float,
    ) -> None:
        super().__init__(model, reference, vocabulary)
        self.label_smoothing = label_smoothing
        self.share_of_retries = share_of_retries

    def n_terms(self, corpus: TokenisedCorpus, batch: Indices) -> int:
        return int(corpus.target_lengths[batch].sum())

    def forward(self, source: SourceIds, target: TargetIds) -> Tensor:
        is_retry = torch.rand(len(source)) < self.share_of_retries
        loss = self._cross_entropy(source[~is_retry], target[~is_retry])
        if is_retry.any():
            drafted = with_drafts(
                source[is_retry],
                self._drafts(source[is_retry], target[is_retry]),
                self.model.config,
            )
            loss = loss + self._cross_entropy(drafted, target[is_retry])
        return loss

    def _cross_entropy(self, source: SourceIds, target: TargetIds) -> Tensor:
        if not len(source):
            return target.new_zeros((), dtype=torch.float32)
        expected = target[:, 1:]
        real = expected != self.model.config.pad_id
        consumed = torch.cat((self.model.first_tokens(source), target[:, 1:-1]), dim=1)
        state = self.model.start(self.model.encode(source))
        logits = self.model.logits(self.model.decode(consumed, state).stream[real])
        return smoothed_cross_entropy(logits, expected[real], label_smoothing=self.label_smoothing)

    def _drafts(self, source: SourceIds, target: TargetIds) -> list[list[int]]:
        references = rows_of(target, self.model.config)
        others = [token for row in references for token in row]
        drafts = [corrupted(row, others) for row in references]
        is_sampled = torch.rand(len(source)) < SHARE_OF_SAMPLED_DRAFTS
        if is_sampled.any():
            samples = self._draw(self.reference, source[is_sampled], target.shape[1] + 5)
            own = iter(rows_of(samples.tokens, self.model.config))
            drafts = [
                next(own) if drawn else draft
                for drawn, draft in zip(is_sampled, drafts, strict=True)
            ]
        return drafts


@dataclass(frozen=True, slots=True)
class Attempts:
    """Two attempts at each source, several rows of each, and their rewards."""

    source: SourceIds
    with_draft: SourceIds
    first: Samples
    second: Samples
    first_reward: Rewards
    second_reward: Rewards
    is_own_draft: Bool[Tensor, " B"]
    """False where the draft is the reference model's, which teaches the policy's attempt 1 nothing."""


class SelfCorrection(_WithReference):
    """Draws both attempts of several samples a source, rewards them, and leaves the loss to others.

    Dropout is off from sampling to scoring, so that both see one policy.
    """

    def __init__(
        self,
        model: Transformer,
        reference: Transformer,
        vocabulary: Vocabulary,
        reward: Reward,
        stage: Stage,
        *,
        n_samples: int,
        max_extra_tokens: int,
    ) -> None:
        super().__init__(model, reference, vocabulary)
        self.reward = reward
        self.stage = stage
        self.n_samples = n_samples
        self.max_extra_tokens = max_extra_tokens
        self._measures: dict[str, float] = {}

    def n_terms(self, corpus: TokenisedCorpus, batch: Indices) -> int:
        """Rows: samples of all sources."""
        return len(batch) * self.n_samples

    def train(self, mode: bool = True) -> "SelfCorrection":
        super().train(mode)
        self.model.eval()
        return self

    def forward(self, source: SourceIds, target: TargetIds) -> Tensor:
        return self.loss(self.draw(source, target), target)

    @abstractmethod
    def loss(self, attempts: Attempts, target: TargetIds) -> Tensor:
        """The summed loss of all rows."""

    @torch.no_grad()
    def draw(self, source: SourceIds, target: TargetIds) -> Attempts:
        """Sample both attempts, `n_samples` of each source, side by side."""
        rows = source.repeat_interleave(self.n_samples, dim=0)
        limit = target.shape[1] + self.max_extra_tokens
        is_own = (torch.rand(len(source)) >= self.stage.base_drafts).repeat_interleave(
            self.n_samples
        )
        first = self._first(rows, is_own.to(rows.device), limit)
        with_draft = with_drafts(rows, rows_of(first.tokens, self.model.config), self.model.config)
        second = self._draw(self.model, with_draft, limit)
        references = [text for text in self._texts(target, None) for _ in range(self.n_samples)]
        r1, r2 = (self._rewards(each, references) for each in (first, second))
        attempts = Attempts(rows, with_draft, first, second, r1, r2, is_own.to(rows.device))
        self._count("reward_1", r1)
        self._count("reward_2", r2)
        return self._permuted(attempts) if self.stage.permutes else attempts

    def _first(self, rows: SourceIds, is_own: Tensor, limit: int) -> Samples:
        if is_own.all():
            return self._draw(self.model, rows, limit)
        if not is_own.any():
            return self._draw(self.reference, rows, limit)
        parts = [
            self._draw(m, rows[mine], limit)
            for m, mine in ((self.model, is_own), (self.reference, ~is_own))
        ]
        return _merged(parts, is_own, self.model.config.pad_id)

    def _rewards(self, samples: Samples, references: Sequence[str]) -> Rewards:
        rewards = self.reward(self._texts(samples.tokens, samples.is_finished), references)
        return torch.tensor(rewards, device=samples.tokens.device)

    def _texts(self, tokens: Tensor, is_finished: Tensor | None) -> list[str]:
        """The texts of rows of tokens; that of an unfinished one is empty."""
        texts = [self.vocabulary.target.decode(row) for row in rows_of(tokens, self.model.config)]
        if is_finished is None:
            return texts
        return [
            text if done else "" for text, done in zip(texts, is_finished.tolist(), strict=True)
        ]

    def _permuted(self, attempts: Attempts) -> Attempts:
        """Each source with the rewards of the next one's samples."""
        first, second = (
            reward.roll(self.n_samples)
            for reward in (attempts.first_reward, attempts.second_reward)
        )
        return Attempts(
            attempts.source, attempts.with_draft, attempts.first, attempts.second, first, second,
            attempts.is_own_draft,
        )  # fmt: skip

    def _count(self, name: str, of_rows: Tensor) -> None:
        self._measures[name] = self._measures.get(name, 0.0) + float(of_rows.sum())

    def take_measures(self) -> dict[str, float]:
        measures, self._measures = self._measures, {}
        return measures


def _merged(parts: Sequence[Samples], is_first: Tensor, pad_id: int) -> Samples:
    """The rows of two samplings, put back in their order."""
    width = max(part.tokens.shape[1] for part in parts)

    def whole(name: str, fill: Any) -> Tensor:
        tensors = [
            nn.functional.pad(getattr(part, name), (0, width - part.tokens.shape[1]), value=fill)
            for part in parts
        ]
        merged = tensors[0].new_empty((len(is_first), width))
        merged[is_first], merged[~is_first] = tensors
        return merged

    finished = torch.empty_like(is_first)
    finished[is_first], finished[~is_first] = (part.is_finished for part in parts)
    return Samples(whole("tokens", pad_id), whole("log_probs", 0.0), finished)


class PolicyGradient(SelfCorrection):
    """Stage I, Stage II and the ablations of them: REINFORCE with credit per turn, and exact KL.

    Attempt 1's tokens are paid r1, attempt 2's r2 + α (r2 - r1): the bonus is never attempt 1's
    (Equation 4). Within a source's samples, the leave-one-out baseline makes both advantages.
    """

    def __init__(
        self, *args: Any, beta_1: float = 0.01, beta_2: float = 0.1, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self._least_beta_2 = beta_2

    def loss(self, attempts: Attempts, target: TargetIds) -> Tensor:
        first = score(self.model, attempts.source, attempts.first.tokens)
        second = score(self.model, attempts.with_draft, attempts.second.tokens)
        kl_1, kl_2 = self._divergences(attempts, first, second)
        loss = self.policy_terms(attempts, first, second)
        anchor = self.beta_2 if self.stage.anchors_first else self.beta_1
        return loss + anchor * (kl_1 * attempts.is_own_draft).sum() + self.beta_1 * kl_2.sum()

    def policy_terms(self, attempts: Attempts, first: Scored, second: Scored) -> Tensor:
        """-A·log π of both attempts, without the KL terms."""
        stage = self.stage
        bonus = stage.alpha * (attempts.second_reward - attempts.first_reward)
        of_first = stage.first * attempts.first_reward + (bonus if stage.bonus_to_first else 0.0)
        of_second = stage.second * attempts.second_reward + bonus
        loss = policy_gradient(leave_one_out(of_second, self.n_samples), second)
        if stage.first or stage.bonus_to_first:
            advantages = leave_one_out(of_first, self.n_samples) * attempts.is_own_draft
            loss = loss + policy_gradient(advantages, first)
        return loss

    def _divergences(
        self, attempts: Attempts, first: Scored, second: Scored
    ) -> tuple[Tensor, Tensor]:
        with torch.no_grad():
            of_first = score(self.reference, attempts.source, attempts.first.tokens)
            of_second = score(self.reference, attempts.with_draft, attempts.second.tokens)
        kl_1, kl_2 = kl_divergence(first, of_first), kl_divergence(second, of_second)
        self._count("kl_1", kl_1.detach())
        self._count("kl_2", kl_2.detach())
        return kl_1, kl_2

    def after_step(self, measures: dict[str, float]) -> None:
        """Adapt β2 so that attempt 1 stays near the reference model; never below its first value."""
        if not self.stage.anchors_first:
            return
        if measures["kl_1"] > KL_TARGET_NATS:
            self.beta_2 = min(MOST_BETA_2, self.beta_2 * 1.5)
        elif measures["kl_1"] < KL_TARGET_NATS / 2:
            self.beta_2 = max(self._least_beta_2, self.beta_2 / 1.5)

    def state(self) -> dict[str, float]:
        return {"beta_2": self.beta_2}

    def restore(self, state: dict[str, float]) -> None:
        self.beta_2 = state.get("beta_2", self.beta_2)


class Imitation(SelfCorrection):
    """Supervised on second attempts that were kept: STaR and Pair-SFT.

    corrected: better than a first attempt that was wrong; correct: all that are right; best: the best of
    a source's own samples; reference: the reference itself.

    Args:
        is_right: rewards from here on count as right.
    """

    def __init__(self, *args: Any, is_right: float = 1.0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.is_right = is_right

    def loss(self, attempts: Attempts, target: TargetIds) -> Tensor:
        tokens, kept = self.kept(attempts, target)
        self._count("kept", kept.float())
        if not kept.any():
            return sum(p.sum() for p in self.model.parameters()) * 0.0  # type: ignore[return-value]
        scored = score(self.model, attempts.with_draft[kept], tokens[kept])
        return -scored.log_probs.sum()

    def kept(self, attempts: Attempts, target: TargetIds) -> tuple[Tensor, Tensor]:
        """Tokens of second attempts to imitate, and which rows have one."""
        r1, r2 = attempts.first_reward, attempts.second_reward
        tokens = attempts.second.tokens
        match self.stage.keep:
            case "corrected":
                return tokens, (r1 < self.is_right) & (r2 >= self.is_right)
            case "correct":
                return tokens, r2 >= self.is_right
            case "best":
                return self._best(attempts)
        of_references = target[:, 1:].repeat_interleave(self.n_samples, dim=0)
        return of_references, torch.ones(len(of_references), dtype=torch.bool, device=r1.device)

    def _best(self, attempts: Attempts) -> tuple[Tensor, Tensor]:
        """For each row the best second attempt at its source, where that beats the row's draft."""
        by_source = attempts.second_reward.view(-1, self.n_samples)
        first_row = torch.arange(len(by_source), device=by_source.device) * self.n_samples
        best = (first_row + by_source.argmax(1)).repeat_interleave(self.n_samples)
        rewards = attempts.second_reward[best]
        is_good = (rewards > attempts.first_reward) | (rewards >= self.is_right)
        return attempts.second.tokens[best], is_good
