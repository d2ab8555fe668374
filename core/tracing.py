"""Everything a picture needs of one sentence, from one search and one forced pass.

The search runs fast and unobserved; then the winner is fed through the model once more, teacher
forced, with probes on the attention weights. A row of decoder or cross-attention belongs to a
step, and a `Trace` keeps both of its tokens: the one consumed and the one produced.
"""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from core.config import SearchConfig
from core.decoding import Found, Hypothesis, Step, search
from core.model import Transformer, probing, record
from core.tokenizer import Piece, PiecedText, Tokenizer

Kind = Literal["encoder", "decoder", "cross"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""Encoder self-attention, masked decoder self-attention, encoder-decoder (cross-)attention."""

_PLACES = {
    "encoder": "encoder.layers.{}.self_attention",
    "decoder": "decoder.layers.{}.self_attention",
    "cross": "decoder.layers.{}.cross_attention",
}

AttentionWeights = Mapping[Kind, NDArray[np.float32]]
"""Kind -> N H q k: one matrix a layer and head, rows are queries, every row sums to 1."""


def attention_tap(kind: Kind, layer: int | str, tensor: str = "weights") -> str:
    """The name of a tap inside one attention; `layer` counts from 0, or is `*`."""
    return f"{_PLACES[kind].format(layer)}.{tensor}"


@torch.inference_mode()
def capture_weights(
    model: Transformer, source: Sequence[int], consumed: Sequence[int]
) -> AttentionWeights:
    """All attention weights of one sentence, in one forced pass.

    Args:
        source: ids with `</s>`.
        consumed: what the decoder consumes, from `<s>` on.
    """
    device = next(model.parameters()).device
    patterns = [attention_tap(kind, "*") for kind in KINDS]
    with probing(model, record(*patterns)) as seen:
        memory = model.encode(torch.tensor([source], device=device))
        model.decode(torch.tensor([consumed], device=device), model.start(memory))
    n_layers = {
        "encoder": model.config.n_encoder_layers,
        "decoder": model.config.n_decoder_layers,
        "cross": model.config.n_decoder_layers,
    }
    return {
        kind: np.stack(
            [
                seen[attention_tap(kind, layer)][0].float().cpu().numpy()
                for layer in range(n_layers[kind])
            ]
        )
        for kind in KINDS
    }


@dataclass(frozen=True)
class Trace:
    """One sentence, its translation, and how every head looked while making it.

    Row t of `weights["decoder"]` and `weights["cross"]` is step t: the decoder consumed
    `consumed[t]` and produced `target.pieces[t]`. Columns of `decoder` are the consumed tokens,
    columns of `cross` and rows and columns of `encoder` are `source.pieces`.
    """

    source: PiecedText  # its last piece is </s>
    target: PiecedText  # what was produced; its last piece is </s>
    consumed: tuple[Piece, ...]  # <s>, then all that was produced but </s>
    steps: tuple[Step, ...]
    weights: AttentionWeights
    is_new_in_source: tuple[bool, ...]  # for each piece: never seen in training
    is_new_in_target: tuple[bool, ...]
    found: Found
    search: SearchConfig

    @property
    def best(self) -> Hypothesis:
        return self.found.best

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The trace as named arrays, as `save` writes them to a .npz file."""
        return {
            **{f"{kind}_weights": self.weights[kind] for kind in KINDS},
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

    def to_json(self, names: Sequence[str]) -> dict[str, Any]:
        """The trace as plain values, as `save` writes them to a .json file.

        Args:
            names: the vocabulary by id, to print candidates and the tree as pieces.
        """
        return {
            "source": dataclasses.asdict(self.source),
            "target": dataclasses.asdict(self.target),
            "consumed": [dataclasses.asdict(piece) for piece in self.consumed],
            "steps": [
                {
                    "consumed": piece.name,
                    "produced": names[step.token],
                    "log_probability_nats": step.log_probability_nats,
                    "candidates": [
                        {"piece": names[c.token], "log_probability_nats": c.log_probability_nats}
                        for c in step.candidates
                    ],
                }
                for piece, step in zip(self.consumed, self.steps, strict=True)
            ],
            "log_probability_nats": self.best.log_probability_nats,
            "score": self.best.score,
            "is_cut": self.best.is_cut,
            "is_new_in_source": list(self.is_new_in_source),
            "is_new_in_target": list(self.is_new_in_target),
            "tree": [
                {**dataclasses.asdict(node), "piece": names[node.token]} for node in self.found.tree
            ],
            "ends": list(self.found.ends),
            "search": self.search.to_json(),
            "weights": {kind: self.weights[kind].round(6).tolist() for kind in KINDS},
        }

    def save(self, file: Path | str, names: Sequence[str]) -> None:
        """Write the trace as .npz (arrays) or .json (everything); docs/trace-format.md has the fields.

        Raises:
            ValueError: if the file's name ends otherwise.
        """
        file = Path(file)
        if file.suffix not in (".npz", ".json"):
            raise ValueError(f"{file} ends in {file.suffix!r}; a trace is written as .npz or .json")
        partial = file.with_name(f".{file.name}.partial{file.suffix}")
        if file.suffix == ".npz":
            np.savez_compressed(partial, allow_pickle=False, **self.arrays())
        else:
            partial.write_text(json.dumps(self.to_json(names), ensure_ascii=False), "utf-8")
        partial.replace(file)


def trace(
    model: Transformer,
    tokenizer: Tokenizer,
    text: str,
    *,
    config: SearchConfig | None = None,
    prefix: Sequence[int] = (),
    new_source_ids: frozenset[int] = frozenset(),
    new_target_ids: frozenset[int] = frozenset(),
) -> Trace:
    """Translate one sentence and capture every head.

    Args:
        prefix: tokens the translation must begin with; a whole one, ending in `</s>`, is scored.
        new_source_ids: pieces that no training source held, to be flagged; likewise for targets.

    Raises:
        SourceTooLongError: if the text has more than 512 pieces.
        UnencodableTextError: if it holds half of a surrogate pair.
    """
    config = config or SearchConfig()
    end_id, start_id = model.config.end_id, model.config.start_id
    source_ids = tokenizer.encode(text)
    found = search(model, [source_ids], config, [prefix])[0]
    consumed_ids = [start_id, *found.best.tokens]
    source = tokenizer.read([*source_ids, end_id])
    target = tokenizer.read([*found.best.tokens, end_id])
    return Trace(
        source=source,
        target=target,
        consumed=(*tokenizer.read([start_id]).pieces, *target.pieces[:-1]),
        steps=found.best.steps,
        weights=capture_weights(model, [*source_ids, end_id], consumed_ids),
        is_new_in_source=tuple(piece.id in new_source_ids for piece in source.pieces),
        is_new_in_target=tuple(piece.id in new_target_ids for piece in target.pieces),
        found=found,
        search=config,
    )
