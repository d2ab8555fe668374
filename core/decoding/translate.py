"""Text in, text out: the best translation of each sentence."""

from collections.abc import Sequence

from core.config import SearchConfig
from core.decoding.search import search
from core.model import Transformer
from core.text.languages import is_wordless
from core.text.pieces import one_line, several
from core.text.vocabulary import Vocabulary


def translate(
    model: Transformer,
    vocabulary: Vocabulary,
    texts: Sequence[str],
    config: SearchConfig | None = None,
) -> list[str]:
    """The best translation of each text, in order and on one line; an empty text stays empty.

    Raises:
        TypeError: if `texts` is one text and no list.
        SourceTooLongError: if a text has more than 512 pieces.
        UnencodableTextError: if one holds half of a surrogate pair.
    """
    languages = vocabulary.source.languages
    full = [
        number for number, text in enumerate(several(texts)) if not is_wordless(text, languages)
    ]
    translations = [""] * len(texts)
    ids = [vocabulary.source.encode(texts[number]) for number in full]
    results = search(model, ids, config, unwritable=vocabulary.unwritable)
    for number, found in zip(full, results, strict=True):
        translations[number] = written(vocabulary, found.best.tokens)
    return translations


def written(vocabulary: Vocabulary, tokens: Sequence[int]) -> str:
    """The text of a translation, on one line.

    Byte pieces can add up to a line separator such as U+2028; a space replaces it.
    """
    return one_line(vocabulary.target.decode(tokens))
