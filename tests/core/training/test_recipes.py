"""Settings for someone who names none: valid at every size, and in order."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config import TrainConfig
from core.experiments.table3.presets import model_config
from core.training.recipes import RECIPES, early_steps, lasting, recipe_for


@given(st.integers(0, 10**9))
def test_every_corpus_has_the_smallest_recipe_that_fits(n_pairs):
    recipe = recipe_for(n_pairs)
    assert n_pairs <= recipe.max_pairs
    smaller = [other for other in RECIPES if other.max_pairs < recipe.max_pairs]
    assert all(n_pairs > other.max_pairs for other in smaller)


def test_recipes_grow():
    for smaller, larger in itertools.pairwise(RECIPES):
        assert smaller.max_pairs < larger.max_pairs
        assert (
            smaller.model(smaller.vocabulary_size).n_parameters
            < larger.model(larger.vocabulary_size).n_parameters
        )
    assert RECIPES[-1].max_pairs == math.inf


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: str(recipe.max_pairs))
def test_heads_split_the_model(recipe):
    config = recipe.model(11)
    assert config.n_heads * config.d_k == config.n_heads * config.d_v == config.d_model
    assert config.vocabulary_size == 11


def test_the_largest_recipe_is_the_papers_base_model():
    assert RECIPES[-1].model(37_000) == model_config("base", vocabulary_size=37_000)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: str(recipe.max_pairs))
@pytest.mark.parametrize("n_epochs_of_200", [0.3, 0.999, 1.001, 7.0, 1e4])
def test_a_training_has_so_many_epochs_and_at_least_200_steps(recipe, n_epochs_of_200):
    """The corpus is so large that the recipe's epochs are so many times 200 steps."""
    n_tokens = n_epochs_of_200 * 200 * recipe.tokens_per_update / recipe.n_epochs
    settings = recipe.training(math.ceil(n_tokens))
    expected = max(200, math.floor(n_epochs_of_200 * 200))
    assert settings.n_steps == pytest.approx(expected, abs=1)
    n_epochs = settings.n_steps * settings.tokens_per_update / n_tokens
    assert (n_epochs > 1.001 * recipe.n_epochs) == (n_epochs_of_200 < 0.9995)


@given(
    recipe=st.sampled_from(RECIPES), n_target_tokens=st.integers(1, 10**10), seed=st.integers(0, 99)
)
def test_settings_fit_any_corpus(recipe, n_target_tokens, seed):
    """Warmup, validations and snapshots fall within the steps."""
    settings = recipe.training(n_target_tokens, seed)
    assert settings.n_warmup_steps <= settings.n_steps / 3
    assert settings.n_cooldown_steps == round(recipe.cooldown_share * settings.n_steps)
    assert settings.n_warmup_steps + settings.n_cooldown_steps < settings.n_steps
    assert settings.validate_every <= settings.n_steps
    assert settings.snapshot_every * settings.n_snapshots <= settings.n_steps
    assert settings.seed == seed


@pytest.mark.parametrize("n_steps", [2_430, 9_000, 100_000])
def test_the_timeline_is_evenly_spaced_in_log_steps_up_to_the_end(n_steps):
    steps = [*early_steps(n_steps, 5), n_steps]
    assert len(steps) == 6
    for earlier, later in itertools.pairwise(steps):
        assert math.log(later / earlier) == pytest.approx(math.log(3), abs=0.06)


def test_a_short_training_has_a_shorter_timeline():
    assert early_steps(7, 5) == (1, 2)


@given(
    recipe=st.sampled_from(RECIPES), n_target_tokens=st.integers(1, 10**10), seed=st.integers(0, 99)
)
def test_fine_tuning_is_shorter_and_its_rate_falls_all_the_way(recipe, n_target_tokens, seed):
    settings, whole = (
        choose(n_target_tokens, seed) for choose in (recipe.fine_tuning, recipe.training)
    )
    assert settings.n_steps == pytest.approx(max(200, whole.n_steps / 5), abs=1)
    assert settings.n_cooldown_steps == settings.n_steps
    assert (settings.rate, settings.seed) == (3e-4, seed)


@given(n_steps=st.integers(1, 10**6), n_cooldown_steps=st.integers(0, 500))
def test_another_length_keeps_the_share_that_falls_and_nothing_else_changes(
    n_steps, n_cooldown_steps
):
    settings = TrainConfig(n_steps=500, n_cooldown_steps=n_cooldown_steps, rate_scale=0.7)
    longer = lasting(settings, n_steps)
    assert longer.n_cooldown_steps == pytest.approx(n_cooldown_steps / 500 * n_steps, abs=0.51)
    assert longer.replace(n_steps=500, n_cooldown_steps=n_cooldown_steps) == settings
