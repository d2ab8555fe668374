"""The learning rate of section 5.3, Equation 3, as a pure function of the step."""

import math


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
