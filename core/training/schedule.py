"""The learning rate of section 5.3, Equation 3, as a pure function of the step."""

import math


def cooldown(step: int, *, n_steps: int, n_cooldown_steps: int) -> float:
    """The factor on the rate near the end of a training: 1, then a straight line to 0 after its last step.

    Differs from the paper, whose rate only follows Equation 3. A model whose rate falls to zero in
    the end is better than one that stops on the way (Hägele et al. 2024, arXiv 2405.18392).
    """
    left = n_steps + 1 - step
    return min(1.0, left / (n_cooldown_steps + 1)) if n_cooldown_steps else 1.0


def learning_rate(step: int, *, d_model: int, n_warmup_steps: int, scale: float = 1.0) -> float:
    """Return `scale · d_model^-0.5 · min(step^-0.5, step · n_warmup_steps^-1.5)` (Equation 3).

    Rises linearly for `n_warmup_steps`, then falls with the inverse square root of the step.
    Steps count from 1.

    Differs from the paper: `scale` (1 in the paper) moves the whole curve, which small models need.

    Raises:
        ValueError: if `step` or `n_warmup_steps` is below 1.
    """
    if step < 1:
        raise ValueError(f"step={step} is before the first step; steps count from 1")
    if n_warmup_steps < 1:
        raise ValueError(f"n_warmup_steps={n_warmup_steps} must be at least 1")
    return (
        scale / math.sqrt(d_model) * min(1 / math.sqrt(step), step / math.pow(n_warmup_steps, 1.5))
    )
