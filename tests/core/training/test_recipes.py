"""Settings for someone who names none: valid at every size, and in order."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.experiments.table3.presets import model_config
from core.training.recipes import RECIPES, recipe_for


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


@given(
    recipe=st.sampled_from(RECIPES), n_target_tokens=st.integers(1, 10**10), seed=st.integers(0, 99)
)
def test_settings_fit_any_corpus(recipe, n_target_tokens, seed):
    """Enough steps for so many epochs; warmup, validations and snapshots fall within them."""
    settings = recipe.training(n_target_tokens, seed)
    n_epochs = settings.n_steps * settings.tokens_per_update / n_target_tokens
    assert n_epochs <= recipe.n_epochs or settings.n_steps == 200
    assert n_epochs > recipe.n_epochs - 1 or n_target_tokens < settings.tokens_per_update
    assert settings.n_warmup_steps <= settings.n_steps / 3
    assert settings.validate_every <= settings.n_steps
    assert settings.snapshot_every * settings.n_snapshots <= settings.n_steps
    assert settings.seed == seed
