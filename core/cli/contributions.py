"""`contributions`: how much of what a model writes comes from the source, over a text."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from core.cli.opening import open_checkpoint
from core.cli.task_options import TaskOptions
from core.cli.texts import passes_shown, read_usable
from core.system.files import prepare_file, write_json, write_whole
from core.system.text_tables import Cells, aligned

if TYPE_CHECKING:
    from core.analysis.contributions.results import SourceShares
    from core.checkpoint.folder import Checkpoint
    from core.evaluation.ratios import Estimate


@dataclass(frozen=True, kw_only=True)
class ContributionsCommand:
    """Measure how much of the output comes from the source, and how much from what is written already.

    Follows ALTI+ (Ferrando et al. 2022). The result is stored as contributions.json in the model's
    folder; the Explorer then warns of words that hardly come from the source.
    """

    checkpoint: Path
    """A checkpoint folder, such as checkpoints/en-de."""
    source: Path
    """Text, one sentence a line."""
    target: Path
    """Its translation, line by line."""
    most_sentences: int = 1_000
    """At most this many pairs are used, from the beginning of the text."""
    snapshots: bool = False
    """Measure the weights of every moment of the training that the checkpoint kept, too."""
    output: Path | None = None
    """A file for the result, instead of contributions.json."""
    json: bool = False
    """Print the result as JSON."""
    device: str = "auto"
    tasks: TaskOptions = field(default_factory=TaskOptions)

    def execute(self, arguments: Sequence[str]) -> None:
        from core.analysis.contributions.results import CONTRIBUTIONS
        from core.analysis.contributions.text_shares import source_shares
        from core.checkpoint.bundled import resolve

        if self.most_sentences < 2:
            raise ValueError(f"--most-sentences must be 2 or more, not {self.most_sentences}")
        folder = resolve(self.checkpoint)
        output = self.output or folder / CONTRIBUTIONS
        prepare_file(output)
        checkpoint = open_checkpoint(folder, self.device)
        used = read_usable(checkpoint, self.source, self.target)
        snapshots = self._snapshots(folder) if self.snapshots else None
        with passes_shown(), self.tasks.executor() as executor:
            result = source_shares(
                checkpoint,
                used.pairs[: self.most_sentences],
                text=self.source.stem,
                snapshots=snapshots,
                executor=executor,
            )
        text = write_json(result.to_json())
        print(text if self.json else table(result), flush=True)
        write_whole(output, text)

    def _snapshots(self, folder: Path) -> "dict[int, Checkpoint]":
        from core.checkpoint.folder import load_checkpoint
        from core.checkpoint.listing import timeline_steps

        steps = timeline_steps(folder)
        if not steps:
            raise ValueError(f"{folder} has no snapshots; leave --snapshots out")
        return {step: load_checkpoint(folder, step=step) for step in steps}


def table(result: "SourceShares") -> str:
    """The share of the source, a line for each part of the output."""
    n = len(result.along)
    rows: list[Cells] = [("output", "source share")]
    rows += [
        (f"part {number} of {n}", _cell(each)) for number, each in enumerate(result.along, start=1)
    ]
    rows += [
        ("</s>", _cell(result.at_end)),
        ("mean", _cell(result.mean)),
        ("translations exchanged", _cell(result.exchanged)),
    ]
    rows += [(f"step {step:,}", _cell(each)) for step, each in result.snapshots.items()]
    return (
        f"{aligned(rows)}\n\nof 100 words one has a share below {result.low_word:.2f}, of 100 sentences one "
        f"below {result.low_sentence:.2f}; of exchanged translations {result.caught:.0%} are below it\nmeasured on {result.text} ({result.n_sentences:,} sentences)"
    )


def _cell(estimate: "Estimate") -> str:
    low, high = estimate.interval_95
    return f"{estimate.value:.3f} [{low:.3f}, {high:.3f}]"
