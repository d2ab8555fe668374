"""Recipes: model sizes and training settings that fit the size of a corpus.

Differs from the paper: its base model and 100,000 steps of 25,000 tokens suit millions of pairs;
a small corpus needs a smaller, shallower model, smaller batches and a shorter warmup.
"""

import dataclasses
from dataclasses import dataclass

from core.config import ModelConfig, TrainConfig

FINE_TUNING_RATE = 3e-4


@dataclass(frozen=True, slots=True)
class Recipe:
    """The sizes and settings for corpora of up to `max_pairs` pairs."""

    max_pairs: float
    vocabulary_size: int
    n_layers: int
    d_model: int
    d_ff: int
    n_heads: int
    p_dropout: float
    tokens_per_update: int
    n_warmup_steps: int
    rate_scale: float
    n_epochs: int
    cooldown_share: float
    """The share of the steps, at the end, over which the rate falls to zero."""

    def model(self, vocabulary_size: int) -> ModelConfig:
        return ModelConfig(
            vocabulary_size=vocabulary_size,
            n_encoder_layers=self.n_layers,
            n_decoder_layers=self.n_layers,
            d_model=self.d_model,
            d_ff=self.d_ff,
            n_heads=self.n_heads,
            d_k=self.d_model // self.n_heads,
            d_v=self.d_model // self.n_heads,
            p_dropout=self.p_dropout,
        )

    def training(self, n_target_tokens: int, seed: int = 1) -> TrainConfig:
        n_steps = max(200, self.n_epochs * n_target_tokens // self.tokens_per_update)
        return TrainConfig(
            tokens_per_update=self.tokens_per_update,
            tokens_per_microbatch=min(self.tokens_per_update, 4_000),
            n_steps=n_steps,
            n_warmup_steps=min(self.n_warmup_steps, n_steps // 3),
            n_cooldown_steps=round(self.cooldown_share * n_steps),
            rate_scale=self.rate_scale,
            validate_every=max(50, n_steps // 20),
            snapshot_every=max(25, n_steps // 40),
            seed=seed,
        )

    def fine_tuning(self, n_target_tokens: int, seed: int = 1) -> TrainConfig:
        """For a model that is trained already: a fifth of the epochs, at a low rate that falls to 0."""
        shorter = dataclasses.replace(self, n_epochs=self.n_epochs // 5)
        settings = shorter.training(n_target_tokens, seed)
        return settings.replace(rate=FINE_TUNING_RATE, n_cooldown_steps=settings.n_steps)


# The second one was measured on 20,000 captions, 2,000 steps: docs/decisions/0002-training-on-a-cpu.md.
RECIPES = (
    Recipe(10_000, 1_000, 2, 128, 512, 4, 0.1, 750, 400, 0.6, 20, 0.0),
    Recipe(60_000, 4_000, 3, 128, 512, 8, 0.1, 750, 750, 0.85, 20, 0.2),
    Recipe(1_000_000, 8_000, 4, 256, 1024, 8, 0.1, 1_500, 3_000, 0.8, 15, 0.2),
    Recipe(float("inf"), 32_000, 6, 512, 2048, 8, 0.1, 25_000, 4_000, 1.0, 10, 0.0),
)


def lasting(settings: TrainConfig, n_steps: int) -> TrainConfig:
    """The same for another number of steps, with the rate falling over the same share of them.

    Nothing else changes, so that a training that is asked for more steps goes on.
    """
    n_cooldown_steps = round(n_steps * settings.n_cooldown_steps / settings.n_steps)
    return settings.replace(n_steps=n_steps, n_cooldown_steps=n_cooldown_steps)


def early_steps(n_steps: int, n: int) -> tuple[int, ...]:
    """Steps for early snapshots: a third of the training, a third of that, and so on.

    Most of what a model learns it learns early. Every batch of a training holds about as many
    tokens, so the steps are evenly spaced in log tokens too, and the finished training is the next
    point of the same sequence.

    Args:
        n: how many at most; a short training has fewer.
    """
    return tuple(sorted({max(1, round(n_steps / 3**k)) for k in range(1, n + 1)}))


def recipe_for(n_pairs: int) -> Recipe:
    """The recipe for a corpus of this many pairs."""
    return next(recipe for recipe in RECIPES if n_pairs <= recipe.max_pairs)
