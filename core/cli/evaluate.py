"""`evaluate` and `align`: measure a checkpoint, and store the results in its folder."""

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.cli.opening import open_checkpoint
from core.cli.texts import say_left_out, usable_of
from core.config import SearchConfig
from core.evaluation.measure import measure, record_metrics, require_recordable


@dataclass(frozen=True, kw_only=True)
class Evaluate:
    """Measure BLEU, chrF and perplexity of a checkpoint on parallel text.

    The last line of the output is one JSON object.
    """

    checkpoint: Path
    """A checkpoint folder, such as checkpoints/en-de."""
    source: Path
    """Text to translate, one sentence a line."""
    reference: Path
    """Its reference translation, line by line."""
    output: Path | None = None
    """A file for the translations."""
    record: str | None = None
    """Store the result in the checkpoint's metrics.json and card.md, under this name."""
    json: bool = False
    """Print only the JSON object."""
    device: str = "auto"
    search: SearchConfig = field(default_factory=SearchConfig)

    def execute(self, arguments: Sequence[str]) -> None:
        from core.checkpoint.bundled import resolve
        from core.system.files import prepare_file, write_whole
        from core.text.parallel import read_pairs

        if self.output:
            prepare_file(self.output)
        folder = resolve(self.checkpoint)
        checkpoint = open_checkpoint(folder, self.device)
        if self.record:
            require_recordable(folder)
        pairs = list(read_pairs(self.source, self.reference))
        started_s = time.perf_counter()
        measured = measure(
            checkpoint, pairs, self.search, lambda used: say_left_out(self.source, used)
        )
        seconds = round(time.perf_counter() - started_s, 1)
        result = {**measured.result, "seconds": seconds}
        self._print(result)
        if self.output:
            lines = "".join(line + "\n" for line in measured.translations)
            write_whole(self.output, lines)
        if self.record:
            record_metrics(folder, "results", lambda old: {**(old or {}), self.record: result})

    def _print(self, result: dict[str, Any]) -> None:
        if not self.json:
            for name in ("bleu", "bleu_lc", "chrf"):
                low, high = result["intervals_95"][name]
                print(f"{name:8} {result[name]:6.2f}  95 % interval {low:.2f} to {high:.2f}")
            low, high = result["intervals_95"]["perplexity"]
            print(
                f"{'ppl':8} {result['perplexity']:6.2f}  95 % interval {low:.2f} to {high:.2f}, per piece"
            )
        print(json.dumps(result), flush=True)


@dataclass(frozen=True, kw_only=True)
class Align:
    """Find the cross-attention head that aligns words best, measured on gold word alignments.

    The result is stored in the checkpoint's metrics.json; the Explorer then shows that head first.
    """

    checkpoint: Path
    """A checkpoint folder, such as checkpoints/en-de."""
    source: Path
    """Tokenised source text, one sentence a line."""
    target: Path
    """Its tokenised translation."""
    gold: Path
    """Gold links, one line a sentence: 3-4 is a sure link, 3p4 a possible one; words count from
    1."""
    name: str
    """The name of this text on the model card."""
    max_words: int = 60
    """Pairs with more words than this on either side are left out."""

    def execute(self, arguments: Sequence[str]) -> None:
        from core.analysis.heads.alignment import check_links, head_alignment, read_gold
        from core.checkpoint.bundled import resolve
        from core.text.parallel import read_pairs
        from core.text.pieces import is_empty

        pairs, alignments = list(read_pairs(self.source, self.target)), read_gold(self.gold)
        if len(pairs) != len(alignments):
            raise ValueError(
                f"{self.source} has {len(pairs)} lines, {self.gold} has {len(alignments)}; give one "
                "line of gold links for each sentence"
            )
        for line, ((source, target), links) in enumerate(zip(pairs, alignments, strict=True), 1):
            if not (is_empty(source) or is_empty(target)):  # else it is left out, and counted
                check_links(links, source, target, f"{self.gold}, line {line}")
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
        folder = resolve(self.checkpoint)
        checkpoint = open_checkpoint(folder)
        require_recordable(folder)
        if n_long := len(pairs) - len(rows):
            print(
                f"{self.source}: {n_long:,} pairs were left out (a side has more than "
                f"{self.max_words} words)",
                file=sys.stderr,
            )
        used = usable_of(checkpoint, [(source, target) for source, target, _ in rows], self.source)
        rows = [rows[number] for number in used.numbers]
        sources, targets, gold = zip(*rows, strict=True)
        result = head_alignment(checkpoint.model, checkpoint.vocabulary, sources, targets, gold)
        alignment = {"data": self.name, **result.to_json()}
        print(json.dumps(result.to_json()), flush=True)
        record_metrics(folder, "alignment", lambda _: alignment)
