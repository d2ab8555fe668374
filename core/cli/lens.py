"""`lens`: how good the translation is that the decoder makes of every encoder layer."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from core.cli.opening import open_checkpoint
from core.cli.task_options import TaskOptions
from core.cli.texts import passes_shown, read_usable
from core.config import SearchConfig
from core.system.files import prepare_file, write_json, write_whole
from core.system.text_tables import aligned

if TYPE_CHECKING:
    from core.analysis.lens.results import LensScores
    from core.evaluation.ratios import Estimate


@dataclass(frozen=True, kw_only=True)
class Lens:
    """Let the decoder read every encoder layer in place of the last, and score what it writes.

    This is DecoderLens (Langedijk et al. 2023). The result is stored as lens.json in the model's
    folder; the page Lenses shows it.
    """

    checkpoint: Path
    """A checkpoint folder, such as checkpoints/en-de."""
    source: Path
    """Text, one sentence a line."""
    reference: Path
    """Its translation, line by line."""
    most_sentences: int = 1_000
    """At most this many pairs are used, from the beginning of the text."""
    output: Path | None = None
    """A file for the result, instead of lens.json."""
    json: bool = False
    """Print the result as JSON."""
    device: str = "auto"
    search: SearchConfig = field(default_factory=lambda: SearchConfig(method="greedy"))
    tasks: TaskOptions = field(default_factory=TaskOptions)

    def execute(self, arguments: Sequence[str]) -> None:
        from core.analysis.lens.results import LENS
        from core.analysis.lens.text_scores import lens_scores
        from core.checkpoint.bundled import resolve

        if self.most_sentences < 1:
            raise ValueError(f"--most-sentences must be 1 or more, not {self.most_sentences}")
        folder = resolve(self.checkpoint)
        output = self.output or folder / LENS
        prepare_file(output)
        checkpoint = open_checkpoint(folder, self.device)
        pairs = read_usable(checkpoint, self.source, self.reference).pairs[: self.most_sentences]
        with passes_shown(), self.tasks.executor() as executor:
            result = lens_scores(
                checkpoint, pairs, self.search, text=self.source.stem, executor=executor
            )
        text = write_json(result.to_json())
        print(text if self.json else table(result), flush=True)
        write_whole(output, text)


def depth_name(depth: int) -> str:
    """What the decoder reads: `embeddings`, or `layer 2`."""
    return f"layer {depth}" if depth else "embeddings"


def table(result: "LensScores") -> str:
    """A line for each depth."""
    rows = [("the decoder reads", "BLEU", "chrF")]
    rows += [
        (depth_name(depth), _cell(bleu), _cell(chrf))
        for depth, (bleu, chrf) in enumerate(zip(result.bleu, result.chrf, strict=True))
    ]
    return f"{aligned(rows)}\n\nmeasured on {result.text} ({result.n_sentences:,} sentences)"


def _cell(estimate: "Estimate") -> str:
    low, high = estimate.interval_95
    return f"{estimate.value:.1f} [{low:.1f}, {high:.1f}]"
