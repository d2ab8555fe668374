"""Everything a picture needs of one sentence, from one search and one forced pass.

The search runs fast and unobserved; then the winner is fed through the model once more, teacher
forced, with probes on the attention weights. A row of decoder or cross-attention belongs to a
step, and a `Trace` keeps both of its tokens: the one consumed and the one produced.
"""

from collections.abc import Sequence

import numpy as np
import torch

from core.config import SearchConfig
from core.decoding import search
from core.model import Transformer, probing, record
from core.records import KINDS, AttentionWeights, Found, Kind, Trace
from core.tokenizer import Tokenizer

_PLACES = {
    "encoder": "encoder.layers.{}.self_attention",
    "decoder": "decoder.layers.{}.self_attention",
    "cross": "decoder.layers.{}.cross_attention",
}


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
        weights=capture_weights(model, [*source_ids, end_id], consumed_ids),
        is_new_in_source=tuple(piece.id in new_source_ids for piece in source.pieces),
        is_new_in_target=tuple(piece.id in new_target_ids for piece in target.pieces),
        found=found,
        names=_mentioned(found, tokenizer),
        search=config,
    )


def _mentioned(found: Found, tokenizer: Tokenizer) -> dict[int, str]:
    candidates = {c.token for h in found.hypotheses for step in h.steps for c in step.candidates}
    tokens = candidates | {node.token for node in found.tree}
    return {token: tokenizer.names[token] for token in sorted(tokens)}
