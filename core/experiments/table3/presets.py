"""Every variant of the paper's Table 3 by name, at any width and depth.

`width=1/4` keeps the number of heads and divides d_model, d_ff, d_k and d_v; `depth=1/2` halves N.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from core.config import ModelConfig


@dataclass(frozen=True, slots=True)
class PaperResult:
    """The paper's results for a variant on newstest2013, English to German (Table 3)."""

    perplexity: float
    bleu: float
    parameters_millions: float | None = None


@dataclass(frozen=True, slots=True)
class Preset:
    """One variant: its differences from the base model, and the paper's numbers for it."""

    name: str
    paper: PaperResult
    model: dict[str, Any] = field(default_factory=dict)
    label_smoothing: float = 0.1
    n_steps: int = 100_000


def _rows() -> tuple[Preset, ...]:
    def row(
        name: str, perplexity: float, bleu: float, parameters: float | None = None, **changes: Any
    ) -> Preset:
        label_smoothing = changes.pop("label_smoothing", 0.1)
        n_steps = changes.pop("n_steps", 100_000)
        result = PaperResult(perplexity, bleu, parameters)
        return Preset(name, result, changes, label_smoothing, n_steps)

    def depth(n: int) -> dict[str, int]:
        return {"n_encoder_layers": n, "n_decoder_layers": n}

    return (
        row("base", 4.92, 25.8, 65),
        row("A-h1", 5.29, 24.9, n_heads=1, d_k=512, d_v=512),
        row("A-h4", 5.00, 25.5, n_heads=4, d_k=128, d_v=128),
        row("A-h16", 4.91, 25.8, n_heads=16, d_k=32, d_v=32),
        row("A-h32", 5.01, 25.4, n_heads=32, d_k=16, d_v=16),
        row("B-dk16", 5.16, 25.1, 58, d_k=16),
        row("B-dk32", 5.01, 25.4, 60, d_k=32),
        row("C-N2", 6.11, 23.7, 36, **depth(2)),
        row("C-N4", 5.19, 25.3, 50, **depth(4)),
        row("C-N8", 4.88, 25.5, 80, **depth(8)),
        row("C-d256", 5.75, 24.5, 28, d_model=256, d_k=32, d_v=32),
        row("C-d1024", 4.66, 26.0, 168, d_model=1024, d_k=128, d_v=128),
        row("C-ff1024", 5.12, 25.4, 53, d_ff=1024),
        row("C-ff4096", 4.75, 26.2, 90, d_ff=4096),
        row("D-drop0.0", 5.77, 24.6, p_dropout=0.0),
        row("D-drop0.2", 4.95, 25.5, p_dropout=0.2),
        row("D-ls0.0", 4.67, 25.3, label_smoothing=0.0),
        row("D-ls0.2", 5.47, 25.7, label_smoothing=0.2),
        row("E-learned", 4.92, 25.7, positions="learned"),
        row(
            "big", 4.33, 26.4, 213, d_model=1024, d_ff=4096, n_heads=16, p_dropout=0.3,
            n_steps=300_000,
        ),
    )  # fmt: skip


PRESETS = {preset.name: preset for preset in _rows()}


def preset(name: str) -> Preset:
    """The preset of this name; raises ValueError, listing all names, if there is none."""
    if name not in PRESETS:
        raise ValueError(f"there is no preset {name!r}; there are {', '.join(PRESETS)}")
    return PRESETS[name]


def model_config(
    name: str,
    *,
    vocabulary_size: int,
    width: Fraction | str = "1",
    depth: Fraction | str = "1",
    **changes: Any,
) -> ModelConfig:
    """The configuration of a variant of Table 3, scaled.

    Raises:
        ValueError: if there is no such variant, or a scaled size is not a whole number of at least
            1.
    """
    unscaled = ModelConfig(vocabulary_size=vocabulary_size, **preset(name).model)
    scales = {
        **dict.fromkeys(("d_model", "d_ff", "d_k", "d_v"), ("width", _scale("width", width))),
        **dict.fromkeys(
            ("n_encoder_layers", "n_decoder_layers"), ("depth", _scale("depth", depth))
        ),
    }
    scaled = {}
    for field_name, (scale_name, scale) in scales.items():
        size = getattr(unscaled, field_name) * scale
        if size.denominator != 1 or size < 1:
            raise ValueError(
                f"{scale_name}={scale} makes {field_name}={getattr(unscaled, field_name)} of {name} "
                f"into {size}, which is not a whole number of at least 1"
            )
        scaled[field_name] = int(size)
    return unscaled.replace(**{**scaled, **changes})


def _scale(name: str, value: Fraction | str) -> Fraction:
    try:
        scale = Fraction(value)
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"{name}={value!r} is not a fraction; write 1/4 or 0.25") from None
    if scale <= 0:
        raise ValueError(f"{name}={value} must be positive")
    return scale
