"""Translate a text, score it, and record the scores in the checkpoint's folder."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.config import SearchConfig
from core.evaluation.measurable import measurable
from core.system.executor import WorkExecutor
from core.system.files import file_lock, prepare_file, write_json

if TYPE_CHECKING:
    from core.checkpoint.folder import Checkpoint
    from core.evaluation.bootstrap import Interval, Statistics
    from core.text.usable import UsablePairs


N_DIGITS = {"bleu": 2, "bleu_lc": 2, "chrf": 2, "perplexity": 3}
"""Decimal places of a score and its interval."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """A text translated and scored."""

    translations: list[str]
    """One translation per pair; empty for pairs that were left out."""
    result: dict[str, Any]
    """The scores as JSON, with intervals and signatures."""
    statistics: "Mapping[str, Statistics]"
    """Name of a score -> one row of statistics per sentence."""


def measure(
    checkpoint: "Checkpoint",
    pairs: Sequence[tuple[str, str]],
    search_config: SearchConfig,
    say: "Callable[[UsablePairs], None]" = lambda used: None,
    *,
    executor: WorkExecutor | None = None,
) -> Measurement:
    """Translate the sources and score the translations against the references.

    Pairs that are not usable are left out, and counted. Decoding speed is that of the whole search,
    in batches of several sentences, of all workers together.

    Args:
        say: called with the usable pairs before they are translated.
        executor: where the text is measured; by default, in this process. All but the speed is the
            same.

    Raises:
        DataError: if no pair is usable.
    """
    from core.evaluation.bootstrap import bleu_statistics, chrf_statistics, corpus_score
    from core.evaluation.likelihood import likelihood_statistics
    from core.evaluation.scores import translation_scores
    from core.evaluation.translations import timed_translations

    vocabulary = checkpoint.vocabulary
    used = measurable(checkpoint, pairs)
    say(used)
    sources, references = ([pair[side] for pair in used.pairs] for side in (0, 1))
    translations, tokens_per_s = timed_translations(
        checkpoint, sources, search_config, executor=executor
    )
    statistics = {
        "perplexity": likelihood_statistics(
            checkpoint,
            vocabulary.source.encode_lines(sources),
            vocabulary.target.encode_lines(references),
            executor,
        ),
        "bleu": bleu_statistics(translations, references, lowercase=False),
        "bleu_lc": bleu_statistics(translations, references, lowercase=True),
        "chrf": chrf_statistics(translations, references),
    }
    scores = translation_scores(translations, references)
    perplexity = corpus_score("perplexity", statistics["perplexity"])
    result = {
        **{name: round(score.value, N_DIGITS[name]) for name, score in scores.items()},
        "intervals_95": {name: _interval(name, rows) for name, rows in statistics.items()},
        "signatures": {name: score.signature for name, score in scores.items()},
        "perplexity": round(perplexity, N_DIGITS["perplexity"]),
        "sentences": len(used.pairs),
        "pairs_left_out": used.n_left_out,
        "search": search_config.to_json(),
        "decoding_tokens_per_s": round(tokens_per_s, 1),
    }
    lines = [""] * len(pairs)
    for number, translation in zip(used.numbers, translations, strict=True):
        lines[number] = translation
    return Measurement(lines, result, statistics)


def _interval(name: str, statistics: "Statistics") -> "Interval":
    """Percentiles of the resampled score, as every interval of a score is."""
    from core.evaluation.bootstrap import interval_95

    low, high = interval_95(name, statistics)
    return round(low, N_DIGITS[name]), round(high, N_DIGITS[name])


def require_recordable(folder: Path) -> None:
    """Check that a result can be recorded in a checkpoint's folder.

    Raises:
        OutputError: if nothing can be written there.
        CheckpointError: if metrics.json or card.md exists and cannot be read: a rewrite would lose
            its content.
    """
    from core.checkpoint.required import model_config_of
    from core.checkpoint.side_files import METRICS, require_whole

    prepare_file(folder / METRICS)
    require_whole(folder, model_config_of(folder))


def record_metrics(folder: Path, name: str, renewed: Callable[[Any], Any]) -> None:
    """Replace one entry of metrics.json and the results on the card; weights stay untouched.

    Both files are read anew, as others may have written to them since the checkpoint was loaded.

    Args:
        renewed: makes the new entry from the old one, or from None without an old one.
    """
    from core.checkpoint.card import with_results
    from core.checkpoint.marian import marian_card
    from core.checkpoint.required import is_marian_folder
    from core.checkpoint.side_files import CARD, METRICS, read_card, read_metrics
    from core.system.files import write_whole

    with file_lock(folder):
        metrics = read_metrics(folder)
        metrics[name] = renewed(metrics.get(name))
        write_whole(folder / METRICS, write_json(metrics))
        card = read_card(folder) or (marian_card(folder) if is_marian_folder(folder) else "")
        write_whole(folder / CARD, with_results(card, metrics))
