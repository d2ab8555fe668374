"""What an experiment was begun with: kept, agreed with, or told apart by name."""

import dataclasses

import pytest

from core.training.score.methods import METHODS
from core.training.score.plans import PLANS
from core.training.score.settings import SETTINGS, agree, read_settings, settings_of
from core.training.score.task import addition_task


@pytest.fixture
def begun(tmp_path):
    task = addition_task(tmp_path / "texts", n_warm_up=4, n_prompts=3, n_test=2)
    return settings_of(task, PLANS["addition"])


def test_the_same_command_agrees(begun, tmp_path):
    assert read_settings(tmp_path) is None
    agree(tmp_path, begun)
    agree(tmp_path, begun)
    assert read_settings(tmp_path) == begun


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"reward": "bleu"}, "reward was 'exact', is 'bleu'"),
        ({"is_right": 0.5}, r"is_right was 1.0, is 0.5"),
        ({"texts": {"warm-up": "x", "prompts": "y"}}, "the text warm-up has changed; the text prompts"),
        ({"tests": {"additions": "other"}}, "the text additions has changed"),
        ({"plan": PLANS["addition"].changed(rate=0.5, n_samples=2).to_json()},
         r"plan.method.rate was 0.0001, is 0.5; plan.n_samples was 4, is 2"),
    ],
)  # fmt: skip
def test_another_command_is_refused_with_what_differs(begun, tmp_path, changes, said):
    agree(tmp_path, begun)
    with pytest.raises(ValueError, match=f"{said}.*another --output"):
        agree(tmp_path, dataclasses.replace(begun, **changes))
    assert read_settings(tmp_path) == begun


def test_a_further_test_may_be_added_and_none_is_forgotten(begun, tmp_path):
    agree(tmp_path, begun)
    agree(tmp_path, dataclasses.replace(begun, tests={"news": "hash"}))
    assert read_settings(tmp_path).tests == {**begun.tests, "news": "hash"}


def test_damage_is_named(begun, tmp_path):
    agree(tmp_path, begun)
    (tmp_path / SETTINGS).write_text("[]")
    with pytest.raises(ValueError, match=f"{SETTINGS} cannot be read"):
        read_settings(tmp_path)


def test_one_sample_has_no_baseline():
    with pytest.raises(ValueError, match="n_samples=1, but each prompt needs at least 2"):
        PLANS["addition"].changed(n_samples=1)


def test_methods_imitate_where_their_papers_do():
    imitating = {
        name for name, method in METHODS.items() for stage in method.stages if stage.learning == "imitation"
    }  # fmt: skip
    assert imitating == {"star_stage2", "star", "star_plus", "pair_self", "pair_reference"}
