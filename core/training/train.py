"""One training, from text files to a checkpoint folder."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.config import ModelConfig, TrainConfig
from core.system.files import prepare_folder, sole_use
from core.training.finish import (
    averaged_snapshots,
    is_written,
    read_about,
    write_checkpoint,
    write_facts,
)
from core.training.run_settings import agree_with_earlier, settings_of_run, with_precision
from core.training.texts import Texts, keep_vocabulary, text_hashes

if TYPE_CHECKING:
    from core.model import Transformer
    from core.text.parallel import ParallelFiles
    from core.training.run_folder import RunFolder
    from core.training.start import Start
    from core.training.trainer import Scorer
    from core.training.workers import Workers

Choose = Callable[[Texts], tuple[ModelConfig, TrainConfig]]
"""Chooses the model and the training settings that fit the texts."""


@dataclass(frozen=True, kw_only=True)
class TrainingJob:
    """All settings of one training; running the same job again resumes it."""

    files: "ParallelFiles"
    held_out: "Sequence[ParallelFiles]" = ()
    """Texts to validate on; without any, the last pairs of the training text are held out."""
    run: "RunFolder"
    """The folder with the state of the training."""
    output: Path
    """The checkpoint folder to write when the training ends."""
    choose: Choose
    max_pieces: int
    """Pairs with a longer side are left out, and counted."""
    start: "Start | None" = None
    """The trained model to start from, whose vocabulary is used; None: from nothing."""
    vocabulary: Path | None = None
    """A sentencepiece.model to use instead of learning one."""
    vocabulary_size: int | None = None
    languages: tuple[str, str] | None = None
    about: Path | None = None
    """A Markdown file for the model card."""
    half: bool = False
    """Store the final weights as float16."""
    device: str = "auto"
    command: str = ""
    """The command that repeats this training, for the card."""


def train(job: TrainingJob) -> None:
    """Train to the end and write the checkpoint folder.

    Under `torchrun` every worker calls this, and the first one writes.

    Raises:
        ValueError: if files, settings and the run folder do not fit together; the message says
        what.
        DivergedError: if loss or gradient is not finite; the last saved state stays.
        BusyError: if another process trains in the same run folder.
    """
    from core.system.memory import keep_freed_memory

    prepare_folder(job.output)
    about = read_about(job.about)
    keep_freed_memory()
    from core.training.workers import workers

    with workers(job.device) as group, _alone_in(job.run, group):
        if group.is_first:
            job.run.create()
            given = job.start.vocabulary if job.start else job.vocabulary
            keep_vocabulary(job.run, job.files, given=given, size=job.vocabulary_size)
        group.wait()
        texts = Texts.prepare(job.run, group, job.files, job.held_out, job.max_pieces)
        config, settings = job.choose(texts)
        if group.is_first:
            print(texts.used(job.max_pieces), flush=True)
            settings = with_precision(job.run, settings, group.device)
            _write_down(job, texts, config, settings, str(group.device))
        settings = TrainConfig.from_json(group.from_first(settings_of_run(job.run))["training"])
        _run(job, texts, config, settings, group)
        if group.is_first:
            _write_checkpoint(job, about, settings.n_snapshots)


def _alone_in(run: "RunFolder", group: "Workers") -> contextlib.AbstractContextManager[None]:
    """The workers of one training share its run folder; the first one keeps other trainings out."""
    if not group.is_first:
        return contextlib.nullcontext()
    return sole_use(run.folder, "a training is running")


def _write_down(
    job: TrainingJob, texts: Texts, config: ModelConfig, settings: TrainConfig, device: str
) -> None:
    """Record model, settings and texts in the run folder; a resumed run must agree with them."""
    start = job.start.weights_hash if job.start else ""
    hashes = text_hashes(job.run, job.files, job.held_out, start)
    agree_with_earlier(job.run, config, settings, hashes)
    write_facts(job.run, texts, languages=job.languages, device=device, command=job.command)


def _run(
    job: TrainingJob, texts: Texts, config: ModelConfig, settings: TrainConfig, group: "Workers"
) -> None:
    import torch

    from core.model import build
    from core.training.objective import TeacherForcing
    from core.training.trainer import Trainer

    torch.manual_seed(settings.seed)
    model = build(config)
    if job.start:
        model.load_state_dict(job.start.weights)
    model = model.to(group.device)
    Trainer(
        objective=TeacherForcing(model, label_smoothing=settings.label_smoothing),
        corpus=texts.corpus,
        validation=texts.validation,
        config=settings,
        run=job.run,
        group=group,
        score=_bleu_scorer(texts, settings.n_validation_translations),
    ).train()


def _write_checkpoint(job: TrainingJob, about: str, n_snapshots: int) -> None:
    weights = averaged_snapshots(job.run, n_snapshots)
    if is_written(job.output, weights, half=job.half):
        print(f"{job.output} holds these weights already, and is left as it is")
    else:
        write_checkpoint(job.run, job.output, weights, half=job.half, about=about)
    print(f"{job.output}: try  python -m core translate --checkpoint {job.output}")


def _bleu_scorer(texts: Texts, n_sentences: int) -> "Scorer":
    """Greedy translations of the first validation sentences, scored by sacrebleu (cased, 13a)."""
    from core.config import SearchConfig
    from core.decoding.search import search
    from core.evaluation.scores import translation_scores

    greedy = SearchConfig(method="greedy", n_candidates=0)

    def score(model: "Transformer") -> dict[str, float]:
        values = {}
        for name, corpus in texts.validation.items():
            n = min(n_sentences, len(corpus))
            if not n:
                continue
            pairs = [corpus.pair(i) for i in range(n)]
            sources = [source[:-1].tolist() for source, _ in pairs]
            found = search(model, sources, greedy, unwritable=texts.vocabulary.unwritable)
            translations = [texts.vocabulary.target.decode(f.best.tokens) for f in found]
            references = [
                texts.vocabulary.target.decode(target[:-1].tolist()) for _, target in pairs
            ]
            scores = translation_scores(translations, references)
            values[f"bleu_{name}"] = round(scores["bleu"].value, 2)
        return values

    return score
