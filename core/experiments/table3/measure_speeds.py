"""`table3 --speeds`: measure how fast the finished variants train and decode, in turn."""

import gc
import statistics
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from core.config import SearchConfig
from core.experiments.table3.family import Family
from core.experiments.table3.rows import TEST, TRAIN, VARIANTS, Variant
from core.experiments.table3.speeds import Speed, Speeds

if TYPE_CHECKING:
    from core.checkpoint.folder import Checkpoint
    from core.text.tokenised import Indices, TokenisedCorpus
    from core.training.trainer import Trainer

N_ROUNDS, N_STEPS, N_SENTENCES = 5, 10, 100
STEP = 1
"""The step number of every timed training step; its learning rate hardly changes the weights."""


def measure_speeds(family: Family) -> Speeds:
    """Measure every finished variant that keeps weights; a warm-up round is not counted.

    Raises:
        ValueError: if no variant is finished.
    """
    import torch

    from core.system.device import hardware
    from core.system.memory import keep_freed_memory
    from core.text.parallel import read_pairs

    rows = [row for row in VARIANTS.values() if row.keeps_weights and family.is_done(row)]
    if not rows:
        raise ValueError(f"{family.output} has no finished variant whose speed can be measured")
    keep_freed_memory()  # as in training
    torch.set_num_threads(1)
    sources = [source for source, _ in read_pairs(*family.text(TEST))][:N_SENTENCES]
    with TemporaryDirectory() as scratch:
        timed = list(_timed(family, rows, Path(scratch)))
        gc.collect()
        gc.freeze()  # else the garbage of one row is looked for among the models of all, in another's turn
        rounds = [[each.turn(sources) for each in timed] for _ in range(1 + N_ROUNDS)][1:]
    return Speeds(
        rows={row.name: _median(turns) for row, *turns in zip(rows, *rounds, strict=True)},
        hardware=hardware("cpu"),
        n_rounds=N_ROUNDS,
        n_steps=N_STEPS,
        n_sentences=len(sources),
    )


def _median(turns: Sequence[Speed]) -> Speed:
    return Speed(
        round(statistics.median(turn.training_tokens_per_s for turn in turns), 1),
        round(statistics.median(turn.decoding_tokens_per_s for turn in turns), 1),
    )


@dataclass(frozen=True, slots=True)
class _Timed:
    """A variant's finished model for decoding, and a new model of its shape for training."""

    checkpoint: "Checkpoint"
    trainer: "Trainer"
    batches: "Sequence[Indices]"

    def turn(self, sources: list[str]) -> Speed:
        return Speed(self._training(), self._decoding(sources))

    def _training(self) -> float:
        started_s = time.perf_counter()
        n_tokens = sum(self.trainer.step(batch, STEP).n_tokens for batch in self.batches)
        return n_tokens / (time.perf_counter() - started_s)

    def _decoding(self, sources: list[str]) -> float:
        from core.evaluation.translations import timed_translations

        _, tokens_per_s = timed_translations(self.checkpoint, sources, SearchConfig())
        return tokens_per_s


def _timed(family: Family, rows: Iterable[Variant], scratch: Path) -> "Iterable[_Timed]":
    from core.checkpoint.folder import load_checkpoint
    from core.model import build
    from core.text.batches import epoch_batches
    from core.training.objective import TeacherForcing
    from core.training.run_folder import RunFolder
    from core.training.trainer import Trainer

    for row in rows:
        checkpoint = load_checkpoint(family.output / row.name)
        settings = row.settings(family.training)
        corpus = _corpus(family, checkpoint, scratch)
        trainer = Trainer(
            objective=TeacherForcing(
                build(checkpoint.config), label_smoothing=settings.label_smoothing
            ),
            corpus=corpus,
            validation={},
            config=settings,
            run=RunFolder(scratch / row.name),
        )
        batches = epoch_batches(
            corpus, tokens_per_update=settings.tokens_per_update, seed=settings.seed, epoch=0
        )
        yield _Timed(checkpoint, trainer, batches[:N_STEPS])


def _corpus(family: Family, checkpoint: "Checkpoint", scratch: Path) -> "TokenisedCorpus":
    from core.text.parallel import ParallelFiles
    from core.text.tokenised import tokenise_once

    source, target = family.text(TRAIN)
    return tokenise_once(
        ParallelFiles((source,), (target,)),
        checkpoint.vocabulary,
        max_pieces=family.training.max_pieces,
        cache=scratch,
    )
