"""The main interface of a checkpoint: text in, translation or trace out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.analysis.head_place import HeadPlace
from core.analysis.trace.capture import trace
from core.analysis.trace.head_internals import HeadInternals, head_internals
from core.analysis.trace.trace import Trace
from core.checkpoint.folder import Checkpoint, load_checkpoint
from core.config import Kind, SearchConfig
from core.decoding.result import SearchResult
from core.decoding.search import check as check_sources
from core.decoding.search import search
from core.decoding.translate import translate
from core.model import Edits
from core.text.pieces import several


@dataclass(frozen=True, slots=True)
class Correction:
    """Two attempts at one sentence."""

    first: Trace | None
    """The model's own first attempt; None if a draft was given."""
    draft: str
    """What the second attempt read: the first attempt, or the draft that was given."""
    second: Trace
    """Its cross-attention columns are source, `</s>`, `<draft>`, draft, `</s>`."""

    def __str__(self) -> str:
        return f"{self.draft} → {self.second.target.text}"


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
        """Raises CheckpointError if the folder is no complete checkpoint, or has no such step."""
        return cls(load_checkpoint(folder, device, step=step))

    def search(
        self, texts: Sequence[str], config: SearchConfig | None = None
    ) -> list[SearchResult]:
        """Translate each text, with all that the search knows; raises as `translate` does."""
        vocabulary = self.checkpoint.vocabulary
        ids = [vocabulary.source.encode(text) for text in several(texts)]
        return search(self.checkpoint.model, ids, config, unwritable=vocabulary.unwritable)

    def check(self, text: str) -> None:
        """Check that a text can be translated; an empty text can, and gives an empty translation.

        Raises:
            SourceTooLongError, UnencodableTextError: if it cannot; the message names the rule that
                it breaks.
        """
        ids = self.checkpoint.vocabulary.source.encode(text)
        check_sources(self.checkpoint.config, [ids], [()], SearchConfig())

    def translate(self, texts: Sequence[str], config: SearchConfig | None = None) -> list[str]:
        """The best translation of each text, in order; an empty text stays empty.

        Raises:
            TypeError: if `texts` is one text and no list.
            SourceTooLongError, UnencodableTextError: as `check` does.
        """
        return translate(self.checkpoint.model, self.checkpoint.vocabulary, texts, config)

    def trace(
        self,
        text: str,
        config: SearchConfig | None = None,
        prefix: Sequence[int] = (),
        edits: Sequence[Edits] = (),
        draft: Sequence[int] | None = None,
    ) -> Trace:
        """Translate one sentence and capture every head of all three kinds; see `core.analysis.trace.capture`."""
        return trace(
            self.checkpoint.model,
            self.checkpoint.vocabulary,
            text,
            config=config,
            prefix=prefix,
            draft=draft,
            new_source_ids=self._new_source_ids,
            new_target_ids=self._new_target_ids,
            edits=edits,
        )

    def correct(
        self,
        text: str,
        draft: str | None = None,
        config: SearchConfig | None = None,
        edits: Sequence[Edits] = (),
    ) -> Correction:
        """Translate, then translate once more with the first attempt as a draft (SCoRe).

        Args:
            draft: read in place of a first attempt of the model's own; it may be empty.

        Raises:
            ValueError: if the model was not trained to correct a draft, or as `trace` does.
        """
        vocabulary = self.checkpoint.vocabulary
        first = self.trace(text, config, edits=edits) if draft is None else None
        tokens = vocabulary.target.encode(draft or "") if first is None else first.best.tokens
        second = self.trace(text, config, edits=edits, draft=tokens)
        return Correction(first, vocabulary.target.decode(tokens), second)

    def inside(self, trace: Trace, kind: Kind, *, layer: int, head: int) -> HeadInternals:
        """All tensors of one head for a trace that was made without edits.

        Args:
            layer, head: from 1.

        Raises:
            ValueError: if the model has no such head.
        """
        return head_internals(self.checkpoint.model, trace, HeadPlace.numbered(kind, layer, head))
