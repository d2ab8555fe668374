"""The terms of the objectives, against enumeration, finite differences and known values."""

import itertools
import math

import pytest
import torch
from torch.testing import assert_close

from core.decoding.sample import sample
from core.text.batches import pad
from core.training.score.drafts import with_drafts
from core.training.score.losses import (
    Scored,
    kl_divergence,
    leave_one_out,
    policy_gradient,
    score,
)
from tests.core.training.score.two_attempts import drafting_model

ALPHA = 10.0


def one_token(logits):
    """Attempts of one token each, every one of them once: rows V, T 1."""
    n = len(logits)
    distribution = logits.log_softmax(-1)
    return Scored(
        distribution.expand(n, 1, n), torch.arange(n)[:, None], torch.ones(n, 1, dtype=torch.bool)
    )


def test_the_baseline_is_the_mean_of_the_others():
    advantages = leave_one_out(torch.tensor([1.0, 0.0, 0.0, 2.0, 5.0, 5.0]), 3)
    assert_close(advantages, torch.tensor([1.0, -0.5, -0.5, -3.0, 1.5, 1.5]))


@pytest.mark.parametrize("n", [2, 3, 5])
def test_a_constant_reward_teaches_nothing(n):
    assert leave_one_out(torch.full((4 * n,), 0.7, dtype=torch.float64), n).abs().max() < 1e-15


def test_one_sample_has_no_baseline():
    with pytest.raises(ValueError, match="n_samples=1, but a baseline needs at least 2"):
        leave_one_out(torch.ones(3), 1)


def test_the_advantage_is_unbiased():
    """Over all pairs of samples, the expected gradient is that of the expected reward."""
    logits = torch.tensor([0.3, -0.2, 0.9], dtype=torch.float64, requires_grad=True)
    rewards = torch.tensor([0.1, 1.0, 0.4], dtype=torch.float64)
    probabilities = logits.softmax(-1)
    chances = probabilities.tolist()
    (expected,) = torch.autograd.grad((probabilities * rewards).sum(), logits, retain_graph=True)
    found = torch.zeros_like(expected)
    for pair in itertools.product(range(3), repeat=2):
        chance = math.prod(chances[i] for i in pair)
        scored = one_token(logits)
        rows = Scored(
            scored.log_distributions[list(pair)],
            scored.tokens[list(pair)],
            scored.is_real[list(pair)],
        )
        loss = policy_gradient(leave_one_out(rewards[list(pair)], 2), rows) / 2
        found -= chance * torch.autograd.grad(loss, logits, retain_graph=True)[0]
    assert_close(found, expected, rtol=0, atol=1e-15)


def _two_turns():
    """Logits of attempt 1, of attempt 2 given attempt 1, and rewards of both: all of 3 x 3."""
    generator = torch.Generator().manual_seed(1)
    first, second, r1, r2 = (
        torch.rand(shape, generator=generator, dtype=torch.float64)
        for shape in ((3,), (3, 3), (3,), (3,))
    )
    return first.requires_grad_(), second.requires_grad_(), r1, r2


def test_shaping_is_a_weight_for_attempt_2():
    """Of r2 + α (r2 - r1) the expected gradient is (1 + α) times that of r2: r1 is a baseline there."""
    first, second, r1, r2 = _two_turns()
    chances = first.softmax(-1)[:, None] * second.softmax(-1)  # y1, y2

    def gradient(rewards):
        loss = -(chances.detach() * rewards * second.log_softmax(-1)).sum()
        return torch.autograd.grad(loss, second)[0]

    plain = gradient(r2[None].expand(3, 3))
    shaped = gradient(r2[None] + ALPHA * (r2[None] - r1[:, None]))
    assert_close(shaped, (1 + ALPHA) * plain, rtol=0, atol=1e-14)


def test_credited_to_attempt_1_the_bonus_pays_for_being_wrong_first():
    """The coefficient of r1 becomes 1 - α."""
    first, second, r1, r2 = _two_turns()
    chance, then = first.softmax(-1), second.softmax(-1).detach()
    paid = r1 + ALPHA * ((then * r2[None]).sum(1) - r1)  # to attempt 1, on average over attempt 2
    loss = -(chance.detach() * paid * first.log_softmax(-1)).sum()
    (found,) = torch.autograd.grad(loss, first)

    def expected_gradient(values):
        return torch.autograd.grad((first.softmax(-1) * values).sum(), first)[0]

    of_second = expected_gradient((then * r2[None]).sum(1))
    assert_close(
        -found, (1 - ALPHA) * expected_gradient(r1) + ALPHA * of_second, rtol=0, atol=1e-14
    )


def test_a_policy_is_no_way_from_itself():
    scored = one_token(torch.randn(5, dtype=torch.float64))
    assert kl_divergence(scored, scored).abs().max() == 0


def test_the_divergence_is_of_the_policy_from_the_reference():
    policy = one_token(torch.log(torch.tensor([0.8, 0.2], dtype=torch.float64)))
    reference = one_token(torch.log(torch.tensor([0.5, 0.5], dtype=torch.float64)))
    expected = 0.8 * math.log(0.8 / 0.5) + 0.2 * math.log(0.2 / 0.5)
    assert_close(kl_divergence(policy, reference), torch.full((2,), expected, dtype=torch.float64))


def test_the_gradient_of_the_divergence_is_that_of_finite_differences():
    logits = torch.randn(4, dtype=torch.float64, requires_grad=True)
    reference = one_token(torch.randn(4, dtype=torch.float64))
    assert torch.autograd.gradcheck(
        lambda logits: kl_divergence(one_token(logits), reference).sum(), (logits,)
    )


def sources(model, *lengths):
    rows = [[*range(270, 270 + n), model.config.end_id] for n in lengths]
    return pad(rows, model.config.pad_id)


@pytest.mark.parametrize("drafted", [False, True])
def test_a_samples_log_probability_is_the_teacher_forced_one(drafted):
    model = drafting_model()
    source = sources(model, 4, 7)
    if drafted:
        source = with_drafts(source, [[280, 281], [290]], model.config)
    drawn = sample(model, source, max_tokens=9, generator=torch.Generator().manual_seed(3))
    scored = score(model, source, drawn.tokens)
    assert_close(scored.log_probs, drawn.log_probs.sum(1).double(), rtol=0, atol=1e-5)


def test_what_follows_the_end_changes_nothing():
    model = drafting_model()
    source, end = sources(model, 4), model.config.end_id
    short = torch.tensor([[280, 281, end]])
    long = torch.tensor([[280, 281, end, 285, end, 290]])
    assert_close(score(model, source, long).log_probs, score(model, source, short).log_probs)
    assert score(model, source, long).is_real.tolist() == [[True, True, True, False, False, False]]


def test_advantages_have_no_gradient():
    logits = torch.randn(3, dtype=torch.float64, requires_grad=True)
    advantages = logits.detach().clone().requires_grad_()
    policy_gradient(advantages, one_token(logits)).backward()
    assert advantages.grad is None
    assert logits.grad.abs().max() > 0
