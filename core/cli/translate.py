"""`translate` and `trace`: put a checkpoint to use."""

import itertools
import json
import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from core.config import SearchConfig

if TYPE_CHECKING:
    from core.decoding.result import SearchResult
    from core.translator import Translator

LINES_AT_ONCE = 512


@dataclass(frozen=True, kw_only=True)
class Translate:
    """Translate text, or lines from standard input in their order."""

    texts: tyro.conf.Positional[tuple[str, ...]] = ()
    """Sentences; without any, lines are read from standard input."""
    checkpoint: Path
    """A checkpoint folder, such as checkpoints/en-de."""
    json: bool = False
    """One JSON object a line, with the log-probability and candidates of every step; of an empty line,
    an empty translation without either."""
    device: str = "auto"
    search: SearchConfig = field(default_factory=SearchConfig)

    def execute(self, arguments: Sequence[str]) -> None:
        from core.system.device import choose_device
        from core.translator import Translator

        translator = Translator.load(self.checkpoint, str(choose_device(self.device)))
        lines = self.texts or (line.rstrip("\r\n") for line in sys.stdin)
        for chunk in _chunks(lines):
            for line in (
                _as_json(translator, chunk, self.search)
                if self.json
                else (translator.translate(chunk, self.search))
            ):
                print(line)
            sys.stdout.flush()


@dataclass(frozen=True, kw_only=True)
class TraceCommand:
    """Translate one sentence and write every head's attention, as docs/trace-format.md describes."""

    text: tyro.conf.Positional[str]
    """The sentence."""
    checkpoint: Path
    """A checkpoint folder, such as checkpoints/en-de."""
    output: Path
    """File to write; its ending chooses .npz (arrays) or .json (everything)."""
    device: str = "auto"
    search: SearchConfig = field(default_factory=SearchConfig)

    def execute(self, arguments: Sequence[str]) -> None:
        from core.system.device import choose_device
        from core.translator import Translator

        translator = Translator.load(self.checkpoint, str(choose_device(self.device)))
        trace = translator.trace(self.text, self.search)
        trace.save(self.output)
        print(trace.target.text)
        shapes = ", ".join(f"{kind} {weights.shape}" for kind, weights in trace.weights.items())
        print(f"{self.output}: {shapes}", file=sys.stderr)


def _chunks(lines: Iterable[str]) -> Iterator[list[str]]:
    iterator = iter(lines)
    while chunk := list(itertools.islice(iterator, LINES_AT_ONCE)):
        yield chunk


def _as_json(translator: "Translator", texts: list[str], search: SearchConfig) -> Iterator[str]:
    founds = iter(translator.search([text for text in texts if text.strip()], search))
    for text in texts:
        values = _found_as_json(translator, text, next(founds)) if text.strip() else _nothing(text)
        yield json.dumps(values, ensure_ascii=False)


def _nothing(text: str) -> dict[str, object]:
    """An empty text stays empty; nothing is searched for."""
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
    target = translator.checkpoint.vocabulary.target
    return {
        "source": text,
        "translation": target.decode(found.best.tokens),
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
            {"translation": target.decode(h.tokens), "score": h.score} for h in found.hypotheses[1:]
        ],
    }
