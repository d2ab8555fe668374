"""`train`: from two text files to a checkpoint."""

import dataclasses
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

from core.cli.model_choice import ModelChoice
from core.config import ModelConfig, TrainConfig
from core.experiments.table3.presets import preset
from core.training.recipes import Recipe, early_steps, lasting, recipe_for
from core.training.texts import Texts
from core.training.train import TrainingJob, train

if TYPE_CHECKING:
    from core.text.parallel import ParallelFiles
    from core.training.start import Start

TYRO_CONFIG = (tyro.conf.OmitArgPrefixes,)


@dataclass(frozen=True, kw_only=True)
class Train:
    """Train a model on parallel text, from nothing to a checkpoint that translates.

    Two text files are enough: the vocabulary is learnt from them, and sizes and settings that are
    not given are chosen to fit the corpus. If the command is stopped or killed, running it again
    continues the training. Under `torchrun --nproc-per-node N -m core train ...`, N processes train
    one model.
    """

    source: tuple[Path, ...]
    """Text in the source language, one sentence a line."""
    target: tuple[Path, ...]
    """Its translation, line by line."""
    output: Path
    """The checkpoint folder to write when the training ends."""
    validation_source: tuple[Path, ...] = ()
    """Held-out text for perplexity and BLEU while training; without it, the last pairs are held out."""
    validation_target: tuple[Path, ...] = ()
    rough_share: float = 0.0
    """Share of the source sentences that the model reads as people type them in haste: without
    capitals, in capitals, without the mark at the end. Their translations stay as they are."""
    start_from: Path | None = None
    """Go on with this checkpoint's weights and vocabulary, instead of starting from nothing: to fit a
    model to more text, or to another kind. The checkpoint itself does not change."""
    run_folder: Path | None = None
    """Folder for the state of the training; by default, runs/NAME-OF-OUTPUT."""
    vocabulary_size: int | None = None
    """Number of pieces in the joint vocabulary, learnt from both texts; by default, a number that
    suits the corpus, or as many as the corpus allows."""
    vocabulary: Path | None = None
    """A sentencepiece.model to use instead of learning one."""
    languages: tuple[str, str] | None = None
    """Names of source and target language, such as English German, for pages and cards."""
    about: Path | None = None
    """A Markdown file for the model card: data with licenses, terms of the weights, known failures."""
    half: bool = False
    """Store the final weights as float16."""
    early_snapshots: int = 5
    """How many early states of the model the checkpoint keeps, so that the page Training can play how
    it learnt: after a third of the steps, a third of that, and so on; 0 for none. --keep-steps names
    the steps instead."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    model: ModelChoice = field(default_factory=ModelChoice)
    training: TrainConfig = field(default_factory=TrainConfig)
    """The defaults shown are those of the paper's base model. With a preset, its row of Table 3 decides the
    steps and the label smoothing that are not given; without one, the size of the corpus decides all that is
    not given."""

    def execute(self, arguments: Sequence[str]) -> None:
        from core.training.run_folder import RunFolder
        from core.training.start import Start

        if self.start_from and self.vocabulary:
            raise ValueError(
                f"--start-from {self.start_from} brings its vocabulary; leave out --vocabulary"
            )
        if self.early_snapshots < 0:
            raise ValueError(
                f"early_snapshots={self.early_snapshots} must be at least 0: it is the number of "
                "early states of the model that are kept"
            )
        files, held_out = self._files()
        start = Start.read(self.start_from) if self.start_from else None
        train(
            TrainingJob(
                files=files,
                held_out=held_out,
                run=RunFolder(self.run_folder or Path("runs") / self.output.name),
                output=self.output,
                choose=lambda texts: self._choose(texts, arguments, start),
                start=start,
                max_pieces=self.training.max_pieces,
                vocabulary=self.vocabulary,
                vocabulary_size=self.vocabulary_size,
                languages=self.languages,
                about=self.about,
                half=self.half,
                device=self.device,
                command=shlex.join(["python", "-m", "core", "train", *arguments]),
            )
        )

    def _choose(
        self, texts: Texts, arguments: Sequence[str], start: "Start | None"
    ) -> tuple[ModelConfig, TrainConfig]:
        """Choose sizes and settings that fit the corpus, where none are given."""
        recipe = recipe_for(len(texts.corpus))
        if start:
            config = self.model.of_start(start.config)
        else:
            config = self.model.config(recipe, len(texts.vocabulary.names))
        return config, self._settings(recipe, texts, arguments)

    def _files(self) -> "tuple[ParallelFiles, list[ParallelFiles]]":
        """Of the training text, and of each validation text."""
        from core.text.parallel import ParallelFiles

        files = ParallelFiles(self.source, self.target, self.rough_share)
        sources, targets = self.validation_source, self.validation_target
        if len(sources) != len(targets):
            raise ValueError(
                f"{len(sources)} file(s) after --validation-source and {len(targets)} after "
                "--validation-target; give as many of each"
            )
        pairs = zip(sources, targets, strict=True)
        return files, [ParallelFiles((source,), (target,)) for source, target in pairs]

    def _settings(self, recipe: Recipe, texts: Texts, arguments: Sequence[str]) -> TrainConfig:
        """The settings given, over those that fit the preset or else the size of the corpus.

        Early snapshots are kept unless the reader wants none: how a model learnt cannot be had
        afterwards, and in half precision five of them are two and a half times the final weights.
        """
        if self.model.preset:
            chosen = preset(self.model.preset)
            fitting = TrainConfig(label_smoothing=chosen.label_smoothing, n_steps=chosen.n_steps)
        else:
            n_target = int(texts.corpus.target_lengths.sum())
            choose = recipe.fine_tuning if self.start_from else recipe.training
            fitting = choose(n_target, self.training.seed)
            if self.training.n_steps != TrainConfig().n_steps:
                fitting = lasting(fitting, self.training.n_steps)
        again = tyro.cli(
            Train,
            args=arguments,
            default=dataclasses.replace(self, training=fitting),
            config=TYRO_CONFIG,
        )
        settings = again.training
        if settings.keep_steps:
            return settings
        return settings.replace(keep_steps=early_steps(settings.n_steps, self.early_snapshots))
