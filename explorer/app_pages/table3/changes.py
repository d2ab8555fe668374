"""What a variant of Table 3 changes, in words that hold for the paper's sizes and for ours.

Scaling keeps ratios: keys that are a quarter of base's are so in the paper (16 of 64) and here (4 of
16). So a row is named by ratios, and its numbers stand in two columns.
"""

from collections.abc import Callable
from fractions import Fraction

from core.experiments.table3.report import SIZES
from core.experiments.table3.table import Sizes

NOUNS = {
    "n_layers": "layers",
    "d_model": "width",
    "d_ff": "feed-forward width",
    "d_k": "key size",
    "d_v": "value size",
    "p_dropout": "dropout",
    "label_smoothing": "label smoothing",
}
TIMES = {
    Fraction(1, 4): "a quarter of",
    Fraction(1, 3): "a third of",
    Fraction(1, 2): "half",
    Fraction(2, 3): "two thirds of",
    Fraction(2): "twice",
    Fraction(3): "three times",
    Fraction(4): "four times",
}


def changed_fields(sizes: Sizes, base: Sizes) -> list[str]:
    """The sizes that make a variant, without those that only follow from them.

    More heads are smaller ones, and a wider model has wider heads.
    """
    changed = [field for field in SIZES if getattr(sizes, field) != getattr(base, field)]
    if "n_heads" in changed or "d_model" in changed:
        changed = [field for field in changed if field not in ("d_k", "d_v")]
    return changed


def change_in_words(sizes: Sizes, base: Sizes, *, seed: int, base_seed: int) -> str:
    """Such as `Half the key size`; nothing of it is a size, so it holds at every scale."""
    if seed != base_seed:
        return f"Other random numbers (seed {seed})"
    parts = [_change(field, sizes, base) for field in changed_fields(sizes, base)]
    text = ", ".join(parts) or "the base model"
    return text[0].upper() + text[1:]


def _change(field: str, sizes: Sizes, base: Sizes) -> str:
    value, usual = getattr(sizes, field), getattr(base, field)
    if field in _OWN_WORDS:
        return _OWN_WORDS[field](sizes, base)
    noun = NOUNS[field]
    if not value:
        return f"no {noun}"
    if not usual:
        return f"{noun} {value:g}"
    ratio = Fraction(str(value)) / Fraction(str(usual))
    if ratio == Fraction(4, 3):
        return f"a third more {noun}"
    return f"{TIMES.get(ratio) or f'{float(ratio):.3g} times'} the {noun}"


_OWN_WORDS: dict[str, Callable[[Sizes, Sizes], str]] = {
    "positions": lambda sizes, base: f"{sizes.positions} positions".replace("_", " "),
    "n_heads": lambda sizes, base: (
        f"{sizes.n_heads} {'head' if sizes.n_heads == 1 else 'heads'} instead of {base.n_heads}"
    ),
    "n_fixed_heads": lambda sizes, base: (
        f"{sizes.n_fixed_heads} of {sizes.n_heads} encoder heads fixed to positions"
    ),
}
"""Of fields that are no ratio to base's."""


def changed_sizes(sizes: Sizes, base: Sizes) -> str:
    """The changed sizes themselves, such as `d_k 16`; of several, the first and a sign for more."""
    fields = changed_fields(sizes, base)
    if not fields or fields[0] == "positions":
        return ""
    name, text = SIZES[fields[0]]
    return f"{name} {text(sizes)}{' …' if len(fields) > 1 else ''}"
