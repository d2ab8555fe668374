"""The vocabulary of a run, and its training and validation texts in tokens."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from core.training.recipes import recipe_for
from core.training.run_settings import settings_of_run

if TYPE_CHECKING:
    from core.text.parallel import ParallelFiles
    from core.text.tokenised import TokenisedCorpus
    from core.text.vocabulary import JointVocabulary
    from core.training.run_folder import RunFolder
    from core.training.workers import Workers

MAX_HELD_OUT = 1_000
N_EXAMPLES, FEWEST_PIECES, MOST_PIECES = 5, 6, 20
"""Sentences that a checkpoint offers to begin with, and their lengths, `</s>` included."""
HELD_OUT = "held-out"
"""The name of the last pairs of the training text when they are the validation text."""


def trained_on(n_pairs: int, n_left_out: int, max_pieces: int) -> str:
    """A sentence on how many pairs a model is trained on."""
    from core.text.usable import left_out

    return f"Trained on {n_pairs:,} sentence pairs; {left_out(n_left_out, max_pieces)}"


def keep_vocabulary(
    run: "RunFolder", files: "ParallelFiles", *, given: Path | None, size: int | None
) -> None:
    """Put a vocabulary into the run's folder: the one given, or one learnt from the files.

    A run that has begun keeps the one it has.

    Raises:
        ValueError: if the run has another vocabulary than the one given, if the given one has
            another size than asked for, or if the text allows no vocabulary of that size.
    """
    from core.system.files import writing_file
    from core.text.vocabulary import JointVocabulary

    target = _vocabulary_file(run)
    if settings_of_run(run):
        if given and JointVocabulary(given.read_bytes()).names != vocabulary(run).names:
            raise ValueError(
                f"{target} is another vocabulary than --vocabulary {given}; leave the option out to go "
                "on with the run, or name another --run-folder"
            )
        _require_size(target, size)
        return
    if given:
        _require_size(given, size)
        model = given.read_bytes()
    else:
        model = _learnt(files, size).model
    with writing_file(target) as partial:
        partial.write_bytes(model)


def _learnt(files: "ParallelFiles", size: int | None) -> "JointVocabulary":
    """Of exactly the size given, or else as near to the usual one as the text allows."""
    from core.text.vocabulary import JointVocabulary

    n_threads = os.cpu_count() or 1
    if size is not None:
        return JointVocabulary.learn(files.lines(), size, n_threads)
    n_pairs = sum(1 for _ in files.pairs())
    usual = recipe_for(n_pairs).vocabulary_size
    return JointVocabulary.learn_fitting(files.lines, usual, n_threads)


def _require_size(vocabulary: Path, size: int | None) -> None:

    from core.text.vocabulary import JointVocabulary

    found = len(JointVocabulary(vocabulary.read_bytes()).names)
    if size not in (None, found):
        raise ValueError(
            f"{vocabulary} has {found} pieces, but --vocabulary-size asks for {size}; leave that "
            "option out to use this vocabulary, or name another --run-folder to learn one"
        )


def vocabulary(run: "RunFolder") -> "JointVocabulary":
    """The vocabulary that `keep_vocabulary` put there."""

    from core.text.vocabulary import JointVocabulary

    return JointVocabulary(_vocabulary_file(run).read_bytes())


def _vocabulary_file(run: "RunFolder") -> Path:
    return run.folder / "sentencepiece.model"


def text_hashes(
    run: "RunFolder", files: "ParallelFiles", held_out: Sequence["ParallelFiles"], start: str = ""
) -> dict[str, str]:
    """Hashes of what a run reads, by content and not by path: files may move.

    Args:
        start: the hash of the weights that the run starts from, if it does not start from nothing.
    """
    from core.text.parallel import text_hash

    return {
        "training": text_hash(files.pairs()),
        "validation": text_hash((_name(text), text_hash(text.pairs())) for text in held_out),
        "vocabulary": text_hash((name, "") for name in vocabulary(run).names),
        "start": start,
    }


def _name(text: "ParallelFiles") -> str:
    """What the history calls a validation text."""
    return text.sources[0].stem


@dataclass(frozen=True, slots=True)
class Texts:
    """The training and validation texts, tokenised with one vocabulary."""

    vocabulary: "JointVocabulary"
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
        """Tokenise the texts; with several workers, the first does and the others open its cache.

        Without held-out files, the last pairs of the training text are held out.
        """
        from core.decoding.search import MAX_SOURCE_PIECES
        from core.text.tokenised import tokenise_once

        pieces = vocabulary(run)

        def tokenised(text: "ParallelFiles", max_pieces: int) -> "TokenisedCorpus":
            return tokenise_once(
                text,
                pieces,
                max_pieces=max_pieces,
                cache=run.folder.parent / "cache",
                n_threads=os.cpu_count() or 1,
            )

        if group.is_first:
            tokenised(files, max_pieces)
        group.wait()
        corpus = tokenised(files, max_pieces)
        if held_out:
            named = {_name(text): tokenised(text, MAX_SOURCE_PIECES) for text in held_out}
            return cls(pieces, corpus, named)
        n_held_out = min(MAX_HELD_OUT, len(corpus) // 20)
        n_train = len(corpus) - n_held_out
        last = corpus.part(n_train, len(corpus)).up_to(MAX_SOURCE_PIECES)
        return cls(pieces, corpus.part(0, n_train), {HELD_OUT: last} if len(last) else {})

    def used(self, max_pieces: int) -> str:
        """In words, how many pairs are trained and validated on, and how many were left out."""
        from core.decoding.search import MAX_SOURCE_PIECES
        from core.text.usable import left_out

        lines = [trained_on(len(self.corpus), self.corpus.n_left_out, max_pieces)]
        for name, corpus in self.validation.items():
            line = f"validated on {len(corpus):,} sentence pairs of {name}"
            if name != HELD_OUT:
                line += f"; {left_out(corpus.n_left_out, MAX_SOURCE_PIECES)}"
            lines.append(line)
        return "\n".join(lines)

    def examples(self) -> list[str]:
        """A few sources of the validation text, or else of the training text, to begin with."""
        import numpy as np

        corpus = next(iter(self.validation.values()), self.corpus)
        lengths = corpus.source_lengths
        fitting = np.flatnonzero((lengths >= FEWEST_PIECES) & (lengths <= MOST_PIECES))
        chosen = fitting if len(fitting) else np.arange(len(corpus))
        texts = (self.vocabulary.decode(corpus.pair(int(index))[0]) for index in chosen)
        return list(islice(dict.fromkeys(texts), N_EXAMPLES))

    def unseen_pieces(self) -> dict[str, list[int]]:
        """Ids of pieces that occur in no training sentence of that side."""
        import numpy as np

        sides = {"source": self.corpus.source_ids, "target": self.corpus.target_ids}
        size = len(self.vocabulary.names)
        return {
            side: np.flatnonzero(np.bincount(ids, minlength=size) == 0).tolist()
            for side, ids in sides.items()
        }
