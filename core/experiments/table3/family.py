"""The settings that all variants of Table 3 share: sizes, texts, folders, training."""

import dataclasses
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from core.config import TrainConfig
from core.experiments.table3.rows import (
    LANGUAGES,
    TRAIN,
    TRAINING,
    VALIDATION,
    VOCABULARY_SIZE,
    Variant,
    is_finished,
)
from core.experiments.table3.table import Table, untrained
from core.training.train import TrainingJob


@dataclass(frozen=True, kw_only=True)
class Family:
    """The settings that all variants share; the defaults are those of the bundled table."""

    width: str = "1/4"
    """Factor on d_model, d_ff, d_k and d_v of every variant; the number of heads is the paper's."""
    depth: str = "1/2"
    """Factor on the number of layers."""
    data: Path = Path("data/en-de")
    """Folder with multi30k-train, multi30k-val and multi30k-test2016, each as .en and .de."""
    output: Path = Path("checkpoints/table3")
    """Folder for table.json and one checkpoint folder per variant."""
    run_folder: Path | None = None
    """Folder for the states of the trainings; by default, runs/NAME-OF-OUTPUT."""
    vocabulary_size: int = VOCABULARY_SIZE
    """Number of pieces in the vocabulary that all variants share."""
    training: TrainConfig = TRAINING
    """The training settings that all variants share; change them only to try things out."""

    @property
    def work(self) -> Path:
        return self.run_folder or Path("runs") / self.output.name

    @property
    def vocabulary(self) -> Path:
        return self.work / "sentencepiece.model"

    def text(self, name: str) -> tuple[Path, Path]:
        """Source and target file of a text."""
        english, german = (self.data / f"{name}.{language}" for language in LANGUAGES)
        return english, german

    def absolute(self) -> Self:
        """The same, for a process with another current folder."""
        return dataclasses.replace(
            self,
            data=self.data.absolute(),
            output=self.output.absolute(),
            run_folder=self.work.absolute(),
        )

    def is_done(self, row: Variant) -> bool:
        return is_finished(self.output / row.name)

    def untrained(self) -> Table:
        """The table before any variant is trained."""
        return untrained(
            width=self.width,
            depth=self.depth,
            vocabulary_size=self.vocabulary_size,
            training=self.training,
        )

    def training_job(self, row: Variant) -> TrainingJob:
        """The training of one variant; `train_arguments` gives the same as arguments."""
        from core.text.parallel import ParallelFiles
        from core.training.run_folder import RunFolder

        (source, target), validation = self.text(TRAIN), self.text(VALIDATION)
        folder = self.work / row.name
        settings = row.settings(self.training)
        model = row.model(vocabulary_size=self.vocabulary_size, width=self.width, depth=self.depth)
        return TrainingJob(
            files=ParallelFiles((source,), (target,)),
            held_out=[ParallelFiles((validation[0],), (validation[1],))],
            run=RunFolder(folder),
            output=folder / "final",
            choose=lambda _: (model, settings),
            max_pieces=settings.max_pieces,
            vocabulary=self.vocabulary,
            languages=("English", "German"),
            half=True,
        )

    def command(self, row: Variant) -> str:
        """What trains the variant alone."""
        return shlex.join(["python", "-m", "core", "train", *self.train_arguments(row)])

    def train_arguments(self, row: Variant) -> list[str]:
        """The arguments of `python -m core train` that train a variant."""
        (source, target), (validation_source, validation_target) = map(
            self.text, (TRAIN, VALIDATION)
        )
        folder, settings = self.work / row.name, row.settings(self.training)
        return [
            *("--source", str(source), "--target", str(target)),
            *("--validation-source", str(validation_source)),
            *("--validation-target", str(validation_target)),
            *("--languages", "English", "German", "--vocabulary", str(self.vocabulary)),
            *("--preset", row.preset, "--width", self.width, "--depth", row.depth or self.depth),
            *(
                word
                for name, value in row.model_changes.items()
                for word in (f"--{name.replace('_', '-')}", str(value))
            ),
            *("--run-folder", str(folder), "--output", str(folder / "final"), "--half"),
            *_options(settings, TrainConfig(), "n_steps", "label_smoothing"),
            *(() if settings.keep_steps else ("--early-snapshots", "0")),
        ]


def _options(settings: TrainConfig, default: TrainConfig, *always: str) -> list[str]:
    """The options for every setting that differs from the default, and for some anyway."""
    words: list[str] = []
    for name, value in settings.to_json().items():
        if value != default.to_json()[name] or name in always:
            values = value if isinstance(value, list) else [value]
            words += [f"--{name.replace('_', '-')}", *map(str, values)]
    return words
