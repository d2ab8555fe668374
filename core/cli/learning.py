"""`learning`: what a model has learnt at each moment of its training."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from core.cli.opening import open_checkpoint
from core.cli.task_options import TaskOptions
from core.cli.texts import read_usable
from core.system.files import prepare_file, write_json, write_whole
from core.system.text_tables import aligned

if TYPE_CHECKING:
    from core.analysis.learning.measure import Aligner
    from core.analysis.learning.results import Learning
    from core.evaluation.ratios import Estimate


@dataclass(frozen=True, kw_only=True)
class LearningCommand:
    """Measure the translations of every snapshot of a training: how fluent, how monotone, how faithful.

    After Voita et al. 2021: how probable the translations are under n-gram models of the target
    language, how far they keep the order of the source, and how much comes from the source. The
    result is stored as learning.json in the model's folder; the page Training shows it.
    """

    checkpoint: Path
    """A checkpoint folder that kept snapshots, such as checkpoints/table3/base."""
    source: Path
    """Text, one sentence a line."""
    reference: Path
    """Its translation, line by line."""
    language_text: Path
    """Sentences of the target language; n-grams are counted on them."""
    aligner: Path | None = None
    """A checkpoint whose best head links words; by default, the checkpoint itself. `align --name`
    finds the best head."""
    most_sentences: int = 500
    """At most this many pairs are used, from the beginning of the text."""
    output: Path | None = None
    """A file for the result, instead of learning.json."""
    json: bool = False
    """Print the result as JSON."""
    device: str = "auto"
    tasks: TaskOptions = field(default_factory=TaskOptions)

    def execute(self, arguments: Sequence[str]) -> None:
        from core.analysis.learning.measure import learning
        from core.analysis.learning.results import LEARNING
        from core.checkpoint.bundled import resolve
        from core.checkpoint.folder import load_checkpoint
        from core.checkpoint.listing import timeline_steps
        from core.text.parallel import read_lines

        if self.most_sentences < 2:
            raise ValueError(f"--most-sentences must be 2 or more, not {self.most_sentences}")
        folder = resolve(self.checkpoint)
        output = self.output or folder / LEARNING
        prepare_file(output)
        steps = timeline_steps(folder)
        if not steps:
            raise ValueError(
                f"{folder} kept no snapshots of its training; `python -m core train` keeps five"
            )
        checkpoint = open_checkpoint(folder, self.device)
        pairs = read_usable(checkpoint, self.source, self.reference).pairs[: self.most_sentences]
        last = max([*(line["step"] for line in checkpoint.history), max(steps) + 1])
        snapshots = {step: partial(load_checkpoint, folder, step=step) for step in steps}
        with tqdm(unit="snapshot", disable=None) as bar, self.tasks.executor() as executor:

            def tell(n_done: int, n: int) -> None:
                bar.total = n
                bar.update(n_done - bar.n)

            result = learning(
                {**snapshots, last: lambda: checkpoint},
                pairs,
                [line for line in read_lines(self.language_text) if line.strip()],
                self._aligner(folder),
                text=self.source.stem,
                language_text=self.language_text.stem,
                progress=tell,
                executor=executor,
            )
        text = write_json(result.to_json())
        print(text if self.json else table(result), flush=True)
        write_whole(output, text)

    def _aligner(self, folder: Path) -> "Aligner":
        from core.analysis.head_place import HeadPlace
        from core.analysis.learning.measure import Aligner
        from core.checkpoint.bundled import resolve

        of = resolve(self.aligner) if self.aligner else folder
        checkpoint = open_checkpoint(of, self.device)
        best = checkpoint.metrics.get("alignment")
        if not best:
            raise ValueError(
                f"which head of {of} aligns best was not measured; measure it with `python -m core align "
                "--name`, or name another --aligner"
            )
        place = HeadPlace.numbered("cross", best["layer"], best["head"])
        return Aligner(checkpoint, place, best["rows"], of.name)


def table(result: "Learning") -> str:
    """A line for each moment."""
    orders = list(result.reference.ngrams)
    rows = [("step", *(f"{n}-gram" for n in orders), "order kept", "source share", "BLEU")]
    named = {f"{step:,}": moment for step, moment in result.moments.items()}
    for name, moment in {**named, "references": result.reference}.items():
        rows.append(
            (
                name,
                *(_cell(moment.ngrams[n], 2) for n in orders),
                _cell(moment.kept_order, 2),
                _cell(moment.source_share, 2) if moment.source_share else "",
                _cell(moment.bleu, 1) if moment.bleu else "",
            )
        )
    return (
        f"{aligned(rows)}\n\nn-gram: log-probability of a word, nats. Measured on {result.text} "
        f"({result.n_sentences:,} sentences); n-grams of {result.language_text}, words linked by {result.aligner}"
    )


def _cell(estimate: "Estimate", digits: int) -> str:
    low, high = estimate.interval_95
    return f"{estimate.value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"
