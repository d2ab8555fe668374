"""A model's sizes in words, beside those of the paper's base model."""

from collections.abc import Callable, Sequence

from core.config import ModelConfig
from explorer.components.anatomy.blocks import BlockKind, anatomy

PAPER_MILLIONS = 65
"""Parameters of the base model as Table 3 prints them."""

GROUPS: dict[str, tuple[BlockKind, ...]] = {
    "Embeddings and Linear": ("embedding", "positions", "linear"),
    "Attention": ("attention", "equation"),
    "Feed forward": ("feed_forward",),
    "Add & norm": ("norm", "softmax"),
}

Line = tuple[str, str, str]


def sizes(model: ModelConfig, base: ModelConfig) -> list[Line]:
    """Each size of the model by name, beside that of the paper's base model."""
    names: dict[str, Callable[[ModelConfig], str]] = {
        "Layers $N$, encoder + decoder": lambda c: f"{c.n_encoder_layers} + {c.n_decoder_layers}",
        r"$d_{\text{model}}$": lambda c: f"{c.d_model:,}",
        r"$d_{\text{ff}}$": lambda c: f"{c.d_ff:,}",
        "Heads $h$": lambda c: f"{c.n_heads}",
        "$d_k$, $d_v$": lambda c: f"{c.d_k}, {c.d_v}",
        "Pieces in the vocabulary": lambda c: f"{c.vocabulary_size:,}",
        "Positions": lambda c: c.positions.replace("_", ", "),
        "**Parameters**": lambda c: f"**{c.n_parameters:,}**",
    }
    return [(name, of(model), of(base)) for name, of in names.items()]


def parameters(model: ModelConfig, base: ModelConfig) -> list[Line]:
    """The number of parameters in each part, beside that of the paper's base model."""
    here, there = _by_group(model), _by_group(base)
    return [(name, here[name], there[name]) for name in GROUPS]


def _by_group(config: ModelConfig) -> dict[str, str]:
    blocks = anatomy(config)
    counts = {
        name: sum(block.n_parameters_in_all for block in blocks if block.kind in kinds)
        for name, kinds in GROUPS.items()
    }
    return {name: f"{n:,} ({n / config.n_parameters:.0%})" for name, n in counts.items()}


def as_table(head: Line, lines: Sequence[Line]) -> str:
    """A Markdown table with right-aligned numbers."""
    rows = [head, (":---", "---:", "---:"), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
