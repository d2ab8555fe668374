"""`align`: which cross-attention head aligns words best."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.cli.opening import open_checkpoint
from core.cli.texts import usable_of
from core.evaluation.measure import record_metrics, require_recordable

if TYPE_CHECKING:
    from core.analysis.heads.alignment import GoldAlignment, HeadAgreement, HeadAlignment
    from core.checkpoint.folder import Checkpoint


@dataclass(frozen=True, slots=True)
class _Text:
    """Sentence pairs, and their gold links if there are any."""

    pairs: list[tuple[str, str]]
    gold: "list[GoldAlignment] | None"

    def only(self, numbers: Sequence[int]) -> "_Text":
        gold = [self.gold[number] for number in numbers] if self.gold is not None else None
        return _Text([self.pairs[number] for number in numbers], gold)


@dataclass(frozen=True, kw_only=True)
class Align:
    """Find the cross-attention head that aligns words best.

    Measured on gold word alignments, or without them by the share of words that a head links in both
    directions. The result is stored in metrics.json in the model's folder; the Explorer then shows
    that head first.
    """

    checkpoint: Path
    """A checkpoint folder, such as checkpoints/en-de."""
    source: Path
    """Source text, one sentence a line; split into tokens already, if you give --gold."""
    target: Path | None = None
    """Its translation; without it, the model's own."""
    gold: Path | None = None
    """Gold links, one line a sentence: 3-4 is a sure link, 3p4 a possible one; words count from
    1."""
    name: str
    """The name of this text on the model card."""
    max_words: int = 60
    """Pairs with more words than this on either side are left out."""

    def execute(self, arguments: Sequence[str]) -> None:
        from core.checkpoint.bundled import resolve

        if self.gold and not self.target:
            raise ValueError("--gold links words of a translation; name it with --target")
        text = self._short_enough(self._read()) if self.target else None  # mistakes come first
        folder = resolve(self.checkpoint)
        checkpoint = open_checkpoint(folder)
        require_recordable(folder)
        text = text or self._translated(checkpoint)
        used = usable_of(checkpoint, text.pairs, self.source)
        result = _measured(checkpoint, text.only(used.numbers))
        print(json.dumps(result.to_json()), flush=True)
        alignment = {"data": self.name, **result.to_json()}
        record_metrics(folder, "alignment", lambda _: alignment)

    def _read(self) -> _Text:
        from core.analysis.heads.alignment import check_links, read_gold
        from core.text.parallel import read_pairs
        from core.text.pieces import is_empty

        assert self.target
        pairs = list(read_pairs(self.source, self.target))
        if not self.gold:
            return _Text(pairs, None)
        gold = read_gold(self.gold)
        if len(pairs) != len(gold):
            raise ValueError(
                f"{self.source} has {len(pairs)} lines, {self.gold} has {len(gold)}; give one "
                "line of gold links for each sentence"
            )
        for line, ((source, target), links) in enumerate(zip(pairs, gold, strict=True), 1):
            if not (is_empty(source) or is_empty(target)):  # else it is left out, and counted
                check_links(links, source, target, f"{self.gold}, line {line}")
        return _Text(pairs, gold)

    def _translated(self, checkpoint: "Checkpoint") -> _Text:
        """The text with the model's own translations, made batch by batch under a progress bar."""
        from core.decoding.translate import translate_in_batches
        from core.text.parallel import read_lines
        from core.translator import Translator

        translator, lines = Translator(checkpoint), list(read_lines(self.source))
        kept = self._short_enough(_Text([(line, "") for line in lines], None))
        sources = [source for source, _ in kept.pairs]
        for text in sources:
            try:
                translator.check(text)
            except ValueError as error:
                number = lines.index(text) + 1
                raise ValueError(f"{self.source}, line {number}: {error}") from None
        targets = translate_in_batches(checkpoint.model, checkpoint.vocabulary, sources)
        return _Text(list(zip(sources, targets, strict=True)), None)

    def _short_enough(self, text: _Text) -> _Text:
        numbers = [
            number
            for number, pair in enumerate(text.pairs)
            if max(len(side.split()) for side in pair) <= self.max_words
        ]
        n = len(text.pairs)
        if not n:
            raise ValueError(f"{self.source} is empty; give a text")
        if not numbers:
            raise ValueError(
                f"none of the {n} sentence pairs of {self.source} has at most "
                f"max_words={self.max_words} words a side; give a larger --max-words, or another text"
            )
        if n_long := n - len(numbers):
            print(
                f"{self.source}: {n_long:,} pairs were left out (a side has more than "
                f"{self.max_words} words)",
                file=sys.stderr,
            )
        return text.only(numbers)


def _measured(checkpoint: "Checkpoint", text: _Text) -> "HeadAlignment | HeadAgreement":
    from core.analysis.heads.alignment import head_agreement, head_alignment

    sources, targets = zip(*text.pairs, strict=True)
    model, vocabulary = checkpoint.model, checkpoint.vocabulary
    if text.gold is None:
        return head_agreement(model, vocabulary, sources, targets)
    return head_alignment(model, vocabulary, sources, targets, text.gold)
