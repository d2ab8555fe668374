"""What a run trains on and is validated on: the vocabulary, and texts in its pieces."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.recipes import recipe_for

if TYPE_CHECKING:
    from core.data import ParallelFiles, TokenisedCorpus
    from core.runs import RunFolder
    from core.tokenizer import Tokenizer
    from core.training import Workers

MAX_HELD_OUT = 1_000


def keep_vocabulary(
    run: "RunFolder", files: "ParallelFiles", *, given: Path | None, size: int | None
) -> None:
    """Put a vocabulary into the run's folder, once: the one given, or one learnt from the files."""
    from core.atomic import writing_file
    from core.tokenizer import Tokenizer

    target = _vocabulary_file(run)
    if target.is_file():
        return
    if given:
        model = given.read_bytes()
        Tokenizer(model)
    else:
        n_pairs = sum(1 for _ in files.pairs())
        size = size or recipe_for(n_pairs).vocabulary_size
        model = Tokenizer.learn(files.lines(), size, n_threads=os.cpu_count() or 1).model
    with writing_file(target) as partial:
        partial.write_bytes(model)


def vocabulary(run: "RunFolder") -> "Tokenizer":
    """The vocabulary that `keep_vocabulary` put there."""
    from core.tokenizer import Tokenizer

    return Tokenizer(_vocabulary_file(run).read_bytes())


def _vocabulary_file(run: "RunFolder") -> Path:
    return run.folder / "sentencepiece.model"


@dataclass(frozen=True, slots=True)
class Texts:
    """What is trained and validated on, in the pieces of one vocabulary."""

    tokenizer: "Tokenizer"
    corpus: "TokenisedCorpus"
    validation: Mapping[str, "TokenisedCorpus"]

    @classmethod
    def prepare(
        cls,
        run: "RunFolder",
        group: "Workers",
        files: "ParallelFiles",
        held_out: Sequence["ParallelFiles"],
        max_pieces: int,
    ) -> "Texts":
        """Tokenise; with several workers, the first one does, and the others open its cache.

        Without held-out files, the last pairs of the training text are held out.
        """
        from core.data import tokenise_once
        from core.decoding import MAX_SOURCE_PIECES

        tokenizer = vocabulary(run)

        def tokenised(text: "ParallelFiles", max_pieces: int) -> "TokenisedCorpus":
            return tokenise_once(
                text,
                tokenizer,
                max_pieces=max_pieces,
                cache=run.folder.parent / "cache",
                n_threads=os.cpu_count() or 1,
            )

        if group.is_first:
            tokenised(files, max_pieces)
        group.wait()
        corpus = tokenised(files, max_pieces)
        if held_out:
            named = {text.sources[0].stem: tokenised(text, MAX_SOURCE_PIECES) for text in held_out}
            return cls(tokenizer, corpus, named)
        n_held_out = min(MAX_HELD_OUT, len(corpus) // 20)
        n_train = len(corpus) - n_held_out
        held_out_part = {"held-out": corpus.part(n_train, len(corpus))} if n_held_out else {}
        return cls(tokenizer, corpus.part(0, n_train), held_out_part)

    def unseen_pieces(self) -> dict[str, list[int]]:
        """Ids of pieces that no training sentence of that side holds."""
        import numpy as np

        sides = {"source": self.corpus.source_ids, "target": self.corpus.target_ids}
        size = self.tokenizer.vocabulary_size
        return {
            side: np.flatnonzero(np.bincount(ids, minlength=size) == 0).tolist()
            for side, ids in sides.items()
        }
