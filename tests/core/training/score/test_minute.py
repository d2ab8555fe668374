"""A minute of SCoRe on additions: the second attempt improves, and improves the first."""

import shutil

import numpy as np
import pytest

from core.checkpoint.bundled import bundled_root
from core.checkpoint.folder import load_checkpoint
from core.text.addition import addition_pairs
from core.training.score.attempts import attempt
from core.training.score.metrics import correction, share
from core.training.score.plans import PLANS
from core.training.score.task import addition_task
from core.training.score.train import CHECKPOINT, Experiment

BASE = bundled_root() / "score" / "addition" / "base"
RESERVED = 400


@pytest.mark.slow
def test_a_minute_of_score_improves_the_second_attempt(tmp_path):
    """From the bundled Base, on sums that no training has seen."""
    shutil.copytree(BASE, tmp_path / "base" / CHECKPOINT)
    task = addition_task(tmp_path / "texts", n_warm_up=1, n_prompts=4_000, n_test=1)
    plan = PLANS["addition"].changed(n_steps=45)
    folder = Experiment(folder=tmp_path, task=task, plan=plan).train("score", 1)
    assert folder
    pairs = list(addition_pairs(RESERVED, seed=20_409))
    first, second, before = [], [], []
    for found, kept in ((folder, (first, second)), (BASE, ([], before))):
        checkpoint = load_checkpoint(found)
        rewards = attempt(checkpoint.model, checkpoint.vocabulary, pairs).rewards("exact")
        for of_attempt, one in zip(rewards, kept, strict=True):
            one.extend(of_attempt)
    delta = correction(first, second, is_right=1).delta
    assert delta.interval_95[0] > 0
    gain = share(np.array(second) - np.array(before))
    assert gain.interval_95[0] > 0, gain
