"""Trace a sentence: translate it and record the attention of every head.

A search with one open hypothesis is recorded while it runs. A beam discards most of its hypotheses,
so it runs without probes; then the decoder consumes the best one again, teacher-forced and probed.
A query of decoder or cross-attention belongs to a step, and a `Trace` keeps both tokens of a step:
the one consumed and the one produced.
"""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from core.analysis.trace.trace import AttentionWeights, Trace, ValueNorms
from core.config import KINDS, Kind, SearchConfig, n_layers
from core.decoding.result import SearchResult
from core.decoding.search import (
    RecordedResult,
    are_whole,
    batches_by_length,
    check,
    search,
    search_batch,
)
from core.model import DecoderState, Edits, Recording, Transformer, probing, record
from core.model.shapes import SourceIds, TargetIds
from core.model.transformer import attention_of, attention_tap
from core.text.batches import pad
from core.text.languages import is_wordless
from core.text.pieces import EmptyTextError
from core.text.vocabulary import Vocabulary


def ids_of(model: Transformer, trace: Trace) -> tuple[Tensor, Tensor]:
    """Source and consumed ids, each 1 n, on the model's device."""
    device = next(model.parameters()).device
    source = pad([[piece.id for piece in trace.source.pieces]], model.config.pad_id)
    consumed = pad([[piece.id for piece in trace.consumed]], model.config.pad_id)
    return source.to(device), consumed.to(device)


@torch.inference_mode()
def capture(
    model: Transformer, source: SourceIds, consumed: TargetIds, patterns: Sequence[str]
) -> Recording:
    """Run one teacher-forced pass and record the taps that the patterns name.

    Args:
        source: ids with `</s>`.
        consumed: what the decoder consumes, from `<s>` on.

    Raises:
        KeyError: if a pattern matches no tap.
    """
    with probing(model, record(*patterns)) as seen:
        model.decode(consumed, model.start(model.encode(source)))
    return seen


@torch.inference_mode()
def search_and_capture(
    model: Transformer,
    sources: Sequence[Sequence[int]],
    config: SearchConfig,
    prefixes: Sequence[Sequence[int]] | None = None,
    tensors: Sequence[str] = ("weights",),
    *,
    unwritable: frozenset[int] = frozenset(),
) -> tuple[list[SearchResult], dict[str, Tensor]]:
    """Translate sources (ids without `</s>`), and record all attentions in the best translations.

    The sources are encoded once, whether the search is recorded or a forced pass follows it.

    Args:
        tensors: which taps of every attention are recorded.
        unwritable: as for `core.decoding.search.search`.

    Returns:
        The search result of each source; and tap name -> tensor, one batch row per source. Numbers
        past the end of a shorter sentence are undefined. Query t of a translation is the step that
        consumes its token t, `<s>` first.

    Raises:
        SourceTooLongError, ValueError: as `core.decoding.search.search` does.
    """
    pad_id, end_id = model.config.pad_id, model.config.end_id
    device = next(model.parameters()).device
    recorded = record(*(attention_tap(kind, "*", tensor) for kind in KINDS for tensor in tensors))
    prefixes = prefixes or [()] * len(sources)
    check(model.config, sources, prefixes, config)
    if not sources:
        return [], {}
    with probing(model, recorded) as seen:
        source = pad([[*each, end_id] for each in sources], pad_id).to(device)
        state = model.start(model.encode(source))
        of_sources = {name: calls[-1] for name, calls in seen.take().items()}
        if config.width == 1 and not are_whole(prefixes, model.config):
            found, of_steps = _recorded(model, sources, config, prefixes, unwritable, state, seen)
            return found, {**of_sources, **of_steps}
    found = search(model, sources, config, prefixes, unwritable=unwritable, state=state)
    with probing(model, recorded) as of_targets:
        rows = [
            [model.config.start_for(source), *each.best.tokens]
            for source, each in zip(sources, found, strict=True)
        ]
        consumed = pad(rows, pad_id).to(device)
        model.decode(consumed, state)
    return found, {**of_sources, **of_targets}


def _recorded(
    model: Transformer,
    sources: Sequence[Sequence[int]],
    config: SearchConfig,
    prefixes: Sequence[Sequence[int]],
    unwritable: frozenset[int],
    state: DecoderState,
    seen: Recording,
) -> tuple[list[SearchResult], dict[str, Tensor]]:
    """Search while `seen` records. Return the results, and the batch row of the best at each
    step."""
    searched: dict[int, RecordedResult] = {}
    parts = []
    for batch in batches_by_length(sources, config):
        results = search_batch(
            model, batch, sources, config, prefixes, unwritable=unwritable, state=state
        )
        searched.update(zip(batch, results, strict=True))
        parts.append((batch, _of_best(seen.take(), [each.rows for each in results])))
    return [searched[number].found for number in range(len(sources))], _joined(parts)


def _of_best(
    steps: Mapping[str, Sequence[Tensor]], rows: Sequence[Sequence[int]]
) -> dict[str, Tensor]:
    """Keep the recorded rows that led to the best translations.

    Args:
        steps: tap name -> a tensor for each step: rows H 1 c, c perhaps growing from step to step.
        rows: for each source, its row at each step.

    Returns:
        Tap name -> sources H steps c; where a source has fewer steps, any numbers.
    """
    n_steps = max(map(len, rows))
    some = next(iter(steps.values()))
    firsts = list(itertools.accumulate(map(len, some[:n_steps]), initial=0))
    index = pad([[first + row for first, row in zip(firsts, own, strict=False)] for own in rows], 0)
    index = index.to(some[0].device)

    def picked(calls: Sequence[Tensor]) -> Tensor:
        missing = [calls[-1].shape[-1] - call.shape[-1] for call in calls]
        if any(missing):
            calls = [functional.pad(call, (0, n)) for call, n in zip(calls, missing, strict=True)]
        return torch.cat(list(calls))[index].squeeze(3).transpose(1, 2)  # B n H 1 c -> B H n c

    return {name: picked(calls[:n_steps]) for name, calls in steps.items()}


def _joined(parts: Sequence[tuple[Sequence[int], Mapping[str, Tensor]]]) -> dict[str, Tensor]:
    """Batches side by side, in the order of their sources, padded with zeros."""
    joined = {}
    for name in parts[0][1]:
        tensors = [of_batch[name] for _, of_batch in parts]
        n_steps, width = (max(tensor.shape[axis] for tensor in tensors) for axis in (2, 3))
        n_sources = sum(map(len, tensors))
        whole = tensors[0].new_zeros(n_sources, tensors[0].shape[1], n_steps, width)
        for (batch, _), tensor in zip(parts, tensors, strict=True):
            whole[list(batch), :, : tensor.shape[2], : tensor.shape[3]] = tensor
        joined[name] = whole
    return joined


def capture_weights(
    model: Transformer, source: Sequence[int], consumed: Sequence[int]
) -> AttentionWeights:
    """All attention weights of one sentence; see `capture`."""
    device = next(model.parameters()).device
    patterns = [attention_tap(kind, "*") for kind in KINDS]
    ids, targets = (torch.tensor([each], device=device) for each in (source, consumed))
    return weights_of(model, capture(model, ids, targets, patterns))


def weights_of(
    model: Transformer, seen: Mapping[str, Tensor], row: int = 0, kinds: Sequence[Kind] = KINDS
) -> AttentionWeights:
    """The recorded weights of one row of the batch, as float32."""
    return {
        kind: np.stack(
            [
                _float32(seen[attention_tap(kind, layer)][row])
                for layer in range(n_layers(model.config, kind))
            ]
        )
        for kind in kinds
    }


def trace(
    model: Transformer,
    vocabulary: Vocabulary,
    text: str,
    *,
    config: SearchConfig | None = None,
    prefix: Sequence[int] = (),
    draft: Sequence[int] | None = None,
    new_source_ids: frozenset[int] = frozenset(),
    new_target_ids: frozenset[int] = frozenset(),
    edits: Sequence[Edits] = (),
) -> Trace:
    """Translate one sentence and capture every head.

    Args:
        prefix: tokens the translation must begin with; if it ends in `</s>`, it is only scored.
        draft: tokens of a first attempt, which the translation is to improve; the source is then
            read as source, `</s>`, separator, draft.
        new_source_ids: pieces that occur in no training source; the trace marks them.
        edits: interventions that both the search and the capture run under
        (`core.analysis.ablation`).

    Raises:
        SourceTooLongError: if the text has more than 512 pieces.
        ValueError: if there is a draft and the model takes none.
        EmptyTextError: if the text is empty after normalisation.
        UnencodableTextError: if it holds half of a surrogate pair.
    """
    config = config or SearchConfig()
    if is_wordless(text, vocabulary.source.languages):
        raise EmptyTextError(f"{text!r} has no text to translate; type a sentence")
    source_ids = vocabulary.source.encode(text)
    if draft is not None:
        source_ids = model.config.with_draft(source_ids, draft)
    with probing(model, *edits):
        [found], seen = search_and_capture(
            model,
            [source_ids],
            config,
            [prefix],
            ("weights", "values"),
            unwritable=vocabulary.unwritable,
        )
    return trace_of(
        model,
        vocabulary,
        source_ids,
        found,
        seen,
        config=config,
        new_source_ids=new_source_ids,
        new_target_ids=new_target_ids,
    )


def trace_of(
    model: Transformer,
    vocabulary: Vocabulary,
    source_ids: Sequence[int],
    found: SearchResult,
    seen: Mapping[str, Tensor],
    *,
    config: SearchConfig,
    row: int = 0,
    new_source_ids: frozenset[int] = frozenset(),
    new_target_ids: frozenset[int] = frozenset(),
) -> Trace:
    """The trace of one row of a batch that was captured already.

    Args:
        source_ids: of this row, without `</s>`.
        seen: the taps `weights` and `values` of every attention; padding of the batch is cut off.
    """
    end_id, start_id = model.config.end_id, model.config.start_for(source_ids)
    source = vocabulary.source.read([*source_ids, end_id])
    target = vocabulary.target.read([*found.best.tokens, end_id])
    n_source, n_steps = len(source.pieces), len(target.pieces)
    sizes = {
        "encoder": (n_source, n_source), "decoder": (n_steps, n_steps), "cross": (n_steps, n_source),
    }  # fmt: skip
    weights, norms = weights_of(model, seen, row), _value_norms(model, seen, row)
    return Trace(
        source=source,
        target=target,
        consumed=(*vocabulary.target.read([start_id]).pieces, *target.pieces[:-1]),
        weights={kind: weights[kind][..., : sizes[kind][0], : sizes[kind][1]] for kind in KINDS},
        value_norms={kind: norms[kind][..., : sizes[kind][1]] for kind in KINDS},
        is_new_in_source=tuple(piece.id in new_source_ids for piece in source.pieces),
        is_new_in_target=tuple(piece.id in new_target_ids for piece in target.pieces),
        found=found,
        names=_mentioned(found, vocabulary),
        search=config,
    )


@torch.inference_mode()
def _value_norms(model: Transformer, seen: Mapping[str, Tensor], row: int = 0) -> ValueNorms:
    """‖v W^O‖ of every key and head (Kobayashi et al. 2020), without the bias."""

    def norms(kind: Kind, layer: int) -> NDArray[np.float32]:
        values = seen[attention_tap(kind, layer, "values")][row : row + 1]  # 1 H k d_v
        return _float32(attention_of(model, kind, layer).shares(values)[0].norm(dim=-1))

    return {
        kind: np.stack([norms(kind, layer) for layer in range(n_layers(model.config, kind))])
        for kind in KINDS
    }


def _float32(tensor: Tensor) -> NDArray[np.float32]:
    return tensor.float().cpu().numpy()


def _mentioned(found: SearchResult, vocabulary: Vocabulary) -> dict[int, str]:
    candidates = {c.token for h in found.hypotheses for step in h.steps for c in step.candidates}
    tokens = candidates | {node.token for node in found.tree}
    return {token: vocabulary.target.names[token] for token in sorted(tokens)}
