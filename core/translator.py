"""A checkpoint put to use: text in, text or trace out."""

import time
from collections.abc import Sequence
from pathlib import Path

from core.checkpoint import Checkpoint, load_checkpoint
from core.config import SearchConfig
from core.decoding import search
from core.inspection import HeadInternals, head_internals
from core.model import Edits
from core.records import Found, Kind, Trace
from core.tracing import trace


class Translator:
    """Translate and trace with one loaded checkpoint; safe to share between threads."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.checkpoint = checkpoint
        unseen = checkpoint.metrics.get("pieces_not_in_training", {})
        self._new_source_ids = frozenset(unseen.get("source", ()))
        self._new_target_ids = frozenset(unseen.get("target", ()))

    @classmethod
    def load(
        cls, folder: Path | str, device: str = "cpu", *, step: int | None = None
    ) -> "Translator":
        """Raises CheckpointError if the folder is no whole checkpoint, or has no such step."""
        return cls(load_checkpoint(folder, device, step=step))

    def search(self, texts: Sequence[str], config: SearchConfig | None = None) -> list[Found]:
        ids = [self.checkpoint.tokenizer.encode(text) for text in texts]
        return search(self.checkpoint.model, ids, config)

    def translate(self, texts: Sequence[str], config: SearchConfig | None = None) -> list[str]:
        """The best translation of each text, in order; an empty text stays empty."""
        full = [number for number, text in enumerate(texts) if text.strip()]
        translations = [""] * len(texts)
        for number, found in zip(full, self.search([texts[n] for n in full], config), strict=True):
            translations[number] = self.checkpoint.tokenizer.decode(found.best.tokens)
        return translations

    def timed_translate(
        self, texts: Sequence[str], config: SearchConfig | None = None
    ) -> tuple[list[str], float]:
        """The translations, and their pieces (each with its `</s>`) over the seconds of the search."""
        started_s = time.perf_counter()
        translations = self.translate(texts, config)
        elapsed_s = time.perf_counter() - started_s
        lines = self.checkpoint.tokenizer.encode_lines(translations)
        return translations, sum(len(ids) + 1 for ids in lines) / elapsed_s

    def trace(
        self,
        text: str,
        config: SearchConfig | None = None,
        prefix: Sequence[int] = (),
        edits: Sequence[Edits] = (),
    ) -> Trace:
        """Translate one sentence and capture every head of all three kinds; see `core.tracing`."""
        return trace(
            self.checkpoint.model,
            self.checkpoint.tokenizer,
            text,
            config=config,
            prefix=prefix,
            new_source_ids=self._new_source_ids,
            new_target_ids=self._new_target_ids,
            edits=edits,
        )

    def inside(self, trace: Trace, kind: Kind, *, layer: int, head: int) -> HeadInternals:
        """All that one head computed for a trace that was made without edits.

        Args:
            layer, head: from 1.

        Raises:
            ValueError: if the model has no such head.
        """
        return head_internals(self.checkpoint.model, trace, kind, layer - 1, head - 1)
