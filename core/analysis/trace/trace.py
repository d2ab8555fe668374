"""The record of a traced sentence, read and written without torch.

`Trace` is everything a picture needs of one sentence; a saved one opens at once.
"""

import dataclasses
import io
import json
import math
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.config import KINDS, Kind, SearchConfig
from core.decoding.result import Candidate, Hypothesis, Node, SearchResult, Step
from core.system.arrays import open_arrays
from core.system.files import writing_file
from core.text.pieces import Piece, PiecedText, Word

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
    def from_json(
        cls, values: Mapping[str, Any], weights: AttentionWeights, value_norms: ValueNorms
    ) -> "Trace":
        """Put together again what `to_json`, `weights` and `value_norms` hold."""
        found = values["found"]
        return cls(
            source=_pieced_text(values["source"]),
            target=_pieced_text(values["target"]),
            consumed=tuple(Piece(**piece) for piece in values["consumed"]),
            weights=weights,
            value_norms=value_norms,
            found=SearchResult(
                hypotheses=tuple(_hypothesis(h) for h in found["hypotheses"]),
                tree=tuple(Node(**node) for node in found["tree"]),
                ends=tuple(found["ends"]),
            ),
            names={int(token): name for token, name in values["names"].items()},
            is_new_in_source=tuple(values["is_new_in_source"]),
            is_new_in_target=tuple(values["is_new_in_target"]),
            search=SearchConfig.from_json(values["search"]),
        )

    @classmethod
    def _from_text(cls, text: str) -> "Trace":
        values = json.loads(text)
        weights, value_norms = (
            {kind: np.asarray(values[name][kind], np.float32) for kind in KINDS}
            for name in ("weights", "value_norms")
        )
        return cls.from_json(values, weights, value_norms)

    def to_bytes(self, suffix: str) -> bytes:
        """What a file of this suffix, `.npz` or `.json`, holds of the trace.

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
            ValueError: if the file's name ends otherwise.
        """
        file = Path(file)
        content = self.to_bytes(file.suffix)
        with writing_file(file) as partial:
            partial.write_bytes(content)

    @classmethod
    def load(cls, file: Path | str) -> "Trace":
        """Open a trace that `save` wrote; of a .json file, weights and norms have six decimals.

        Raises:
            ValueError: if it is no such file.
        """
        file = Path(file)
        try:
            if file.suffix == ".json":
                return cls._from_text(file.read_text("utf-8"))
            with open_arrays(file) as arrays:
                weights, value_norms = (
                    {kind: arrays[f"{kind}_{name}"] for kind in KINDS}
                    for name in ("weights", "value_norms")
                )
                return cls.from_json(json.loads(str(arrays["record"])), weights, value_norms)
        except _UNREADABLE as error:
            raise ValueError(f"{file} is no trace, or it is truncated: {error}") from None


def require_suffix(suffix: str) -> None:
    """Raises ValueError if no trace is written to a file whose name ends so."""
    if suffix not in (".npz", ".json"):
        raise ValueError(f"a trace is written as .npz or .json, not as {suffix!r}")


_UNREADABLE = (OSError, EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile, zlib.error)


def _pieced_text(values: Mapping[str, Any]) -> PiecedText:
    return PiecedText(
        text=values["text"],
        pieces=tuple(Piece(**piece) for piece in values["pieces"]),
        words=tuple(Word(**word) for word in values["words"]),
    )


def _hypothesis(values: Mapping[str, Any]) -> Hypothesis:
    steps = tuple(
        Step(
            step["token"],
            step["log_probability_nats"],
            tuple(Candidate(**candidate) for candidate in step["candidates"]),
        )
        for step in values["steps"]
    )
    return Hypothesis(**{**values, "tokens": tuple(values["tokens"]), "steps": steps})


def mean_probability(trace: Trace) -> float:
    """The geometric mean of the probabilities of a translation's tokens, each given those before
    it."""
    return math.exp(trace.best.log_probability_nats / len(trace.steps))
