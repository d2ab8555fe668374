"""Text in, text out: the best translation of each sentence."""

import time
from collections.abc import Sequence

from core.config import SearchConfig
from core.decoding.search import search
from core.model import Transformer
from core.text.tokenizer import Tokenizer


def translate(
    model: Transformer,
    tokenizer: Tokenizer,
    texts: Sequence[str],
    config: SearchConfig | None = None,
) -> list[str]:
    """The best translation of each text, in order; an empty text stays empty.

    Raises:
        SourceTooLongError: if a text has more than 512 pieces.
        UnencodableTextError: if one holds half of a surrogate pair.
    """
    full = [number for number, text in enumerate(texts) if text.strip()]
    translations = [""] * len(texts)
    ids = [tokenizer.encode(texts[number]) for number in full]
    for number, found in zip(full, search(model, ids, config), strict=True):
        translations[number] = tokenizer.decode(found.best.tokens)
    return translations


def timed_translate(
    model: Transformer,
    tokenizer: Tokenizer,
    texts: Sequence[str],
    config: SearchConfig | None = None,
) -> tuple[list[str], float]:
    """The translations, and their pieces (each with its `</s>`) over the seconds of the search."""
    started_s = time.perf_counter()
    translations = translate(model, tokenizer, texts, config)
    elapsed_s = time.perf_counter() - started_s
    lines = tokenizer.encode_lines(translations)
    return translations, sum(len(ids) + 1 for ids in lines) / elapsed_s
