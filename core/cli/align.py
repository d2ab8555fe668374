"""`align`: word alignments of a text from cross-attention, and which head aligns words best."""

import json
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from core.cli.opening import open_checkpoint
from core.cli.task_options import TaskOptions
from core.cli.texts import passes_shown, usable_of
from core.evaluation.measure import record_metrics, require_recordable
from core.system.files import prepare_file, write_whole
from core.system.text_tables import aligned

if TYPE_CHECKING:
    from core.analysis.alignment.gold import GoldAlignment
    from core.analysis.alignment.links import WordLink
    from core.analysis.alignment.measure import Alignment, HeadChoice
    from core.analysis.alignment.words import Reading
    from core.checkpoint.folder import Checkpoint
    from core.evaluation.ratios import Estimate
    from core.system.executor import WorkExecutor

Form = Literal["links", "details", "table", "json"]


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
    """Link the words of a text by cross-attention, and measure which head aligns words best.

    The links are those of one head or layer: the best head, unless --by names another. How good all
    are is measured on gold word alignments, or without them by the share of words that are linked in
    both directions. With --name the best head is stored in metrics.json in the model's folder; the
    Explorer then shows it first.
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
    by: str = "best"
    """Whose links are printed: a head such as L1H6, a layer as a whole such as L2, or `best`."""
    values: Literal["weights", "norms"] = "weights"
    """Attention weights, or the lengths of the vectors that they let through (Kobayashi et al.
    2020)."""
    step: Literal["AWO", "AWI", "best"] = "best"
    """The step at which a target word is read: AWO, when it is written; AWI, one step later, when it
    is read."""
    form: Form | None = None
    """links: Pharaoh format, a line a sentence; details: JSON lines with each link's confidence and
    whether it is mutual; table: every layer; json: every head. With --gold the usual form is table,
    else links."""
    output: Path | None = None
    """A file for this, instead of the screen."""
    name: str | None = None
    """The name of this text on the model card. With it the result is stored in the model's folder."""
    max_words: int = 60
    """Pairs with more words than this on either side are left out of what is measured; they get no
    links."""
    tasks: TaskOptions = field(default_factory=TaskOptions)

    def execute(self, arguments: Sequence[str]) -> None:
        from core.checkpoint.bundled import resolve

        if self.gold and not self.target:
            raise ValueError("--gold links words of a translation; name it with --target")
        text = self._read() if self.target else None  # mistakes come first
        short = self._short_enough(text) if text else None
        folder = resolve(self.checkpoint)
        checkpoint = open_checkpoint(folder)
        chosen = self._place(checkpoint)
        if self.name:
            require_recordable(folder)
        if self.output:
            prepare_file(self.output)
        with passes_shown(), self.tasks.executor() as executor:
            if text is None or short is None:
                text, short = self._translated(checkpoint, executor)
            used = [
                short[n] for n in usable_of(checkpoint, text.only(short).pairs, self.source).numbers
            ]
            result = _measured(checkpoint, text.only(used), executor)
            choice = self._choice(result, chosen)
            shown = self._shown(checkpoint, text, used, result, choice, executor)
        self._show(shown)
        _say(result, choice)
        if self.name:
            alignment = {"data": self.name, **result.to_json()}
            record_metrics(folder, "alignment", lambda _: alignment)

    def _read(self) -> _Text:
        from core.analysis.alignment.gold import check_links, read_gold
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

    def _translated(
        self, checkpoint: "Checkpoint", executor: "WorkExecutor"
    ) -> tuple[_Text, list[int]]:
        """The text with the model's own translations, and the numbers of its sentences that are short
        enough."""
        from core.evaluation.translations import translate_text
        from core.text.parallel import read_lines
        from core.translator import Translator

        translator, lines = Translator(checkpoint), list(read_lines(self.source))
        short = self._short_enough(_Text([(line, "") for line in lines], None))
        for number in short:
            try:
                translator.check(lines[number])
            except ValueError as error:
                raise ValueError(f"{self.source}, line {number + 1}: {error}") from None
        sources = [lines[number] for number in short]
        targets = translate_text(checkpoint, sources, executor=executor)
        pairs = [(line, "") for line in lines]
        for number, target in zip(short, targets, strict=True):
            pairs[number] = (lines[number], target)
        return _Text(pairs, None), short

    def _short_enough(self, text: _Text) -> list[int]:
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
        return numbers

    def _place(self, checkpoint: "Checkpoint") -> tuple[int, int | None] | None:
        """Layer and head of --by, from 0; None for the best.

        Raises:
            ValueError: if it is neither, or the model has no such head or layer.
        """
        if self.by == "best":
            return None
        config = checkpoint.config
        match = re.fullmatch(r"L([1-9]\d{0,2})(?:H([1-9]\d{0,2}))?", self.by)
        layer, head = (int(n) if n else None for n in match.groups()) if match else (None, None)
        if not layer or layer > config.n_decoder_layers or (head or 1) > config.n_heads:
            raise ValueError(
                f"--by {self.by} is no cross-attention head of this model, which has "
                f"{config.n_decoder_layers} layers of {config.n_heads} heads; write a head like L1H6, a "
                "layer like L2, or best"
            )
        return layer - 1, head - 1 if head else None

    def _choice(self, result: "Alignment", place: tuple[int, int | None] | None) -> "HeadChoice":
        from core.analysis.alignment.measure import HeadChoice
        from core.analysis.alignment.step_names import STEP_NAMES

        readings: list[Reading] = [
            (self.values, step) for step, name in STEP_NAMES.items() if self.step in (name, "best")
        ]
        if place is None:
            return result.best_of(readings)
        choices = [HeadChoice(reading, *place) for reading in readings]
        return max(choices, key=lambda choice: _goodness(result, choice))

    def _shown(
        self,
        checkpoint: "Checkpoint",
        text: _Text,
        used: Sequence[int],
        result: "Alignment",
        choice: "HeadChoice",
        executor: "WorkExecutor",
    ) -> str:
        from core.analysis.alignment.measure import text_links

        form = self.form or ("table" if self.gold else "links")
        if form == "json":
            return json.dumps({"data": self.name, **result.to_json()})
        if form == "table":
            return table(result)
        sources, targets = zip(*text.only(used).pairs, strict=True)
        links = text_links(checkpoint, sources, targets, choice, executor=executor)
        lines: list[Sequence[WordLink]] = [[] for _ in text.pairs]
        for number, of_pair in zip(used, links, strict=True):
            lines[number] = of_pair
        return "\n".join(map(_details if form == "details" else _pharaoh, lines))

    def _show(self, text: str) -> None:
        if self.output:
            write_whole(self.output, text + "\n")
        else:
            print(text, flush=True)


def _measured(checkpoint: "Checkpoint", text: _Text, executor: "WorkExecutor") -> "Alignment":
    from core.analysis.alignment.measure import measure_alignment

    sources, targets = zip(*text.pairs, strict=True)
    return measure_alignment(checkpoint, sources, targets, text.gold, executor=executor)


def _goodness(result: "Alignment", choice: "HeadChoice") -> float:
    rate, agreement = result.of(choice)
    return agreement.value if rate is None else -rate.value


def _pharaoh(links: "Sequence[WordLink]") -> str:
    from core.analysis.alignment.links import pharaoh

    return pharaoh(links)


def _details(links: "Sequence[WordLink]") -> str:
    """One sentence's links as a JSON line: [source, target, confidence, mutual], and their means."""
    n = len(links)
    of_line: dict[str, Any] = {
        "links": [
            [link.source, link.target, round(link.confidence, 4), link.is_mutual] for link in links
        ],
        "confidence": round(sum(link.confidence for link in links) / n, 4) if n else None,
        "agreement": round(sum(link.is_mutual for link in links) / n, 4) if n else None,
    }
    return json.dumps(of_line)


def _say(result: "Alignment", choice: "HeadChoice") -> None:
    """One line to standard error: by whom the words are linked, and how well."""
    from core.analysis.alignment.step_names import STEP_NAMES

    values, step = choice.reading
    rate, agreement = result.of(choice)
    together = "mean of its heads" if values == "weights" else "its heads summed"
    whose = f"layer {choice.layer + 1}, {together}" if choice.head is None else choice.label
    rated = f"alignment error rate {_percent(rate)}, " if rate else ""
    print(
        f"{whose}, {values}, {STEP_NAMES[step]}: {rated}{_percent(agreement)} of the words are linked in "
        f"both directions ({result.n_sentences:,} sentence pairs)",
        file=sys.stderr,
    )


def _percent(estimate: "Estimate") -> str:
    low, high = estimate.interval_95
    return f"{100 * estimate.value:.1f} % [{100 * low:.1f}, {100 * high:.1f}]"


def table(result: "Alignment") -> str:
    """Every layer as a whole and its best head, in four readings; beside published ones with gold."""
    from core.analysis.alignment.step_names import STEP_NAMES
    from core.analysis.alignment.words import READINGS

    rates = result.error_rates
    what = "bidirectional agreement, % (higher is better)"
    if rates is not None:
        what = "alignment error rate, % (lower is better)"
    by_reading = result.agreements if rates is None else rates
    heading = [f"{STEP_NAMES[step]} {values}" for values, step in READINGS]
    rows = [("layer", *heading)]
    for layer in range(result.n_layers):
        cells = [by_reading[reading].at((layer, -1)) for reading in READINGS]
        rows.append((str(layer + 1), *map(_cell, cells)))
    rows.append(("best head", *(_best_head(result, reading) for reading in READINGS)))
    parts = [what, aligned(rows)]
    return "\n\n".join([*parts, *(_published() if rates is not None else ())])


def _cell(estimate: "Estimate") -> str:
    low, high = estimate.interval_95
    return f"{100 * estimate.value:.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def _best_head(result: "Alignment", reading: "Reading") -> str:
    choice = result.best_of([reading])
    rate, agreement = result.of(choice)
    return f"{choice.label} {_cell(rate or agreement)}"


def _published() -> Iterator[str]:
    """Tables of others, as text."""
    from core.analysis.alignment.published import (
        ALIGNERS,
        FERRANDO,
        FERRANDO_CONTRIBUTIONS,
        KOBAYASHI,
    )
    from core.analysis.alignment.step_names import STEP_NAMES
    from core.analysis.alignment.words import READINGS

    yield (
        "Published, German-English, the RWTH set of 508 sentences, models of six layers (other data and "
        "direction: compare order and sign, not levels):"
    )
    rows = [("", *(f"{STEP_NAMES[step]} {values}" for values, step in READINGS))]
    for published in (KOBAYASHI, FERRANDO, FERRANDO_CONTRIBUTIONS):
        cells = [" ".join(map(str, published.by_reading.get(reading, ()))) for reading in READINGS]
        rows.append((published.source, *cells))
    yield aligned(rows)
    yield "Programs made to align: " + ", ".join(
        f"{name} {rate}" for name, rate in ALIGNERS.items()
    )
