"""Everything a picture needs of one sentence, from one search and one forced pass.

The search runs fast and unobserved; then the winner is fed through the model once more, teacher
forced, with probes on attention weights and values. A row of decoder or cross-attention belongs to a
step, and a `Trace` keeps both of its tokens: the one consumed and the one produced.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.axes import SourceIds, TargetIds
from core.config import ModelConfig, SearchConfig
from core.decoding import search
from core.model import Edits, Recording, Transformer, probing, record
from core.model.attention import MultiHeadAttention
from core.records import KINDS, AttentionWeights, Found, Kind, Trace, ValueNorms
from core.tokenizer import Tokenizer

_PLACES = {
    "encoder": "encoder.layers.{}.self_attention",
    "decoder": "decoder.layers.{}.self_attention",
    "cross": "decoder.layers.{}.cross_attention",
}


def attention_tap(kind: Kind, layer: int | str, tensor: str = "weights") -> str:
    """The name of a tap inside one attention; `layer` counts from 0, or is `*`."""
    return f"{_PLACES[kind].format(layer)}.{tensor}"


def attention_of(model: Transformer, kind: Kind, layer: int) -> MultiHeadAttention:
    """The module that `attention_tap` names taps of; `layer` counts from 0."""
    return model.get_submodule(_PLACES[kind].format(layer))  # type: ignore[return-value]


def n_layers(config: ModelConfig, kind: Kind) -> int:
    """How many attentions of a kind a model has: one in each layer of its stack."""
    return config.n_encoder_layers if kind == "encoder" else config.n_decoder_layers


@torch.inference_mode()
def capture(
    model: Transformer, source: SourceIds, consumed: TargetIds, patterns: Sequence[str]
) -> Recording:
    """One forced pass, recorded at the taps that the patterns name.

    Args:
        source: ids with `</s>`.
        consumed: what the decoder consumes, from `<s>` on.

    Raises:
        KeyError: if a pattern matches no tap.
    """
    with probing(model, record(*patterns)) as seen:
        model.decode(consumed, model.start(model.encode(source)))
    return seen


def capture_weights(
    model: Transformer, source: Sequence[int], consumed: Sequence[int]
) -> AttentionWeights:
    """All attention weights of one sentence; see `capture`."""
    seen = _captured(model, source, consumed, "weights")
    return weights_of(model, seen)


def weights_of(model: Transformer, seen: Recording, row: int = 0) -> AttentionWeights:
    """The recorded weights of one row of the batch, as float32."""
    return {
        kind: np.stack(
            [
                _float32(seen[attention_tap(kind, layer)][row])
                for layer in range(n_layers(model.config, kind))
            ]
        )
        for kind in KINDS
    }


def trace(
    model: Transformer,
    tokenizer: Tokenizer,
    text: str,
    *,
    config: SearchConfig | None = None,
    prefix: Sequence[int] = (),
    new_source_ids: frozenset[int] = frozenset(),
    new_target_ids: frozenset[int] = frozenset(),
    edits: Sequence[Edits] = (),
) -> Trace:
    """Translate one sentence and capture every head.

    Args:
        prefix: tokens the translation must begin with; a whole one, ending in `</s>`, is scored.
        new_source_ids: pieces that no training source held, to be flagged; likewise for targets.
        edits: interventions that both the search and the capture run under (`core.ablation`).

    Raises:
        SourceTooLongError: if the text has more than 512 pieces.
        UnencodableTextError: if it holds half of a surrogate pair.
    """
    config = config or SearchConfig()
    end_id, start_id = model.config.end_id, model.config.start_id
    source_ids = tokenizer.encode(text)
    with probing(model, *edits):
        found = search(model, [source_ids], config, [prefix])[0]
        seen = _captured(
            model, [*source_ids, end_id], [start_id, *found.best.tokens], "weights", "values"
        )
    source = tokenizer.read([*source_ids, end_id])
    target = tokenizer.read([*found.best.tokens, end_id])
    return Trace(
        source=source,
        target=target,
        consumed=(*tokenizer.read([start_id]).pieces, *target.pieces[:-1]),
        weights=weights_of(model, seen),
        value_norms=_value_norms(model, seen),
        is_new_in_source=tuple(piece.id in new_source_ids for piece in source.pieces),
        is_new_in_target=tuple(piece.id in new_target_ids for piece in target.pieces),
        found=found,
        names=_mentioned(found, tokenizer),
        search=config,
    )


def _captured(
    model: Transformer, source: Sequence[int], consumed: Sequence[int], *tensors: str
) -> Recording:
    """Some tensors of every attention, for one sentence."""
    device = next(model.parameters()).device
    patterns = [attention_tap(kind, "*", tensor) for kind in KINDS for tensor in tensors]
    return capture(
        model,
        torch.tensor([source], device=device),
        torch.tensor([consumed], device=device),
        patterns,
    )


@torch.inference_mode()
def _value_norms(model: Transformer, seen: Recording) -> ValueNorms:
    """‖v W^O‖ of every key and head (Kobayashi et al. 2020), without the bias."""

    def norms(kind: Kind, layer: int) -> NDArray[np.float32]:
        values = seen[attention_tap(kind, layer, "values")]  # 1 H k d_v
        return _float32(attention_of(model, kind, layer).shares(values)[0].norm(dim=-1))

    return {
        kind: np.stack([norms(kind, layer) for layer in range(n_layers(model.config, kind))])
        for kind in KINDS
    }


def _float32(tensor: Tensor) -> NDArray[np.float32]:
    return tensor.float().cpu().numpy()


def _mentioned(found: Found, tokenizer: Tokenizer) -> dict[int, str]:
    candidates = {c.token for h in found.hypotheses for step in h.steps for c in step.candidates}
    tokens = candidates | {node.token for node in found.tree}
    return {token: tokenizer.names[token] for token in sorted(tokens)}
