"""`average`: the mean of several states of a training, or of several checkpoints."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.checkpoint.card import new_card
from core.cli.opening import open_checkpoint
from core.system.files import prepare_folder
from core.training.finish import averaged_snapshots, read_about, write_checkpoint

if TYPE_CHECKING:
    from core.checkpoint.folder import Checkpoint


@dataclass(frozen=True, kw_only=True)
class Average:
    """Average weights into a new checkpoint: the last snapshots of a run, or several checkpoints.

    The paper averages its last 5 (base) or 20 (big) checkpoints (section 6.1).
    """

    output: Path
    """The checkpoint folder to write."""
    run_folder: Path | None = None
    """The state folder of a training, such as runs/en-de, whose newest snapshots are averaged."""
    last: int = 5
    """How many of the newest snapshots to average."""
    checkpoint: tuple[Path, ...] = ()
    """Checkpoint folders to average instead, of one configuration and vocabulary."""
    about: Path | None = None
    """A Markdown file for the model card: data with licenses, terms of the weights, known failures."""
    half: bool = False
    """Store the weights as float16."""

    def execute(self, arguments: Sequence[str]) -> None:
        from core.checkpoint.folder import Checkpoint, model_with, save_checkpoint
        from core.checkpoint.required import WEIGHTS
        from core.checkpoint.weights import average_weights
        from core.training.run_folder import RunFolder

        if bool(self.run_folder) == bool(self.checkpoint):
            raise ValueError("name either --run-folder or --checkpoint, to say what to average")
        if self.last < 1:
            raise ValueError(
                f"last={self.last} must be at least 1: it is the number of snapshots to average"
            )
        prepare_folder(self.output)
        about = read_about(self.about)
        if self.run_folder:
            run = RunFolder(self.run_folder)
            files = run.step_snapshots()[-self.last :]
            weights = averaged_snapshots(run, self.last)
            write_checkpoint(run, self.output, weights, half=self.half, about=about)
        else:
            files = [folder / WEIGHTS for folder in self.checkpoint]
            first = open_checkpoint(self.checkpoint[0])
            for folder in self.checkpoint[1:]:
                _require_same_kind(first, open_checkpoint(folder))
            model = model_with(first.config, average_weights(files))
            card = new_card(self.output.name, first.config, first.training, about)
            averaged = Checkpoint(model, first.vocabulary, first.training, card=card)
            save_checkpoint(averaged, self.output, half=self.half)
        print(f"{self.output}: average of {', '.join(str(file) for file in files)}")


def _require_same_kind(first: "Checkpoint", other: "Checkpoint") -> None:
    """Check configuration and vocabulary: weights of equal shapes may differ in meaning.

    Raises:
        ValueError: if the configurations or vocabularies differ; the message names the differences.
    """
    was, now = first.config.to_json(), other.config.to_json()
    different = [
        f"{name} is {was[name]!r} and {now[name]!r}" for name in was if was[name] != now[name]
    ]
    if first.vocabulary.files != other.vocabulary.files:
        different.append("their vocabularies differ")
    if different:
        raise ValueError(
            f"{first.folder} and {other.folder} cannot be averaged ({'; '.join(different)}); name "
            "checkpoints of one configuration and vocabulary"
        )
