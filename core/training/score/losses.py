"""The terms of SCoRe's objectives: leave-one-out advantages, policy gradient, exact KL divergence."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from core.model import Transformer
from core.model.shapes import SourceIds

Rewards = Float[Tensor, " B"]


def leave_one_out(rewards: Rewards, n_samples: int) -> Rewards:
    """A_k = R_k - mean of the other samples of the same source (RLOO; Ahmadian et al. 2024).

    Args:
        rewards: the samples of a source stand next to each other, `n_samples` of each.

    Raises:
        ValueError: if there are fewer than two samples of a source, so no others to compare with.
    """
    if n_samples < 2:
        raise ValueError(f"n_samples={n_samples}, but a baseline needs at least 2 of each source")
    of_source = rewards.view(-1, n_samples)
    others = (of_source.sum(1, keepdim=True) - of_source) / (n_samples - 1)
    return (of_source - others).flatten()


@dataclass(frozen=True, slots=True)
class Scored:
    """What a model says of given attempts."""

    log_distributions: Float[Tensor, "B T V"]
    tokens: Int[Tensor, "B T"]
    is_real: Bool[Tensor, "B T"]
    """To the first end token inclusive."""

    @property
    def log_probs(self) -> Float[Tensor, " B"]:
        """The log-probability of each attempt, its end token included, in nats."""
        of_tokens = self.log_distributions.gather(2, self.tokens[..., None])[..., 0]
        return (of_tokens * self.is_real).sum(1)


def score(model: Transformer, source: SourceIds, tokens: Int[Tensor, "B T"]) -> Scored:
    """Teacher-force attempts: what the model expects at each of their tokens.

    Args:
        source: with the end token, padded; with drafts for second attempts.
        tokens: to the end token, then padding, as `core.decoding.sample.sample` returns them.
    """
    consumed = torch.cat((model.first_tokens(source), tokens[:, :-1]), dim=1)
    logits = model(source, consumed)
    precision = torch.promote_types(logits.dtype, torch.float32)
    is_end = tokens == model.config.end_id
    before_end = (is_end.cumsum(1) - is_end.int()) == 0
    return Scored(
        logits.to(precision).log_softmax(-1), tokens, before_end & (tokens != model.config.pad_id)
    )


def kl_divergence(policy: Scored, reference: Scored) -> Float[Tensor, " B"]:
    """KL(policy ‖ reference) over the whole vocabulary, summed over the tokens of an attempt, in nats.

    Exact at each position of the sampled prefix; its gradient is not that of a sampled estimate.
    """
    difference = policy.log_distributions - reference.log_distributions
    of_tokens = (policy.log_distributions.exp() * difference).sum(-1)
    return (of_tokens * policy.is_real).sum(1)


def policy_gradient(advantages: Rewards, scored: Scored) -> Tensor:
    """-A·log π, summed over rows: its gradient is REINFORCE's; advantages have no gradient."""
    return -(advantages.detach() * scored.log_probs).sum()
