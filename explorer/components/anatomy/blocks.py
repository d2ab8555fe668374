"""The blocks of Figure 1 for a model of any shape: what each computes, its sizes, its page."""

from dataclasses import dataclass
from typing import Literal

from core.config import Kind, ModelConfig
from explorer.figures.colours import OKABE_ITO, ROLES

Side = Literal["encoder", "decoder"]
BlockKind = Literal[
    "embedding", "positions", "attention", "equation", "norm", "feed_forward", "linear", "softmax"
]

COLOURS: dict[BlockKind, str] = {
    "embedding": OKABE_ITO[3],
    "positions": OKABE_ITO[3],
    "attention": ROLES["attention"].mark,
    "equation": ROLES["attention"].mark,
    "norm": OKABE_ITO[4],
    "feed_forward": OKABE_ITO[5],
    "linear": OKABE_ITO[7],
    "softmax": OKABE_ITO[2],
}


@dataclass(frozen=True, slots=True)
class Block:
    """One box of the figure; a box in a layer stands for its copies in all layers of the stack.

    In shapes, S and T are the source's and the target's number of pieces.
    """

    name: str  # its path in the module tree, without the layer's number
    kind: BlockKind
    side: Side
    title: str
    shape: str
    section: str  # of the paper
    n_parameters: int = 0  # of one copy
    n_copies: int = 1
    page: str | None = None  # that shows it at work
    says: str = ""  # what it does, in a sentence
    equation: str = ""  # of the paper; ^ and _ raise and lower what follows
    note: str = ""

    @property
    def n_parameters_in_all(self) -> int:
        return self.n_parameters * self.n_copies

    @property
    def attention(self) -> Kind | None:
        """The kind of attention that this block belongs to, if any."""
        if self.kind not in ("attention", "equation"):
            return None
        return "cross" if "cross_attention" in self.name else self.side


def anatomy(config: ModelConfig) -> tuple[Block, ...]:
    """All blocks, encoder then decoder, from the bottom up; their parameters add up to the model's.

    A tied table counts once, in the first embedding that uses it.
    """
    return (*_foot(config, "encoder"), *_layer(config, "encoder"),
            *_foot(config, "decoder"), *_layer(config, "decoder"), *_top(config))  # fmt: skip


def _foot(config: ModelConfig, side: Side) -> list[Block]:
    """Section 3.4's embedding and section 3.5's positions; the decoder's are the same tables."""
    letter, first = ("S", True) if side == "encoder" else ("T", False)
    d = config.d_model
    n_rows, note = _table(config, side)
    embedding = Block(
        f"{side}.embedding.tokens",
        "embedding",
        side,
        "Input Embedding" if first else "Output Embedding",
        f"{letter} ids → {letter} × {d}",
        "3.4",
        n_rows * d,
        says=f"Takes the row of each piece's id from the embedding table, times √{d}.",
        equation="x = √d_{model} · E[id]",
        note=note,
    )
    if config.positions == "none":
        return [embedding]
    is_learned = config.positions == "learned"
    positions = Block(
        f"{side}.embedding.positions",
        "positions",
        side,
        "Learned Positions" if is_learned else "Positional Encoding",
        f"{letter} × {d}, added",
        "6.2, row (E)" if is_learned else "3.5",
        config.max_positions * d if is_learned and first else 0,
        page="Positions",
        says="Adds a vector that says where each token stands, or else the order would be lost.",
        equation="x_{pos} + P[pos]" if is_learned else _SINUSOIDS[config.positions],
        note="One table for both stacks" if is_learned else "Sines and cosines, nothing learnt",
    )
    return [embedding, positions]


def _table(config: ModelConfig, side: Side) -> tuple[int, str]:
    """The rows of a stack's embedding table that count there, and what is to say of it."""
    own, n, d = config.source_vocabulary_size, config.vocabulary_size, config.d_model
    if own is None:
        note = f"One table of {n:,} × {d}, tied three ways"
        return (n, note) if side == "encoder" else (0, f"{note}; counted in the input embedding")
    if side == "encoder":
        return own, f"The source has a table of its own, {own:,} × {d}"
    return n, f"One table of {n:,} × {d}, used twice: as output embedding and as output projection"


_SINUSOIDS = {
    "sinusoidal": "PE(pos, 2i) = sin(pos / 10000^{2i/d}), PE(pos, 2i+1) = cos(pos / 10000^{2i/d})",
    "sinusoidal_halves": "PE(pos, i) = sin(pos / 10000^{2i/d}), "
    "PE(pos, d/2 + i) = cos(pos / 10000^{2i/d})",
}


_ACTIVATIONS = {"relu": "max(0, {})", "silu": "SiLU({})", "gelu": "GELU({})"}


def _layer(config: ModelConfig, side: Side) -> list[Block]:
    """One layer of a stack, each sub-layer with its add & norm."""
    d, n_layers = config.d_model, getattr(config, f"n_{side}_layers")
    letter = "S" if side == "encoder" else "T"
    kinds = ["self_attention"] if side == "encoder" else ["self_attention", "cross_attention"]

    def norm(name: str) -> Block:
        return Block(
            f"{side}.layers.{name}_norm", "norm", side, "Add & Norm",
            f"{letter} × {d} + {letter} × {d} → {letter} × {d}", "3.1", 2 * d, n_layers,
            says="Adds the sub-layer's input to its output, then gives each token's sum mean 0 and "
            "deviation 1, times a gain, plus a bias.",
            equation="LayerNorm(x + Sublayer(x))",
            note="A gain and a bias a dimension",
        )  # fmt: skip

    attentions = [
        block for kind in kinds for block in (*_attention(config, side, kind, n_layers), norm(kind))
    ]
    activation = _ACTIVATIONS[config.activation]
    is_relu = config.activation == "relu"
    feed_forward = Block(
        f"{side}.layers.feed_forward", "feed_forward", side, "Feed Forward",
        f"{letter} × {d} → {letter} × {config.d_ff} → {letter} × {d}", "3.3, Eq. 2",
        2 * d * config.d_ff + config.d_ff + d, n_layers, page="Ablate",
        says=f"Lets {config.d_ff:,} units respond to each token by itself, and adds up what they write.",
        equation=f"FFN(x) = {activation.format('xW_1 + b_1')} W_2 + b_2",
        note="Two matrices"
        + ("" if is_relu else f"; the paper has max(0, ·) in place of {activation.format('·')}"),
    )  # fmt: skip
    return [*attentions, feed_forward, norm("feed_forward")]


def _attention(config: ModelConfig, side: Side, kind: str, n_layers: int) -> list[Block]:
    """Section 3.2.2's projections, and section 3.2.1's Equation 1 between them."""
    d, h, d_k, d_v = config.d_model, config.n_heads, config.d_k, config.d_v
    asks = "S" if side == "encoder" else "T"
    looked_at = "T" if (side, kind) == ("decoder", "self_attention") else "S"
    n_parameters = h * d * (2 * d_k + 2 * d_v)
    n_parameters += h * (2 * d_k + d_v) + d if config.attention_bias else 0
    is_masked = looked_at == "T"
    name = f"{side}.layers.{kind}"
    return [
        Block(
            name, "attention", side,
            f"{'Masked ' if is_masked else ''}Multi-Head Attention",
            f"Q {h} × {asks} × {d_k}, K {h} × {looked_at} × {d_k}, V {h} × {looked_at} × {d_v} → {asks} × {d}",
            "3.2.2", n_parameters, n_layers, page="Heads",
            says="Lets the translation attend to the source: queries come from the decoder, keys and "
            "values from the encoder's output." if kind == "cross_attention" else
            "Lets each token of the translation attend to itself and to those before it." if is_masked
            else "Lets every source piece attend to every source piece.",
            equation="MultiHead(Q, K, V) = Concat(head_1, …, head_h) W^O",
            note=f"{h} heads side by side, joined by Wᴼ",
        ),
        Block(
            f"{name}.weights", "equation", side, "softmax(QKᵀ/√dₖ) V",
            f"weights {h} × {asks} × {looked_at} → heads {h} × {asks} × {d_v}",
            "3.2.1, Eq. 1", page="Inside attention", n_copies=n_layers,
            says="Compares a query with every key; the softmax makes weights of it, and the output is "
            "the sum of the values, each times its weight.",
            equation="Attention(Q, K, V) = softmax(QK^T / √d_k) V",
        ),
    ]  # fmt: skip


def _top(config: ModelConfig) -> list[Block]:
    """The projection onto the vocabulary, tied to the embeddings, and the softmax."""
    vocabulary = config.vocabulary_size
    return [
        Block(
            "linear", "linear", "decoder", "Linear", f"T × {config.d_model} → T × {vocabulary}",
            "3.4", vocabulary if config.output_bias else 0,
            says=f"Compares the decoder's output with all {vocabulary:,} rows of the embedding table: "
            "one score a piece.",
            equation="z = xE^T" + (" + b" if config.output_bias else ""),
            note=f"The {'output ' if config.source_vocabulary_size else ''}embeddings' table again" + (", plus one bias a piece" if config.output_bias else ""),
        ),
        Block(
            "softmax", "softmax", "decoder", "Softmax",
            f"T × {vocabulary}: the probability of every next piece", "3.4", page="Translate",
            says="Makes probabilities of the scores; together they are 1, and the search takes the next "
            "piece from them.",
            equation="p_i = exp(z_i) / Σ_j exp(z_j)",
        ),
    ]  # fmt: skip
