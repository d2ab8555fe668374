"""`evaluate` and `align`: measure a checkpoint, and keep what was measured in its folder."""

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.config import SearchConfig, write_json
from core.jobs import alone

if TYPE_CHECKING:
    from core.checkpoint import Checkpoint
    from core.significance import Statistics


@dataclass(frozen=True, kw_only=True)
class Evaluate:
    """BLEU, chrF and perplexity of a checkpoint on parallel text; the last line is one JSON object."""

    checkpoint: Path
    """A checkpoint folder, such as checkpoints/en-de."""
    source: Path
    """Text to translate, one sentence a line."""
    reference: Path
    """Its reference translation, line by line."""
    output: Path | None = None
    """A file for the translations."""
    record: str | None = None
    """Keep the result in the checkpoint's metrics.json and card.md, under this name."""
    json: bool = False
    """Print only the JSON object."""
    device: str = "auto"
    search: SearchConfig = field(default_factory=SearchConfig)

    def execute(self, arguments: Sequence[str]) -> None:
        from core.atomic import write_whole
        from core.checkpoint import load_checkpoint
        from core.data import read_pairs
        from core.device import choose_device

        checkpoint = load_checkpoint(self.checkpoint, choose_device(self.device))
        pairs = list(read_pairs(self.source, self.reference))
        if not pairs:
            raise ValueError(f"{self.source} has no line; there is nothing to evaluate")
        started_s = time.perf_counter()
        measured = measure(checkpoint, pairs, self.search)
        seconds = round(time.perf_counter() - started_s, 1)
        result = {**measured.result, "seconds": seconds}
        if self.output:
            lines = "".join(line + "\n" for line in measured.translations)
            write_whole(self.output, lines)
        if self.record:
            record_metrics(
                self.checkpoint, "results", lambda old: {**(old or {}), self.record: result}
            )
        if not self.json:
            for name in ("bleu", "bleu_lc", "chrf"):
                low, high = result["intervals_95"][name]
                print(f"{name:8} {result[name]:6.2f}  95 % interval {low:.2f} to {high:.2f}")
            low, high = result["intervals_95"]["perplexity"]
            print(
                f"{'ppl':8} {result['perplexity']:6.2f}  95 % interval {low:.2f} to {high:.2f}, per piece"
            )
        print(json.dumps(result))


@dataclass(frozen=True, slots=True)
class Measurement:
    """A text translated and scored."""

    translations: list[str]
    result: dict[str, Any]
    """The scores as JSON, with intervals and signatures."""
    statistics: "Mapping[str, Statistics]"
    """Sentence by sentence, what adds up to `perplexity`, `bleu` and `bleu_lc`."""


def measure(
    checkpoint: "Checkpoint", pairs: Sequence[tuple[str, str]], search_config: SearchConfig
) -> Measurement:
    """Translate the sources and score the translations against the references.

    Decoding speed is that of the whole search, batches of several sentences.
    """
    from core.evaluation import likelihood_statistics, translation_scores
    from core.significance import bleu_statistics, corpus_score, interval_95
    from core.translator import Translator

    tokenizer = checkpoint.tokenizer
    sources, references = ([pair[side] for pair in pairs] for side in (0, 1))
    translations, tokens_per_s = Translator(checkpoint).timed_translate(sources, search_config)
    statistics = {
        "perplexity": likelihood_statistics(
            checkpoint.model, tokenizer.encode_lines(sources), tokenizer.encode_lines(references)
        ),
        "bleu": bleu_statistics(translations, references, lowercase=False),
        "bleu_lc": bleu_statistics(translations, references, lowercase=True),
    }
    scores = translation_scores(translations, references)
    low, high = interval_95("perplexity", statistics["perplexity"])
    intervals = {name: score.interval_95 for name, score in scores.items()}
    result = {
        **{name: round(score.value, 2) for name, score in scores.items()},
        "intervals_95": {**intervals, "perplexity": (round(low, 3), round(high, 3))},
        "signatures": {name: score.signature for name, score in scores.items()},
        "perplexity": round(corpus_score("perplexity", statistics["perplexity"]), 3),
        "sentences": len(pairs),
        "search": search_config.to_json(),
        "decoding_tokens_per_s": round(tokens_per_s, 1),
    }
    return Measurement(translations, result, statistics)


def record_metrics(folder: Path, name: str, renewed: Callable[[Any], Any]) -> None:
    """Renew one entry of metrics.json, and the card's results; weights stay untouched.

    Both files are read anew, as others may have written to them since the checkpoint was loaded.

    Args:
        renewed: the new entry, given the old one, or None where there is none.
    """
    from core.atomic import write_whole
    from core.card import with_results
    from core.checkpoint import CARD, METRICS, read_card, read_metrics

    with alone(folder):
        metrics = read_metrics(folder)
        metrics[name] = renewed(metrics.get(name))
        write_whole(folder / METRICS, write_json(metrics))
        write_whole(folder / CARD, with_results(read_card(folder), metrics))


@dataclass(frozen=True, kw_only=True)
class Align:
    """Find the cross-attention head that aligns words best, against gold word alignments.

    The result is kept in the checkpoint's metrics.json; the Explorer opens on that head.
    """

    checkpoint: Path
    """A checkpoint folder, such as checkpoints/en-de."""
    source: Path
    """Tokenised source text, one sentence a line."""
    target: Path
    """Its tokenised translation."""
    gold: Path
    """Links, one line a sentence: 3-4 is sure, 3p4 possible, words counted from 1."""
    name: str
    """What to call this text in the card."""
    max_words: int = 60
    """Pairs with a longer side are passed over."""

    def execute(self, arguments: Sequence[str]) -> None:
        from core.alignment import head_alignment, read_gold
        from core.checkpoint import load_checkpoint
        from core.data import read_pairs

        pairs, alignments = list(read_pairs(self.source, self.target)), read_gold(self.gold)
        if len(pairs) != len(alignments):
            raise ValueError(
                f"{self.source} has {len(pairs)} lines, {self.gold} has {len(alignments)}; give one "
                "line of gold links for each sentence"
            )
        rows = [
            (source, target, links)
            for (source, target), links in zip(pairs, alignments, strict=True)
            if max(len(source.split()), len(target.split())) <= self.max_words
        ]
        if not rows:
            raise ValueError(
                f"none of the {len(pairs)} sentence pairs of {self.source} has at most "
                f"max_words={self.max_words} words a side; give a larger --max-words, or another text"
            )
        checkpoint = load_checkpoint(self.checkpoint)
        sources, targets, gold = zip(*rows, strict=True)
        result = head_alignment(checkpoint.model, checkpoint.tokenizer, sources, targets, gold)
        alignment = {"data": self.name, **result.to_json()}
        record_metrics(self.checkpoint, "alignment", lambda _: alignment)
        json.dump(result.to_json(), sys.stdout)
        print()
