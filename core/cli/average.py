"""`average`: the mean of several states of a training, or of several checkpoints."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.card import new_card
from core.cli.outcome import averaged_snapshots, write_checkpoint


@dataclass(frozen=True, kw_only=True)
class Average:
    """Average weights into a new checkpoint: the last snapshots of a run, or several checkpoints.

    The paper averages its last 5 (base) or 20 (big) checkpoints (section 6.1).
    """

    output: Path
    """The checkpoint folder to write."""
    run_folder: Path | None = None
    """A running state below runs/; its newest snapshots are averaged."""
    last: int = 5
    """How many snapshots."""
    checkpoint: tuple[Path, ...] = ()
    """Instead of a run: checkpoint folders of one shape."""
    about: Path | None = None
    """A Markdown file for the model card."""
    half: bool = False
    """Store the weights as float16."""

    def execute(self, arguments: Sequence[str]) -> None:
        from core.checkpoint import (
            WEIGHTS,
            Checkpoint,
            load_checkpoint,
            model_with,
            save_checkpoint,
        )
        from core.runs import RunFolder
        from core.weights import average_weights

        if bool(self.run_folder) == bool(self.checkpoint):
            raise ValueError("name either --run-folder or --checkpoint, to say what to average")
        if self.run_folder:
            run = RunFolder(self.run_folder)
            files = run.step_snapshots()[-self.last :]
            weights = averaged_snapshots(run, self.last)
            write_checkpoint(run, self.output, weights, half=self.half, about=self.about)
        else:
            files = [folder / WEIGHTS for folder in self.checkpoint]
            first = load_checkpoint(self.checkpoint[0])
            model = model_with(first.config, average_weights(files))
            card = new_card(self.output.name, first.config, first.training)
            averaged = Checkpoint(model, first.tokenizer, first.training, card=card)
            save_checkpoint(averaged, self.output, half=self.half)
        print(f"{self.output}: average of {', '.join(str(file) for file in files)}")
