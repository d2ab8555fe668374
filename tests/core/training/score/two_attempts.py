"""A small model that takes drafts, its vocabulary, and objectives on it."""

from functools import cache

import torch

from core.model import Transformer
from core.text.toy_grammar import sentence_pairs
from core.text.vocabulary import JointVocabulary
from core.training.score.extend import config_with_drafts, with_marks
from core.training.score.methods import Stage
from core.training.score.objectives import PolicyGradient, frozen_copy
from tests.core.helpers import small_config, small_model

N_SAMPLES = 4


@cache
def vocabulary() -> JointVocabulary:
    """Learnt from the project's own grammar, with the two pieces of a second attempt."""
    lines = [line for pair in sentence_pairs(300) for line in pair]
    return with_marks(JointVocabulary.learn(lines, 340))


def drafting_model(seed: int = 1, **changes: object) -> Transformer:
    """Float64, no parameter at a special value."""
    n = len(vocabulary().names) - 2
    return small_model(config_with_drafts(small_config(vocabulary_size=n, **changes)), seed)


def short_attempts(attempts: list[str], references: list[str]) -> list[float]:
    """A reward that an untrained model can earn: few characters."""
    return [1 / (1 + len(each)) for each in attempts]


def policy_gradient(
    model: Transformer, stage: Stage, *, reward=short_attempts, **changes
) -> PolicyGradient:
    """On one model, with another one as its reference."""
    reference = changes.pop("reference", None) or frozen_copy(drafting_model(seed=2))
    objective = PolicyGradient(
        model,
        reference,
        vocabulary(),
        reward,
        stage,
        n_samples=N_SAMPLES,
        max_extra_tokens=3,
        **changes,
    )
    objective.train()
    torch.manual_seed(7)
    return objective
