"""DecoderLens: the decoder reads the output of an earlier encoder layer, and writes what it finds.

Langedijk et al. 2023 (https://arxiv.org/abs/2310.03686).
"""

from collections.abc import Sequence

import torch

from core.config import SearchConfig
from core.decoding.result import SearchResult
from core.decoding.search import check, search
from core.decoding.translate import written
from core.model import DecoderState, Transformer, probing, record
from core.model.decoder_state import Memory
from core.text.batches import pad
from core.text.languages import is_wordless
from core.text.vocabulary import Vocabulary

SENTENCES_AT_ONCE = 256


def encoder_depths(model: Transformer) -> range:
    """0, the embeddings alone, to N, the whole encoder."""
    return range(model.config.n_encoder_layers + 1)


@torch.inference_mode()
def lens_search(
    model: Transformer,
    sources: Sequence[Sequence[int]],
    depth: int,
    config: SearchConfig | None = None,
    *,
    unwritable: frozenset[int] = frozenset(),
) -> list[SearchResult]:
    """Translate sources (ids without `</s>`) from the output of encoder layer `depth`.

    Depth 0 gives the embeddings with their positions; the last depth translates as `search` does.

    Raises:
        ValueError: if the encoder has no such layer, or as `search` does.
    """
    if depth not in encoder_depths(model):
        raise ValueError(
            f"depth {depth} is none of this encoder's: 0 to {model.config.n_encoder_layers}"
        )
    config = config or SearchConfig()
    check(model.config, sources, [()] * len(sources), config)
    found: list[SearchResult] = []
    for first in range(0, len(sources), SENTENCES_AT_ONCE):
        some = sources[first : first + SENTENCES_AT_ONCE]
        state = _state_after(model, some, depth)
        found += search(model, some, config, unwritable=unwritable, state=state)
    return found


@torch.inference_mode()
def lens_search_of_all_depths(
    model: Transformer,
    source: Sequence[int],
    config: SearchConfig | None = None,
    *,
    unwritable: frozenset[int] = frozenset(),
) -> list[SearchResult]:
    """Translate one source (ids without `</s>`) from every depth, in one search: depth 0 first.

    Raises:
        ValueError: as `search` does.
    """
    config = config or SearchConfig()
    check(model.config, [source], [()], config)
    depths = encoder_depths(model)
    state = _state_after(model, [source], *depths)
    return search(model, [source] * len(depths), config, unwritable=unwritable, state=state)


def lens_translations(
    model: Transformer,
    vocabulary: Vocabulary,
    texts: Sequence[str],
    depth: int,
    config: SearchConfig | None = None,
) -> list[str]:
    """The same as text; an empty text stays empty."""
    full = [n for n, text in enumerate(texts) if not is_wordless(text, vocabulary.source.languages)]
    ids = [vocabulary.source.encode(texts[n]) for n in full]
    translations = [""] * len(texts)
    results = lens_search(model, ids, depth, config, unwritable=vocabulary.unwritable)
    for number, result in zip(full, results, strict=True):
        translations[number] = written(vocabulary, result.best.tokens)
    return translations


def _state_after(
    model: Transformer, sources: Sequence[Sequence[int]], *depths: int
) -> DecoderState:
    """The decoder's state before its first step, for each depth: that layer's output is its memory."""
    device = next(model.parameters()).device
    rows = [[*source, model.config.end_id] for source in sources]
    taps = [f"encoder.layers.{n - 1}.output" if n else "encoder.embedding.output" for n in depths]
    with probing(model, record(*taps)) as seen:
        whole = model.encode(pad(rows, model.config.pad_id).to(device))
    n = len(depths)
    return model.start(
        Memory(
            torch.cat([seen[tap] for tap in taps]),
            whole.visible.repeat(n, 1, 1, 1),
            whole.examples.repeat(n),
        )
    )
