"""The record of a traced sentence, read and written without torch.

`Trace` is everything a picture needs of one sentence; a saved one opens at once.
"""

import dataclasses
import io
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from core.config import KINDS, Kind, SearchConfig
from core.decoding.result import Hypothesis, SearchResult, Step
from core.system.arrays import MOST_BYTES, read_arrays
from core.system.files import writing_file
from core.system.json_files import built, parse_json, read_text
from core.text.pieces import Piece, PiecedText
from core.text.vocabulary import SEPARATOR

AttentionWeights = Mapping[Kind, NDArray[np.float32]]
"""Kind -> N H q k: one matrix a layer and head, rows are queries, every row sums to 1."""


ValueNorms = Mapping[Kind, NDArray[np.float32]]
"""Kind -> N H k: the length of each key's value after its head's rows of W^O, ‖v W^O‖."""


@dataclass(frozen=True)
class Trace:
    """One sentence, its translation, and the attention weights of every head.

    Row t of `weights["decoder"]` and `weights["cross"]` is step t: the decoder consumed
    `consumed[t]` and produced `target.pieces[t]`. Columns of `decoder` are the consumed tokens,
    columns of `cross` and rows and columns of `encoder` are `source.pieces`. Keys of `value_norms`
    are the columns of `weights`.
    """

    source: PiecedText  # its last piece is </s>
    target: PiecedText  # what was produced; its last piece is </s>
    consumed: tuple[Piece, ...]  # <s>, then all that was produced but </s>
    weights: AttentionWeights
    value_norms: ValueNorms
    found: SearchResult
    names: Mapping[int, str]  # the pieces that candidates and tree mention, by id
    is_new_in_source: tuple[bool, ...]  # for each piece: never seen in training
    is_new_in_target: tuple[bool, ...]
    search: SearchConfig

    @property
    def best(self) -> Hypothesis:
        return self.found.best

    @property
    def draft_start(self) -> int | None:
        """Where in the source a draft begins, with its separator; None if there is none."""
        names = [piece.name for piece in self.source.pieces]
        return names.index(SEPARATOR) if SEPARATOR in names else None

    @property
    def steps(self) -> tuple[Step, ...]:
        return self.best.steps

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The trace as named arrays; docs/trace-format.md lists them."""
        return {
            **{f"{kind}_weights": self.weights[kind] for kind in KINDS},
            **{f"{kind}_value_norms": self.value_norms[kind] for kind in KINDS},
            "source_ids": np.array([piece.id for piece in self.source.pieces]),
            "source_spans": np.array([(piece.start, piece.end) for piece in self.source.pieces]),
            "source_words": np.array([piece.word for piece in self.source.pieces]),
            "consumed_ids": np.array([piece.id for piece in self.consumed]),
            "produced_ids": np.array([piece.id for piece in self.target.pieces]),
            "target_spans": np.array([(piece.start, piece.end) for piece in self.target.pieces]),
            "target_words": np.array([piece.word for piece in self.target.pieces]),
            "log_probabilities_nats": np.array([step.log_probability_nats for step in self.steps]),
            "candidate_ids": np.array([[c.token for c in step.candidates] for step in self.steps]),
            "candidate_log_probabilities_nats": np.array(
                [[c.log_probability_nats for c in step.candidates] for step in self.steps]
            ),
        }

    def to_json(self) -> dict[str, Any]:
        """All but weights and value norms as plain values; docs/trace-format.md lists them."""
        values = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.name not in ("weights", "value_norms")
        }
        return json.loads(json.dumps(values, default=dataclasses.asdict))  # type: ignore[no-any-return]

    @classmethod
    def from_json(cls, values: Any, weights: AttentionWeights, value_norms: ValueNorms) -> "Trace":
        """Rebuild a trace from `to_json`, `weights` and `value_norms`.

        Raises:
            ValueError: if a value is missing or of another type; the message names it.
        """
        record: _Record = built(_Record, values)
        return cls(
            source=record["source"],
            target=record["target"],
            consumed=record["consumed"],
            weights=weights,
            value_norms=value_norms,
            found=record["found"],
            names={int(token): name for token, name in record["names"].items()},
            is_new_in_source=record["is_new_in_source"],
            is_new_in_target=record["is_new_in_target"],
            search=SearchConfig.from_json(record["search"]),
        )

    def to_bytes(self, suffix: str) -> bytes:
        """The content of the trace's file with this suffix, `.npz` or `.json`.

        Raises:
            ValueError: if the suffix is another.
        """
        require_suffix(suffix)
        if suffix == ".npz":
            buffer = io.BytesIO()
            record = np.array(json.dumps(self.to_json(), ensure_ascii=False))
            np.savez_compressed(buffer, allow_pickle=False, record=record, **self.arrays())
            return buffer.getvalue()
        matrices = {
            "weights": {kind: self.weights[kind].round(6).tolist() for kind in KINDS},
            "value_norms": {kind: self.value_norms[kind].round(6).tolist() for kind in KINDS},
        }
        return json.dumps({**self.to_json(), **matrices}, ensure_ascii=False).encode()

    def save(self, file: Path | str) -> None:
        """Write the trace as .npz or .json; both open again with `load`.

        Raises:
            ValueError: if the file's name has another suffix.
        """
        file = Path(file)
        content = self.to_bytes(file.suffix)
        with writing_file(file) as partial:
            partial.write_bytes(content)

    @classmethod
    def load(cls, file: Path | str, most_bytes: int = MOST_BYTES) -> "Trace":
        """Open a trace that `save` wrote; in a .json file, weights and norms have six decimals.

        Args:
            most_bytes: the largest size of its content, unpacked.

        Raises:
            ValueError: if the file is not a trace.
        """
        file = Path(file)
        try:
            if file.suffix == ".json":
                trace = _from_values(parse_json(read_text(file, most_bytes)))
            else:
                trace = _from_arrays(read_arrays(file, most_bytes))
            _require_one_sentence(trace)
        except ValueError as error:
            raise ValueError(f"{file} is not a trace, or it is truncated: {error}") from None
        return trace


def require_suffix(suffix: str) -> None:
    """Raises ValueError unless a trace can be written to a file with this suffix."""
    if suffix not in (".npz", ".json"):
        raise ValueError(f"a trace is written as .npz or .json, not as {suffix!r}")


def _from_arrays(arrays: Mapping[str, NDArray[Any]]) -> Trace:
    """Raises ValueError if the arrays are not those of a trace."""
    names = [f"{kind}_{name}" for name in ("weights", "value_norms") for kind in KINDS]
    missing = [name for name in ("record", *names) if name not in arrays]
    if missing:
        raise ValueError(f"it lacks {', '.join(missing)}")
    weights, value_norms = (
        {kind: arrays[f"{kind}_{name}"] for kind in KINDS} for name in ("weights", "value_norms")
    )
    return Trace.from_json(parse_json(str(arrays["record"])), weights, value_norms)


def _from_values(values: Any) -> Trace:
    """Raises ValueError if the values are not those of a trace, weights and norms among them."""
    matrices: _Matrices = built(_Matrices, values)
    try:
        weights, value_norms = (
            {kind: np.asarray(of_kinds[kind], np.float32) for kind in KINDS}
            for of_kinds in (matrices["weights"], matrices["value_norms"])
        )
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"its weights or value norms are not numbers: {error}") from None
    return Trace.from_json(values, weights, value_norms)


class _OfKinds(TypedDict):
    encoder: Any
    decoder: Any
    cross: Any


class _Matrices(TypedDict):
    """What a .json file holds beside the record."""

    weights: _OfKinds
    value_norms: _OfKinds


class _Record(TypedDict):
    """A trace but for its arrays."""

    source: PiecedText
    target: PiecedText
    consumed: tuple[Piece, ...]
    found: SearchResult
    names: dict[str, str]
    is_new_in_source: tuple[bool, ...]
    is_new_in_target: tuple[bool, ...]
    search: dict[str, Any]


def _require_one_sentence(trace: Trace) -> None:
    """Raises ValueError unless all parts of a trace are as long as its sentence and translation."""
    s, t = len(trace.source.pieces), len(trace.target.pieces)
    sizes: dict[Kind, tuple[int, int]] = {"encoder": (s, s), "decoder": (t, t), "cross": (t, s)}
    n_heads = trace.weights["encoder"].shape[1:2]
    for kind, (n_queries, n_keys) in sizes.items():
        weights, norms = trace.weights[kind], trace.value_norms[kind]
        _require(weights.dtype == norms.dtype == np.float32, f"{kind} weights must be float32")
        _require(
            weights.ndim == 4 and weights.shape[1:] == (*n_heads, n_queries, n_keys),
            f"{kind} weights of shape {weights.shape} do not fit {s} source and {t} target pieces",
        )
        _require(
            norms.shape == (*weights.shape[:2], n_keys),
            f"{kind} value norms of shape {norms.shape} do not fit the weights",
        )
    lengths = (len(trace.consumed), len(trace.is_new_in_target), len(trace.found.hypotheses[:1]))
    _require(lengths == (t, t, 1), "its steps are not those of its translation")
    _require(len(trace.steps) == t, "its steps are not those of its translation")
    _require(len(trace.is_new_in_source) == s, "its new pieces are not those of its source")
    tokens = {node.token for node in trace.found.tree[1:]}
    tokens |= {c.token for step in trace.steps for c in step.candidates}
    _require(tokens <= set(trace.names), "it lacks the names of some pieces")


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)


def mean_probability(trace: Trace) -> float:
    """The geometric mean of the tokens' probabilities, each given the tokens before it."""
    return math.exp(trace.best.log_probability_nats / len(trace.steps))
