"""The settings of a model, a training and a search: frozen, checked when made, stored as JSON.

Nothing here imports torch, so that help texts and pages which only list choices open at once.
"""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

Activation = Literal["relu", "silu", "gelu"]
Positions = Literal["sinusoidal", "sinusoidal_halves", "learned", "none"]
Precision = Literal["auto", "float32", "bfloat16", "float64"]
Method = Literal["greedy", "beam", "sample"]
LengthPenalty = Literal["gnmt", "power"]
Switch = Literal["auto", "on", "off"]

MOST_POSITION_NUMBERS = 2**27
"""The most numbers in a position table: 512 MiB, or 131,072 positions of the big model."""


N_FIXED_PATTERNS = 7
"""How many fixed patterns of positions there are (`core.model.fixed_heads`)."""


class _Config:
    """JSON both ways for the frozen dataclasses below."""

    def to_json(self) -> dict[str, Any]:
        values: dict[str, Any] = dataclasses.asdict(self)  # type: ignore[call-overload]
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Build from the dictionary `to_json` wrote.

        Raises:
            ValueError: if it is not a dictionary, a key is unknown, a required key is missing, or a
                value breaks a rule.
        """
        if not isinstance(values, dict):
            raise ValueError(f"{cls.__name__} must be an object with its fields, not {values!r}")
        fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
        unknown = sorted(set(values) - set(fields))
        if unknown:
            raise ValueError(
                f"{cls.__name__} has no field {unknown}; its fields are {sorted(fields)}"
            )
        missing = sorted(
            name
            for name, field in fields.items()
            if name not in values
            and field.default is dataclasses.MISSING
            and field.default_factory is dataclasses.MISSING
        )
        if missing:
            raise ValueError(f"{cls.__name__} lacks {missing}")
        return cls(**values)

    def replace(self, **changes: Any) -> Self:
        return dataclasses.replace(self, **changes)  # type: ignore[type-var]

    def _require_at_least(self, low: int, *names: str) -> None:
        for name in names:
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < low:
                raise ValueError(f"{name}={value!r} must be a whole number of at least {low}")

    def _require_seeds(self, *names: str) -> None:
        """Whole numbers that every generator of random numbers takes."""
        self._require_at_least(0, *names)
        for name in names:
            if getattr(self, name) >= 2**63:
                raise ValueError(
                    f"{name}={getattr(self, name)} must be below 2^63; choose a smaller one"
                )

    def _require_between(self, low: float, high: float, *names: str) -> None:
        """Require low <= value < high."""
        for name in names:
            value = getattr(self, name)
            if not isinstance(value, int | float) or not low <= value < high:
                raise ValueError(f"{name}={value!r} must be at least {low} and below {high}")

    def _require_positive(self, *names: str) -> None:
        for name in names:
            value = getattr(self, name)
            if not isinstance(value, int | float) or not value > 0 or math.isinf(value):
                raise ValueError(f"{name}={value!r} must be a positive number")

    def _require_one_of(self, choices: Any, *names: str) -> None:
        for name in names:
            value = getattr(self, name)
            if value not in get_args(choices):
                raise ValueError(f"{name}={value!r} must be one of {', '.join(get_args(choices))}")


@dataclass(frozen=True, kw_only=True, slots=True)
class SpecialIds:
    """The ids of the tokens that stand for no text; in some vocabularies two of them are equal."""

    pad: int
    unknown: int
    start: int
    end: int


@dataclass(frozen=True, kw_only=True)
class ModelConfig(_Config):
    """The shape of one encoder-decoder Transformer (paper, section 3); defaults are the base model.

    `n_heads`, `d_k` and `d_v` are independent of each other, as rows (A) and (B) of Table 3 need.

    Differs from the paper: `activation`, `sinusoidal_halves`, `none`, the two bias switches, a source
    table of its own, `writes_unknown`, `never_written` and `renormalises` exist to load and compare
    other toolkits' models, `n_fixed_heads` to repeat Raganato et al. 2020; their defaults are the
    paper's.
    """

    vocabulary_size: int
    n_encoder_layers: int = 6
    n_decoder_layers: int = 6
    d_model: int = 512
    d_ff: int = 2048
    n_heads: int = 8
    d_k: int = 64
    d_v: int = 64
    p_dropout: float = 0.1
    activation: Activation = "relu"
    positions: Positions = "sinusoidal"
    max_positions: int = 1024
    attention_bias: bool = False
    output_bias: bool = False
    layer_norm_epsilon: float = 1e-6
    pad_id: int = 0
    unknown_id: int = 1
    start_id: int = 2
    end_id: int = 3
    separator_id: int | None = None
    """Begins a draft, a first attempt at the translation, behind a source; None: no drafts."""
    retry_id: int | None = None
    """The decoder starts from it where the source holds a draft."""
    source_vocabulary_size: int | None = None
    """Of a source table of its own; None: one table for source, target and output (section 3.4)."""
    writes_unknown: bool = False
    """Whether a translation may hold the unknown token, as other toolkits let it."""
    never_written: tuple[int, ...] = ()
    """Ids that no translation may hold, beside padding, start and unknown."""
    renormalises: bool = False
    """Whether probabilities leave out the tokens that no translation may hold."""
    n_fixed_heads: int = 0
    """How many heads of each encoder layer attend by a fixed pattern of positions."""

    def __post_init__(self) -> None:
        self._require_at_least(
            1, "vocabulary_size", "n_encoder_layers", "n_decoder_layers", "d_model", "d_ff"
        )
        self._require_at_least(1, "n_heads", "d_k", "d_v", "max_positions")
        self._require_between(0, 1, "p_dropout")
        self._require_positive("layer_norm_epsilon")
        self._require_one_of(Activation, "activation")
        self._require_one_of(Positions, "positions")
        self._require_at_least(0, "pad_id", "unknown_id", "start_id", "end_id")
        for name in ("pad_id", "unknown_id", "start_id", "end_id"):
            if getattr(self, name) >= self.vocabulary_size:
                raise ValueError(
                    f"{name}={getattr(self, name)} is outside the vocabulary "
                    f"of vocabulary_size={self.vocabulary_size}"
                )
        self._check_draft_ids()
        self._check_source_table()
        self._check_fixed_heads()
        object.__setattr__(
            self, "never_written", tuple(self.never_written)
        )  # JSON knows only lists
        for id_ in self.never_written:
            if not isinstance(id_, int) or not 0 <= id_ < self.vocabulary_size:
                raise ValueError(
                    f"never_written holds {id_!r}, which is no id below "
                    f"vocabulary_size={self.vocabulary_size}"
                )
        if self.max_positions * self.d_model > MOST_POSITION_NUMBERS:
            raise ValueError(
                f"max_positions={self.max_positions} times d_model={self.d_model} makes a position "
                f"table of more than {MOST_POSITION_NUMBERS:,} numbers; choose fewer positions"
            )
        if self.end_id == self.pad_id:
            raise ValueError(
                f"end_id={self.end_id} is also pad_id; the end token would be masked like padding; give "
                "them two ids"
            )
        if self.positions.startswith("sinusoidal") and self.d_model % 2:
            raise ValueError(
                f"d_model={self.d_model} is odd; sinusoidal positions pair a sine with a cosine, "
                "so d_model must be even (or positions learned or none)"
            )

    def _check_draft_ids(self) -> None:
        given = [each for each in (self.separator_id, self.retry_id) if each is not None]
        others = (self.pad_id, self.unknown_id, self.start_id, self.end_id)
        if len(given) == 1:
            raise ValueError(
                f"separator_id={self.separator_id} and retry_id={self.retry_id}: a model that takes "
                "drafts has both, another one has neither"
            )
        for id_ in given:
            if not 0 <= id_ < self.vocabulary_size or (*given, *others).count(id_) > 1:
                raise ValueError(
                    f"separator_id={self.separator_id} and retry_id={self.retry_id} must be two ids "
                    f"of their own below vocabulary_size={self.vocabulary_size}"
                )

    def _check_fixed_heads(self) -> None:
        self._require_at_least(0, "n_fixed_heads")
        most = min(self.n_heads, N_FIXED_PATTERNS)
        if self.n_fixed_heads > most:
            raise ValueError(
                f"n_fixed_heads={self.n_fixed_heads} must be at most {most}: there are "
                f"{N_FIXED_PATTERNS} patterns, and a layer has n_heads={self.n_heads}"
            )

    def _check_source_table(self) -> None:
        size = self.source_vocabulary_size
        if size is None:
            return
        self._require_at_least(1, "source_vocabulary_size")
        if self.takes_drafts:
            raise ValueError(
                f"source_vocabulary_size={size}: a model that takes drafts reads its own translations, so "
                "it has one table for both sides"
            )
        for name in ("pad_id", "end_id"):
            if getattr(self, name) >= size:
                raise ValueError(
                    f"{name}={getattr(self, name)} is outside the source table of "
                    f"source_vocabulary_size={size}"
                )

    @property
    def takes_drafts(self) -> bool:
        """Whether a source may hold a draft: a first attempt that the model is to improve."""
        return self.separator_id is not None

    def with_draft(self, source: Sequence[int], draft: Sequence[int]) -> list[int]:
        """The source of a second attempt: source, end, separator, draft; no end after it.

        Raises:
            ValueError: if the model takes no drafts.
        """
        if self.separator_id is None:
            raise ValueError(
                "this model was not trained to correct a draft; train one with "
                "`python -m core score train`"
            )
        return [*source, self.end_id, self.separator_id, *draft]

    def start_for(self, source: Sequence[int]) -> int:
        """The token that the decoder starts from for this source."""
        if self.retry_id is not None and self.separator_id in source:
            return self.retry_id
        return self.start_id

    @property
    def banned_ids(self) -> frozenset[int]:
        """Ids that no translation may hold; the end token is none, even if another shares its id."""
        unknown = () if self.writes_unknown else (self.unknown_id,)
        named = {self.pad_id, self.start_id, *unknown, *self.never_written}
        return frozenset(named - {self.end_id})

    @property
    def ids(self) -> SpecialIds:
        return SpecialIds(
            pad=self.pad_id, unknown=self.unknown_id, start=self.start_id, end=self.end_id
        )

    @property
    def n_parameters(self) -> int:
        """The number of trainable parameters, by the paper's formulas; tied tables count once."""
        d, h = self.d_model, self.n_heads
        attention = h * d * (2 * self.d_k + 2 * self.d_v)
        if self.attention_bias:
            attention += h * (2 * self.d_k + self.d_v) + d
        feed_forward = 2 * d * self.d_ff + self.d_ff + d
        norm = 2 * d
        encoder_layer = attention + feed_forward + 2 * norm
        decoder_layer = 2 * attention + feed_forward + 3 * norm
        tables = self.vocabulary_size * d
        tables += self.max_positions * d if self.positions == "learned" else 0
        tables += self.vocabulary_size if self.output_bias else 0
        tables += d if self.takes_drafts else 0
        tables += (self.source_vocabulary_size or 0) * d
        layers = self.n_encoder_layers * encoder_layer + self.n_decoder_layers * decoder_layer
        return tables + layers


@dataclass(frozen=True, kw_only=True)
class TrainConfig(_Config):
    """How a model is trained (paper, section 5); defaults are the paper's where it states them."""

    tokens_per_update: int = 25_000
    """Source tokens, and as many target tokens, that one optimiser step sees (section 5.1)."""
    tokens_per_microbatch: int = 25_000
    """The same for one forward and backward pass; smaller means gradient accumulation."""
    n_steps: int = 100_000
    """Number of optimiser steps."""
    n_warmup_steps: int = 4_000
    """Steps over which the learning rate rises (section 5.3)."""
    n_cooldown_steps: int = 0
    """Steps at the end over which the rate falls to zero. Differs from the paper, which has none."""
    rate_scale: float = 1.0
    """Factor on the learning rate of Equation 3; 1 in the paper."""
    rate: float | None = None
    """A rate that stays the same, in place of Equation 3; for models that are trained already."""
    beta1: float = 0.9
    beta2: float = 0.98
    adam_epsilon: float = 1e-9
    label_smoothing: float = 0.1
    max_gradient_norm: float = 1.0
    """A larger gradient is scaled down to this norm. Differs from the paper, which states none."""
    max_pieces: int = 256
    """Pairs with more pieces on either side, `</s>` included, are left out of the training."""
    validate_every: int = 1_000
    """Steps between measurements on the validation text."""
    n_validation_translations: int = 256
    """Validation sentences that are translated greedily for BLEU, per validation text."""
    patience: int = 0
    """Stop after so many validations without a better perplexity; 0 = never."""
    save_every_s: float = 300.0
    """Seconds between saves of the running state."""
    snapshot_every: int = 1_000
    """Steps between the weight snapshots that averaging uses."""
    n_snapshots: int = 5
    """How many of the newest snapshots are kept, and averaged at the end (section 6.1: 5)."""
    keep_steps: tuple[int, ...] = ()
    """Steps after which the weights are kept for good; the checkpoint gets them as its timeline."""
    seed: int = 1
    precision: Precision = "auto"
    """auto: bfloat16 autocast where the hardware computes it faster, float32 elsewhere."""
    compile: Switch = "auto"
    """torch.compile; auto: on CUDA only."""

    def __post_init__(self) -> None:
        self._require_at_least(
            1, "tokens_per_update", "tokens_per_microbatch", "n_steps", "n_warmup_steps"
        )
        self._require_at_least(1, "validate_every", "snapshot_every", "n_snapshots", "max_pieces")
        self._require_at_least(0, "n_validation_translations", "patience", "n_cooldown_steps")
        if self.n_cooldown_steps > self.n_steps:
            raise ValueError(
                f"n_cooldown_steps={self.n_cooldown_steps} exceeds n_steps={self.n_steps}; it is a part of them"
            )
        self._require_seeds("seed")
        object.__setattr__(self, "keep_steps", tuple(self.keep_steps))  # JSON knows only lists
        for step in self.keep_steps:
            if not isinstance(step, int) or isinstance(step, bool) or not 1 <= step <= self.n_steps:
                raise ValueError(
                    f"keep_steps holds {step!r}; each must be a step of the training, from 1 to "
                    f"n_steps={self.n_steps}"
                )
        self._require_between(0, 1, "beta1", "beta2", "label_smoothing")
        if self.rate is not None:
            self._require_positive("rate")
        self._require_positive("rate_scale", "adam_epsilon", "max_gradient_norm", "save_every_s")
        self._require_one_of(Precision, "precision")
        self._require_one_of(Switch, "compile")
        if self.tokens_per_microbatch > self.tokens_per_update:
            raise ValueError(
                f"tokens_per_microbatch={self.tokens_per_microbatch} exceeds "
                f"tokens_per_update={self.tokens_per_update}; a part cannot exceed the whole"
            )


@dataclass(frozen=True, kw_only=True)
class SearchConfig(_Config):
    """How a translation is searched for (paper, section 6.1); defaults are the paper's."""

    method: Method = "beam"
    beam_size: int = 4
    length_penalty: LengthPenalty = "gnmt"
    """gnmt: ((5 + |Y|) / 6)^alpha, the paper's. power: |Y|^alpha, as fairseq and others divide."""
    alpha: float = 0.6
    max_extra_pieces: int = 50
    """By how many pieces the output may be longer than the input (section 6.1)."""
    max_target_pieces: int = 512
    n_candidates: int = 5
    """How many of the most probable next pieces are kept for each step."""
    temperature: float = 1.0
    """Sampling only: the logits are divided by it."""
    seed: int = 1
    """Sampling only: the seed of the random draws."""

    @property
    def width(self) -> int:
        """The largest number of open hypotheses of a sentence."""
        return self.beam_size if self.method == "beam" else 1

    def __post_init__(self) -> None:
        self._require_one_of(Method, "method")
        self._require_one_of(LengthPenalty, "length_penalty")
        self._require_at_least(1, "beam_size", "max_target_pieces")
        self._require_at_least(0, "max_extra_pieces", "n_candidates")
        self._require_seeds("seed")
        self._require_between(0, 10, "alpha")
        self._require_positive("temperature")


Kind = Literal["encoder", "decoder", "cross"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""Encoder self-attention, masked decoder self-attention, encoder-decoder (cross-)attention."""


def n_layers(config: ModelConfig, kind: Kind) -> int:
    """How many attentions of a kind a model has: one in each layer of its stack."""
    return config.n_encoder_layers if kind == "encoder" else config.n_decoder_layers
