"""`translate` and `trace`: translate text, or write the attention for one sentence."""

import itertools
import json
import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import tyro
from tqdm import tqdm

from core.cli.opening import open_checkpoint
from core.config import SearchConfig
from core.text.languages import is_wordless, language_problem
from core.text.parallel import DataError, decoded_line
from core.text.pieces import one_line

if TYPE_CHECKING:
    from core.decoding.result import SearchResult
    from core.translator import Translator

LINES_AT_ONCE = 256


@dataclass(frozen=True, kw_only=True)
class Translate:
    """Translate sentences, or lines from standard input.

    Each line of input gives one line of output, in order. A line that cannot be translated gives an
    empty line; an error at the end names it, and the exit status is not zero.
    """

    texts: tyro.conf.Positional[tuple[str, ...]] = ()
    """Sentences; without any, lines are read from standard input."""
    checkpoint: Path
    """A checkpoint folder, such as checkpoints/en-de."""
    json: bool = False
    """Print one JSON object per line, with the log-probability and candidates of every step. An
    empty line gives an empty translation without them."""
    device: str = "auto"
    search: SearchConfig = field(default_factory=SearchConfig)

    strict: bool = False
    """Stop at the first line that cannot be translated, instead of leaving its line empty."""

    def execute(self, arguments: Sequence[str]) -> None:
        from core.translator import Translator

        translator = Translator(open_checkpoint(self.checkpoint, self.device))
        lines: Iterable[str | bytes] = self.texts or sys.stdin.buffer
        problems: list[str] = []
        with tqdm(unit="line", disable=True if self.texts else None) as bar:  # None: not in a pipe
            for first, chunk in _chunks(lines):
                texts, found = _usable(translator, chunk, first)
                problems += found
                _note_language(translator, texts, first)
                if self.strict and problems:
                    raise ValueError(problems[0])
                for line in self._translated(translator, texts):
                    print(line)
                sys.stdout.flush()
                bar.update(len(chunk))
        if problems:
            raise ValueError("; ".join(problems))

    def _translated(self, translator: "Translator", texts: list[str]) -> Iterable[str]:
        if self.json:
            return _as_json(translator, texts, self.search)
        return translator.translate(texts, self.search)


@dataclass(frozen=True, kw_only=True)
class TraceCommand:
    """Translate one sentence and write every head's attention (file format:
    docs/trace-format.md)."""

    text: tyro.conf.Positional[str]
    """The sentence."""
    checkpoint: Path
    """A checkpoint folder, such as checkpoints/en-de."""
    output: Path
    """File to write, as .npz or as .json (weights to six decimals)."""
    device: str = "auto"
    search: SearchConfig = field(default_factory=SearchConfig)

    def execute(self, arguments: Sequence[str]) -> None:
        from core.analysis.trace.trace import require_suffix
        from core.system.files import prepare_file
        from core.translator import Translator

        require_suffix(self.output.suffix)
        prepare_file(self.output)
        translator = Translator(open_checkpoint(self.checkpoint, self.device))
        trace = translator.trace(self.text, self.search)
        print(one_line(trace.target.text), flush=True)
        trace.save(self.output)
        shapes = ", ".join(f"{kind} {weights.shape}" for kind, weights in trace.weights.items())
        print(f"{self.output}: {shapes}", file=sys.stderr)


def _note_language(translator: "Translator", texts: Sequence[str], first: int) -> None:
    """Say on standard error which line is the first that names no language of the model."""
    languages = translator.checkpoint.vocabulary.source.languages
    for number, text in enumerate(texts, first):
        problem = language_problem(text, languages) if text else None
        if problem:
            print(f"note: line {number}: {problem}", file=sys.stderr)
            return


def _chunks(lines: Iterable[str | bytes]) -> Iterator[tuple[int, list[str | bytes]]]:
    """Some lines at a time, and the number of the first of them, from 1."""
    iterator, first = iter(lines), 1
    while chunk := list(itertools.islice(iterator, LINES_AT_ONCE)):
        yield first, chunk
        first += len(chunk)


def _usable(
    translator: "Translator", chunk: Sequence[str | bytes], first: int
) -> tuple[list[str], list[str]]:
    """The lines, empty where one cannot be translated, and a sentence for each of those."""
    texts, problems = [""] * len(chunk), []
    for index, line in enumerate(chunk):
        number = first + index
        try:
            text = line if isinstance(line, str) else decoded_line(line, number, "standard input")
        except DataError as error:
            problems.append(str(error))
            continue
        try:
            translator.check(text)
            texts[index] = text
        except ValueError as error:
            problems.append(f"line {number}: {error}")
    return texts, problems


def _as_json(translator: "Translator", texts: list[str], search: SearchConfig) -> Iterator[str]:
    languages = translator.checkpoint.vocabulary.source.languages
    full = [text for text in texts if not is_wordless(text, languages)]
    founds = iter(translator.search(full, search))
    for text in texts:
        values = (
            _nothing(text)
            if is_wordless(text, languages)
            else _found_as_json(translator, text, next(founds))
        )
        yield _on_one_line(json.dumps(values, ensure_ascii=False))


def _on_one_line(written: str) -> str:
    """JSON without the separators that it may hold as they are, and that some readers cut lines at."""
    for separator in "\x85\u2028\u2029":
        written = written.replace(separator, f"\\u{ord(separator):04x}")
    return written


def _nothing(text: str) -> dict[str, object]:
    """The result for an empty text: an empty translation, without a search."""
    return {
        "source": text,
        "translation": "",
        "log_probability_nats": None,
        "score": None,
        "is_cut": False,
        "steps": [],
        "alternatives": [],
    }


def _found_as_json(translator: "Translator", text: str, found: "SearchResult") -> dict[str, object]:
    from core.decoding.translate import written

    vocabulary = translator.checkpoint.vocabulary
    target = vocabulary.target
    return {
        "source": text,
        "translation": written(vocabulary, found.best.tokens),
        "log_probability_nats": found.best.log_probability_nats,
        "score": found.best.score,
        "is_cut": found.best.is_cut,
        "steps": [
            {
                "piece": target.names[step.token],
                "probability": round(math.exp(step.log_probability_nats), 6),
                "candidates": {
                    target.names[c.token]: round(math.exp(c.log_probability_nats), 6)
                    for c in step.candidates
                },
            }
            for step in found.best.steps
        ],
        "alternatives": [
            {"translation": written(vocabulary, h.tokens), "score": h.score}
            for h in found.hypotheses[1:]
        ],
    }
