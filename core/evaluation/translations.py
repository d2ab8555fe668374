"""The translation of a text, shared among workers."""

import time
from collections.abc import Sequence
from functools import partial

from core.checkpoint.folder import Checkpoint
from core.checkpoint.text_tasks import over_groups
from core.config import SearchConfig
from core.decoding.search import batches_by_length, check, search_batch
from core.decoding.translate import written
from core.system.executor import WorkExecutor
from core.text.languages import is_wordless


def translate_text(
    checkpoint: Checkpoint,
    texts: Sequence[str],
    config: SearchConfig | None = None,
    *,
    executor: WorkExecutor | None = None,
) -> list[str]:
    """What `core.decoding.translate.translate` gives, a task for each batch.

    Args:
        executor: where the text is translated; by default, in this process.

    Raises:
        ValueError: as `translate` does.
    """
    config, vocabulary = config or SearchConfig(), checkpoint.vocabulary
    languages = vocabulary.source.languages
    full = [number for number, text in enumerate(texts) if not is_wordless(text, languages)]
    ids = [vocabulary.source.encode(texts[number]) for number in full]
    check(checkpoint.config, ids, [()] * len(ids), config)
    groups = [(batch, [ids[i] for i in batch]) for batch in batches_by_length(ids, config)]
    translations = [""] * len(texts)
    of_batch = partial(_of_batch, config=config)
    for batch, found in over_groups(of_batch, checkpoint, groups, executor):
        for i, translation in zip(batch, found, strict=True):
            translations[full[i]] = translation
    return translations


def timed_translations(
    checkpoint: Checkpoint,
    texts: Sequence[str],
    config: SearchConfig | None = None,
    *,
    executor: WorkExecutor | None = None,
) -> tuple[list[str], float]:
    """The translations, and the speed in target tokens per second, `</s>` included."""
    started_s = time.perf_counter()
    translations = translate_text(checkpoint, texts, config, executor=executor)
    elapsed_s = time.perf_counter() - started_s
    lines = checkpoint.vocabulary.target.encode_lines(translations)
    return translations, sum(len(ids) + 1 for ids in lines) / elapsed_s


def _of_batch(
    checkpoint: Checkpoint, ids: Sequence[Sequence[int]], *, config: SearchConfig
) -> list[str]:
    vocabulary = checkpoint.vocabulary
    results = search_batch(
        checkpoint.model, range(len(ids)), ids, config, [()] * len(ids),
        unwritable=vocabulary.unwritable,
    )  # fmt: skip
    return [written(vocabulary, each.found.best.tokens) for each in results]
