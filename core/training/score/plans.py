"""How much training each task gets; all methods of a task get the same.

Nothing here imports torch.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from core.config import TrainConfig


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much of what; the same for all methods of a task, so that they compare."""

    warm_up: TrainConfig
    method: TrainConfig
    """n_steps: updates of a method in all its stages."""
    share_of_retries: float = 0.3
    """Of the pairs in the warm-up (and in MLE+), those that are taught as second attempts."""
    n_samples: int = 4
    """Of each prompt, in an update."""
    beta_1: float = 0.01
    """Weight of the KL divergence from the reference model."""
    beta_2: float = 0.1
    """The same for attempt 1 in Stage I, at first."""

    def __post_init__(self) -> None:
        if self.n_samples < 2:
            raise ValueError(
                f"n_samples={self.n_samples}, but each prompt needs at least 2 samples: each is "
                "compared with the mean of the others"
            )

    def to_json(self) -> dict[str, Any]:
        """The plan as plain values."""
        parts = {
            name: getattr(self, name)
            for name in ("share_of_retries", "n_samples", "beta_1", "beta_2")
        }
        return {"warm_up": self.warm_up.to_json(), "method": self.method.to_json(), **parts}

    def changed(
        self,
        *,
        n_warm_up_steps: int | None = None,
        n_steps: int | None = None,
        tokens_per_update: int | None = None,
        n_samples: int | None = None,
        rate: float | None = None,
        warm_up_rate: float | None = None,
    ) -> Self:
        """The plan with some numbers replaced; None leaves one as it is."""
        update = {
            "tokens_per_update": tokens_per_update,
            "tokens_per_microbatch": tokens_per_update,
        }
        return dataclasses.replace(
            self,
            warm_up=_with(self.warm_up, n_steps=n_warm_up_steps, rate=warm_up_rate),
            method=_with(self.method, n_steps=n_steps, rate=rate, **update),
            n_samples=self.n_samples if n_samples is None else n_samples,
        )


def _with(config: TrainConfig, **changes: Any) -> TrainConfig:
    return config.replace(**{name: value for name, value in changes.items() if value is not None})


_NEVER = 1_000_000_000
_SHARED: dict[str, Any] = {
    "validate_every": _NEVER,
    "snapshot_every": _NEVER,
    "save_every_s": 60.0,
    "max_pieces": 128,
    "beta2": 0.999,
    "adam_epsilon": 1e-8,
}

PLANS: Mapping[str, Plan] = {
    "addition": Plan(
        warm_up=TrainConfig(
            tokens_per_update=1_200, tokens_per_microbatch=1_200, n_steps=940, rate=1e-3,
            label_smoothing=0.0, **_SHARED,
        ),
        method=TrainConfig(
            tokens_per_update=800, tokens_per_microbatch=800, n_steps=240, rate=1e-4,
            label_smoothing=0.0, **_SHARED,
        ),
        share_of_retries=0.6,
    ),
    "translation": Plan(
        warm_up=TrainConfig(
            tokens_per_update=2_000, tokens_per_microbatch=2_000, n_steps=2_000, rate=3e-4,
            label_smoothing=0.1, **_SHARED,
        ),
        method=TrainConfig(
            tokens_per_update=600, tokens_per_microbatch=600, n_steps=300, rate=3e-5,
            label_smoothing=0.0, **_SHARED,
        ),
    ),
}  # fmt: skip
"""By task. Rates are steady: the models are trained already, or small."""
