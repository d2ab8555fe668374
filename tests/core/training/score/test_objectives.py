"""Who is paid for what, who is held to what, and what stays as it was."""

import dataclasses

import pytest
import torch
from torch.testing import assert_close

from core.checkpoint.weights import weights_hash
from core.training.score import objectives
from core.training.score.drafts import rows_of
from core.training.score.losses import leave_one_out, score
from core.training.score.methods import METHODS, Stage
from core.training.score.objectives import MOST_BETA_2, Imitation, WarmUp, frozen_copy
from tests.core.training.score.test_losses import sources
from tests.core.training.score.two_attempts import (
    N_SAMPLES,
    drafting_model,
    policy_gradient,
    short_attempts,
    vocabulary,
)

STAGE_1, STAGE_2 = METHODS["score"].stages


def batch(model):
    source = sources(model, 3, 5)
    target = torch.tensor([[2, 280, 281, 3, 0], [2, 290, 291, 292, 3]])
    return source, target


def of_attempts(objective, attempts):
    """What both attempts score, as leaves that collect a gradient."""
    model = objective.model
    scored = [
        score(model, attempts.source, attempts.first.tokens),
        score(model, attempts.with_draft, attempts.second.tokens),
    ]
    return [
        dataclasses.replace(
            each, log_distributions=each.log_distributions.detach().requires_grad_()
        )
        for each in scored
    ]


def paid(objective, attempts):
    """The gradient of the policy terms at each attempt's log-probability: minus its advantage."""
    first, second = of_attempts(objective, attempts)
    objective.policy_terms(attempts, first, second).backward()
    grads = []
    for each in (first, second):
        if each.log_distributions.grad is None:
            grads.append(torch.zeros(len(each.tokens), dtype=torch.float64))
        else:
            grads.append(each.log_distributions.grad.sum((1, 2)) / each.is_real.sum(1))
    return grads


def test_stage_1_pays_attempt_1_nothing():
    objective = policy_gradient(drafting_model(), STAGE_1)
    attempts = objective.draw(*batch(objective.model))
    first, second = paid(objective, attempts)
    assert not first.any()
    assert_close(-second, leave_one_out(attempts.second_reward, N_SAMPLES).double())


@pytest.mark.parametrize("alpha", [0.0, 10.0])
def test_stage_2_pays_the_bonus_to_attempt_2_alone(alpha):
    stage = Stage(first=1.0, alpha=alpha)
    objective = policy_gradient(drafting_model(), stage)
    attempts = objective.draw(*batch(objective.model))
    r1, r2 = attempts.first_reward, attempts.second_reward
    first, second = paid(objective, attempts)
    assert_close(-first, leave_one_out(r1, N_SAMPLES).double())
    assert_close(-second, leave_one_out(r2 + alpha * (r2 - r1), N_SAMPLES).double())


def test_the_wrong_assignment_of_credit_pays_attempt_1_the_bonus():
    objective = policy_gradient(drafting_model(), METHODS["wrong_credit"].stages[0])
    attempts = objective.draw(*batch(objective.model))
    r1, r2 = attempts.first_reward, attempts.second_reward
    first, _ = paid(objective, attempts)
    assert_close(-first, leave_one_out(r1 + 10 * (r2 - r1), N_SAMPLES).double())


def test_attempts_from_base_drafts_teach_the_first_attempt_nothing():
    objective = policy_gradient(drafting_model(), Stage(first=1.0, base_drafts=1.0))
    attempts = objective.draw(*batch(objective.model))
    first, second = paid(objective, attempts)
    assert not attempts.is_own_draft.any()
    assert not first.any()
    assert second.any()


def weight_of_kl(stage, **betas):
    """How strongly the loss pulls at each attempt's divergence: by their difference in two losses."""
    losses = []
    for scale in (1.0, 2.0):
        objective = policy_gradient(
            drafting_model(), stage, **{k: scale * v for k, v in betas.items()}
        )
        attempts = objective.draw(*batch(objective.model))
        losses.append(float(objective.loss(attempts, batch(objective.model)[1]).detach()))
        measures = objective.take_measures()
    return losses[1] - losses[0], measures["kl_1"], measures["kl_2"]


def test_stage_1_anchors_attempt_1_with_the_larger_weight():
    added, kl_1, kl_2 = weight_of_kl(STAGE_1, beta_1=0.01, beta_2=0.5)
    assert added == pytest.approx(0.5 * kl_1 + 0.01 * kl_2)


def test_stage_2_holds_both_alike():
    added, kl_1, kl_2 = weight_of_kl(Stage(first=1.0), beta_1=0.03, beta_2=0.5)
    assert added == pytest.approx(0.03 * (kl_1 + kl_2))


def test_a_constant_reward_leaves_only_the_divergence():
    model = drafting_model()
    objective = policy_gradient(
        model, STAGE_2, reward=lambda a, r: [0.5] * len(a), beta_1=0.0, beta_2=0.0
    )
    objective(*batch(model)).backward()
    assert max(p.grad.abs().max() for p in model.parameters() if p.grad is not None) < 1e-12


def test_the_reference_model_never_changes():
    model = drafting_model()
    reference = frozen_copy(model)
    objective = policy_gradient(model, STAGE_2, reference=reference)
    before, policy = weights_hash(reference), weights_hash(model)
    optimizer = torch.optim.Adam(objective.parameters(), lr=1e-2)
    for _ in range(3):
        objective(*batch(model)).backward()
        optimizer.step()
    assert weights_hash(reference) == before
    assert weights_hash(model) != policy
    assert not any(p is q for p in objective.parameters() for q in reference.parameters())


def test_dropout_is_off_from_sampling_to_scoring():
    model = drafting_model(p_dropout=0.5)
    objective = policy_gradient(model, Stage(first=1.0))
    objective.train()
    attempts = objective.draw(*batch(model))
    scored = score(model, attempts.source, attempts.first.tokens)
    assert_close(scored.log_probs, attempts.first.log_probs.sum(1).double(), rtol=0, atol=1e-5)


def test_every_update_draws_new_drafts():
    objective = policy_gradient(drafting_model(), STAGE_2)
    one, other = (objective.draw(*batch(objective.model)) for _ in range(2))
    assert rows_of(one.first.tokens, objective.model.config) != rows_of(
        other.first.tokens, objective.model.config
    )


def test_a_second_attempt_reads_the_first():
    objective = policy_gradient(drafting_model(), Stage())
    config = objective.model.config
    attempts = objective.draw(*batch(objective.model))
    for source, draft, drafted in zip(
        rows_of(attempts.source, config),
        rows_of(attempts.first.tokens, config),
        attempts.with_draft.tolist(),
        strict=True,
    ):
        expected = [*config.with_draft(source, draft), config.end_id]
        assert drafted[: len(expected)] == expected
        assert not any(drafted[len(expected) :])


def test_what_is_reported_is_the_reward_and_no_shaped_one():
    objective = policy_gradient(drafting_model(), STAGE_2)
    attempts = objective.draw(*batch(objective.model))
    measures = objective.take_measures()
    assert measures["reward_1"] == pytest.approx(float(attempts.first_reward.sum()))
    assert measures["reward_2"] == pytest.approx(float(attempts.second_reward.sum()))
    assert objective.take_measures() == {}


def test_an_unfinished_attempt_earns_nothing():
    objective = policy_gradient(
        drafting_model(), STAGE_2, reward=lambda a, r: [float(bool(t)) for t in a]
    )
    source, target = batch(objective.model)
    attempts = objective.draw(source, target)
    assert attempts.first_reward.equal(
        (attempts.first.is_finished & _has_text(objective, attempts.first)).float()
    )


def _has_text(objective, samples):
    rows = rows_of(samples.tokens, objective.model.config)
    return torch.tensor([bool(vocabulary().decode(row)) for row in rows])


def test_permuted_rewards_are_another_sources():
    stage = Stage(first=1.0, permutes=True)
    own = policy_gradient(drafting_model(), dataclasses.replace(stage, permutes=False))
    other = policy_gradient(drafting_model(), stage)
    drawn = []
    for objective in (own, other):
        torch.manual_seed(3)
        drawn.append(objective.draw(*batch(objective.model)))
    right, wrong = drawn
    assert wrong.second_reward.equal(right.second_reward.roll(N_SAMPLES))
    assert wrong.first.tokens.equal(right.first.tokens)


@pytest.mark.parametrize(("kl", "grows"), [(0.2, True), (0.04, False), (0.001, False)])
def test_the_anchor_grows_where_attempt_1_leaves_the_reference(kl, grows):
    objective = policy_gradient(drafting_model(), STAGE_1, beta_2=0.1)
    objective.after_step({"kl_1": kl})
    assert objective.beta_2 == pytest.approx(0.15 if grows else 0.1)
    state = objective.state()
    objective.after_step({"kl_1": 0.001})
    assert objective.beta_2 == pytest.approx(0.1)
    objective.restore(state)
    assert objective.state() == state


def test_the_anchor_does_not_grow_without_end():
    """Where no weight can hold attempt 1 nearer, the reward would be drowned."""
    objective = policy_gradient(drafting_model(), STAGE_1, beta_2=0.1)
    for _ in range(40):
        objective.after_step({"kl_1": 1.0})
    assert objective.beta_2 == MOST_BETA_2
    objective.after_step({"kl_1": 0.001})
    assert objective.beta_2 < MOST_BETA_2


def imitation(model, keep, reward=short_attempts, **changes):
    objective = Imitation(
        model, frozen_copy(model), vocabulary(), reward, Stage(learning="imitation", keep=keep),
        n_samples=N_SAMPLES, max_extra_tokens=3, **changes,
    )  # fmt: skip
    objective.train()
    torch.manual_seed(7)
    return objective


def test_which_second_attempts_are_imitated():
    model = drafting_model()
    source, target = batch(model)
    kept = {}
    for keep in ("corrected", "correct", "best", "reference"):
        objective = imitation(model, keep, is_right=0.5)
        attempts = objective.draw(source, target)
        attempts = dataclasses.replace(
            attempts,
            first_reward=torch.tensor([0.0, 0.0, 1.0, 1.0, 0.2, 0.9, 0.2, 0.2]),
            second_reward=torch.tensor([1.0, 0.0, 1.0, 0.0, 0.1, 0.3, 0.3, 0.4]),
        )
        tokens, rows = objective.kept(attempts, target)
        kept[keep] = rows.int().tolist()
        if keep == "best":
            assert tokens[:4].equal(attempts.second.tokens[[0]].expand(4, -1))
            assert tokens[4:].equal(attempts.second.tokens[[7]].expand(4, -1))
        if keep == "reference":
            assert tokens.equal(target[:, 1:].repeat_interleave(4, 0))
    assert kept == {
        "corrected": [1, 0, 0, 0, 0, 0, 0, 0],
        "correct": [1, 0, 1, 0, 0, 0, 0, 0],
        "best": [1, 1, 1, 1, 1, 0, 1, 1],
        "reference": [1] * 8,
    }


def test_warm_up_without_retries_is_teacher_forcing():
    from core.training.objective import TeacherForcing

    model = drafting_model()
    source, target = batch(model)
    plain = TeacherForcing(model, label_smoothing=0.1)(source, target)
    warm = WarmUp(model, model, vocabulary(), label_smoothing=0.1, share_of_retries=0.0)
    assert_close(warm(source, target), plain)


def test_a_retry_reads_its_draft_and_starts_from_the_retry_token(monkeypatch):
    model = drafting_model()
    source, target = batch(model)
    warm = WarmUp(model, model, vocabulary(), label_smoothing=0.0, share_of_retries=1.0)
    drafts = [[280], [290, 291]]
    monkeypatch.setattr(warm, "_drafts", lambda *_: drafts)
    expected = score(model, objectives.with_drafts(source, drafts, model.config), target[:, 1:])
    assert_close(warm(source, target), -expected.log_probs.sum())


def test_methods_differ_from_score_in_what_they_are_said_to() -> None:
    stage_1, stage_2 = METHODS["score"].stages
    assert METHODS["stage1"].stages == (dataclasses.replace(stage_1, share=1.0),)
    assert METHODS["without_stage1"].stages == (dataclasses.replace(stage_2, share=1.0),)
    assert METHODS["without_shaping"].stages == (stage_1, dataclasses.replace(stage_2, alpha=0.0))
    assert METHODS["without_on_policy"].stages == (
        stage_1, dataclasses.replace(stage_2, base_drafts=1.0, first=0.0),
    )  # fmt: skip
    (naive,), (first,) = (METHODS[name].stages for name in ("naive_multi_turn", "first_only"))
    assert (naive.first, naive.second, naive.alpha) == (1.0, 1.0, 0.0)
    assert (first.first, first.second) == (1.0, 0.0)
    assert all(
        sum(stage.share for stage in each.stages) == 1 for each in METHODS.values() if each.stages
    )
