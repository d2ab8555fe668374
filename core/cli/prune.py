"""`means` and `prune`: measure a checkpoint's heads once, and store the result in its folder."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from core.cli.ablate import progress_at_a_terminal
from core.cli.opening import open_checkpoint
from core.cli.task_options import TaskOptions
from core.cli.texts import passes_shown, read_usable
from core.config import SearchConfig
from core.system.files import write_json

if TYPE_CHECKING:
    from core.analysis.effects.pruning_results import Pruning


@dataclass(frozen=True, kw_only=True)
class Means:
    """Measure every head's mean output over a text; `ablate` can replace a head's output by it.

    The result is stored as means.npz in the checkpoint's folder, with hashes of text and weights.
    """

    checkpoint: Path
    """A checkpoint folder, such as checkpoints/en-de."""
    source: Path
    """Text, one sentence a line."""
    reference: Path
    """Its translation, line by line."""
    device: str = "auto"
    tasks: TaskOptions = field(default_factory=TaskOptions)

    def execute(self, arguments: Sequence[str]) -> None:
        from core.analysis.ablation.head_means import MEANS, head_means
        from core.checkpoint.bundled import resolve
        from core.system.files import prepare_file

        folder = resolve(self.checkpoint)
        checkpoint = open_checkpoint(folder, self.device)
        prepare_file(folder / MEANS)
        used = read_usable(checkpoint, self.source, self.reference)
        with passes_shown(), self.tasks.executor() as executor:
            means = head_means(checkpoint, used.pairs, executor=executor)
        means.save(folder)
        print(f"{folder / MEANS}: means over {means.n_sentences} sentence pairs")


@dataclass(frozen=True, kw_only=True)
class Prune:
    """Switch off more and more heads, by gradient importance and in random order, and measure BLEU.

    Follows Michel et al. 2019. The result is stored as pruning.json in the checkpoint's folder. If
    the command is stopped or killed, running it again continues.
    """

    checkpoint: Path
    """A checkpoint folder, such as checkpoints/en-de."""
    source: Path
    """Text on which BLEU is measured, one sentence a line."""
    reference: Path
    """Its reference translation, line by line."""
    importance_source: Path
    """Another text, on which the heads' importance is estimated, one sentence a line."""
    importance_reference: Path
    """Its reference translation, line by line."""
    n_steps: int = 12
    """Points of each curve after the first, which has all heads."""
    n_random: int = 3
    """How many curves in random order."""
    output: Path | None = None
    """A file for the result, instead of pruning.json."""
    json: bool = False
    """Print the result as JSON."""
    device: str = "auto"
    search: SearchConfig = field(default_factory=SearchConfig)
    tasks: TaskOptions = field(default_factory=TaskOptions)

    def execute(self, arguments: Sequence[str]) -> None:
        from core.analysis.effects.pruning import pruning_curves
        from core.analysis.effects.pruning_results import PRUNING
        from core.analysis.result_cache import DiskCache
        from core.checkpoint.bundled import resolve
        from core.system.files import prepare_file, write_whole

        if self.output:
            prepare_file(self.output)
        folder = resolve(self.checkpoint)
        checkpoint = open_checkpoint(folder, self.device)
        output = self.output or folder / PRUNING
        prepare_file(output)
        measured_on = read_usable(checkpoint, self.source, self.reference)
        estimated_on = read_usable(checkpoint, self.importance_source, self.importance_reference)
        with self.tasks.executor() as executor:
            pruning = pruning_curves(
                checkpoint,
                measured_on.pairs,
                estimated_on.pairs,
                n_steps=self.n_steps,
                n_random=self.n_random,
                search=self.search,
                store=DiskCache(checkpoint.model),
                progress=progress_at_a_terminal,
                executor=executor,
            )
        text = write_json(pruning.to_json())
        print(text if self.json else _table(pruning), flush=True)
        write_whole(output, text)


def _table(pruning: "Pruning") -> str:
    from core.system.text_tables import aligned

    header = ("heads off", *(curve.order for curve in pruning.curves))
    rows = [
        (str(points[0].n_removed), *(f"{point.bleu:.2f}" for point in points))
        for points in zip(*(curve.points for curve in pruning.curves), strict=True)
    ]
    share = pruning.curves[0].removable_share()
    return "\n".join(
        (
            aligned([header, *rows]),
            f"by importance, {share:.0%} of the heads can go before BLEU falls by 1",
        )
    )
