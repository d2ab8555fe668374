"""Whole trainings: a bandit is learnt, a kill changes nothing, a minute of SCoRe improves a draft."""

import itertools
import json

import pytest
import torch

from core.config import TrainConfig
from core.model import build
from core.text.batches import pad
from core.training.run_folder import Progress, RunFolder
from core.training.score.methods import Stage
from core.training.score.objectives import PolicyGradient, WarmUp, frozen_copy
from core.training.trainer import Trainer
from tests.core.helpers import corpus_of
from tests.core.training.score.two_attempts import drafting_model, vocabulary

SETTINGS = TrainConfig(
    tokens_per_update=24, tokens_per_microbatch=24, n_steps=6, rate=3e-3, precision="float64",
    validate_every=10**9, snapshot_every=10**9, save_every_s=1e-9, seed=3,
)  # fmt: skip
CORPUS = corpus_of([[280]] * 24, [[270]] * 24)


def holds(letter):
    """A reward that pays for one letter, wherever it stands."""
    return lambda attempts, _: [float(letter in attempt) for attempt in attempts]


def trainer(folder, stage, *, reward, n_steps=SETTINGS.n_steps, model=None, **changes):
    torch.manual_seed(1)
    model = model or drafting_model()
    objective = PolicyGradient(
        model,
        frozen_copy(model),
        vocabulary(),
        reward,
        stage,
        n_samples=4,
        max_extra_tokens=1,
        **changes,
    )
    run = RunFolder(folder)
    run.create()
    return Trainer(
        objective=objective,
        corpus=CORPUS,
        validation={},
        config=SETTINGS.replace(n_steps=n_steps),
        run=run,
    )


def test_a_bandits_reward_goes_to_1(tmp_path):
    """Taught six answers at random, one of which is paid for, it gives that one, in both attempts."""
    torch.manual_seed(1)
    model = build(drafting_model().config).double()
    source, target = (pad(rows, 0) for rows in _random_answers())
    warm = WarmUp(model, model, vocabulary(), label_smoothing=0.0, share_of_retries=0.3)
    adam = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(60):
        adam.zero_grad()
        (warm(source, target) / len(source)).backward()
        adam.step()
    paid = vocabulary().decode([PAID])
    bandit = trainer(
        tmp_path, Stage(first=1.0), reward=lambda a, _: [float(t == paid) for t in a], model=model,
        beta_1=0.0, beta_2=0.0,
    )  # fmt: skip
    batches = itertools.islice(bandit.batches_from(Progress()), 40)
    reports = [bandit.step(batch, number) for number, (batch, _, _) in enumerate(batches, 1)]
    early, late = (
        [sum(r.measures[f"reward_{attempt}"] for r in part) / len(part) for attempt in (1, 2)]
        for part in (reports[:3], reports[-10:])
    )
    assert max(early) < 0.6
    assert min(late) > 0.9


PAID = 300


def _random_answers():
    """One source, and each of six tokens as its target four times."""
    targets = [[2, PAID + n % 6, 3] for n in range(24)]
    return [[280, 3]] * 24, targets


def test_a_kill_changes_nothing(tmp_path):
    """Weights, history and the adapted β2 are those of the run that was never stopped."""
    stage = Stage(anchors_first=True)
    whole = trainer(tmp_path / "whole", stage, reward=holds("a"), beta_2=0.3)
    whole.train()
    stopped = trainer(tmp_path / "stopped", stage, reward=holds("a"), beta_2=0.3, n_steps=3)
    stopped.train()
    resumed = trainer(tmp_path / "stopped", stage, reward=holds("a"), beta_2=0.3)
    resumed.train()
    for name, tensor in whole.model.state_dict().items():
        assert tensor.equal(resumed.model.state_dict()[name]), name
    states = [
        json.loads((tmp_path / run / "step-0000006" / "progress.json").read_text())
        for run in ("whole", "stopped")
    ]
    assert states[0]["objective"] == states[1]["objective"]
    assert states[0]["objective"]["beta_2"] != 0.3
    assert states[0]["window"]["measures"] == pytest.approx(states[1]["window"]["measures"])
