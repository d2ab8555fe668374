"""Text in, text out: the best translation of each sentence."""

import time
from collections.abc import Sequence

from tqdm import tqdm

from core.config import SearchConfig
from core.decoding.search import search
from core.model import Transformer
from core.text.languages import is_wordless
from core.text.pieces import one_line
from core.text.vocabulary import Vocabulary

LINES_AT_ONCE = 256
"""Lines that are translated between two moves of a progress bar."""


def translate(
    model: Transformer,
    vocabulary: Vocabulary,
    texts: Sequence[str],
    config: SearchConfig | None = None,
) -> list[str]:
    """The best translation of each text, in order and on one line; an empty text stays empty.

    Raises:
        SourceTooLongError: if a text has more than 512 pieces.
        UnencodableTextError: if one holds half of a surrogate pair.
    """
    languages = vocabulary.source.languages
    full = [number for number, text in enumerate(texts) if not is_wordless(text, languages)]
    translations = [""] * len(texts)
    ids = [vocabulary.source.encode(texts[number]) for number in full]
    results = search(model, ids, config, unwritable=vocabulary.unwritable)
    for number, found in zip(full, results, strict=True):
        translations[number] = written(vocabulary, found.best.tokens)
    return translations


def translate_in_batches(
    model: Transformer,
    vocabulary: Vocabulary,
    texts: Sequence[str],
    config: SearchConfig | None = None,
) -> list[str]:
    """Like `translate`, some texts at a time, with a progress bar on standard error."""
    found: list[str] = []
    with tqdm(total=len(texts), unit="line", disable=None) as bar:
        for first in range(0, len(texts), LINES_AT_ONCE):
            some = texts[first : first + LINES_AT_ONCE]
            found += translate(model, vocabulary, some, config)
            bar.update(len(some))
    return found


def written(vocabulary: Vocabulary, tokens: Sequence[int]) -> str:
    """The text of a translation, on one line.

    Byte pieces can add up to a line separator such as U+2028; a space replaces it.
    """
    return one_line(vocabulary.target.decode(tokens))


def timed_translate(
    model: Transformer,
    vocabulary: Vocabulary,
    texts: Sequence[str],
    config: SearchConfig | None = None,
) -> tuple[list[str], float]:
    """The translations, and the search speed in target tokens per second, `</s>` included."""
    started_s = time.perf_counter()
    translations = translate(model, vocabulary, texts, config)
    elapsed_s = time.perf_counter() - started_s
    lines = vocabulary.target.encode_lines(translations)
    return translations, sum(len(ids) + 1 for ids in lines) / elapsed_s
