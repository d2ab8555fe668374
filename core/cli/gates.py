"""`gates`: which heads a model can do without if it may go on learning."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from core.config import KINDS, SearchConfig, TrainConfig

if TYPE_CHECKING:
    from core.experiments.gates.results import GateResults

FINE_TUNING = TrainConfig(
    tokens_per_update=2_000,
    tokens_per_microbatch=2_000,
    max_pieces=128,
    validate_every=500,
    n_validation_translations=0,
    snapshot_every=1_000_000,
    n_snapshots=1,
    save_every_s=120.0,
    precision="float32",
    compile="off",
)
"""Short, at a constant rate: the model is trained already."""


@dataclass(frozen=True, kw_only=True)
class GatesCommand:
    """Fine-tune a model while every head has a price, and count the heads that it keeps.

    Follows Voita et al. 2019, section 6: a gate for each head, with an L0 penalty. `prune` removes
    heads without further training. The result is stored
    as gates.json in the checkpoint's folder. If the command is stopped or killed, running it again
    continues.
    """

    checkpoint: Path
    """A checkpoint folder, such as checkpoints/en-de."""
    source: Path
    """The text to learn from, one sentence a line."""
    target: Path
    """Its translation, line by line."""
    validation_source: Path
    """A text on which the perplexity is followed."""
    validation_target: Path
    test_source: Path
    """The text on which BLEU is measured."""
    test_reference: Path
    penalties: tuple[float, ...] = (0.0, 0.002, 0.005, 0.01)
    """Prices of a head, in nats a target token; 0 shows what fine-tuning alone does."""
    scratch: tuple[float, ...] = ()
    """The prices whose shapes are also trained from scratch, as the checkpoint was trained."""
    run_folder: Path | None = None
    """Folder for the state of the trainings; by default, runs/gates-NAME."""
    output: Path | None = None
    """A file for the result, instead of gates.json."""
    json: bool = False
    """Print the result as JSON."""
    n_steps: int = 1_000
    """Steps of each fine-tuning."""
    rate: float = 3e-4
    """Its learning rate, which stays the same; the gates have one of their own."""
    search: SearchConfig = field(default_factory=SearchConfig)

    def execute(self, arguments: Sequence[str]) -> None:
        from core.checkpoint.bundled import resolve
        from core.checkpoint.folder import load_checkpoint
        from core.checkpoint.weights import weights_hash
        from core.cli.texts import read_usable
        from core.experiments.gates.prune import GateExperiment
        from core.experiments.gates.results import GATES, GateResults
        from core.system.device import hardware
        from core.system.files import prepare_file, write_json, write_whole
        from core.text.parallel import ParallelFiles

        self._check()
        folder = resolve(self.checkpoint)
        output = self.output or folder / GATES
        prepare_file(output)
        checkpoint = load_checkpoint(folder)
        test = read_usable(checkpoint, self.test_source, self.test_reference).pairs
        experiment = GateExperiment(
            folder=self.run_folder or Path("runs") / f"gates-{folder.name}",
            checkpoint=folder,
            training_text=ParallelFiles((self.source,), (self.target,)),
            validation_text=ParallelFiles((self.validation_source,), (self.validation_target,)),
            test=test,
            config=FINE_TUNING.replace(n_steps=self.n_steps, rate=self.rate),
            search=self.search,
        )
        experiment.begin()
        before = experiment.before()
        points = []
        for penalty in sorted({*self.penalties, *self.scratch}):
            points.append(experiment.point(penalty, from_scratch=penalty in self.scratch))
            result = GateResults(
                points=tuple(points),
                before=before,
                text=self.test_source.stem,
                n_sentences=len(test),
                n_steps=self.n_steps,
                rate=self.rate,
                weights_hash=weights_hash(checkpoint.model),
                hardware=hardware("cpu"),
            )
            write_whole(output, write_json(result.to_json()))
        print(write_json(result.to_json()) if self.json else table(result), flush=True)

    def _check(self) -> None:
        if not self.penalties and not self.scratch:
            raise ValueError("--penalties names no price; give at least one, such as 0.005")
        for penalty in (*self.penalties, *self.scratch):
            if not 0 <= penalty < 10:
                raise ValueError(
                    f"--penalties holds {penalty}; a price is at least 0 and below 10 nats a token"
                )


def table(result: "GateResults") -> str:
    """A line for each price."""
    from core.system.text_tables import aligned

    rows = [("price", "heads kept", *KINDS, "BLEU", "perplexity", "BLEU from scratch")]
    rows += [
        (
            f"{point.penalty:g}",
            f"{point.n_kept()}",
            *(f"{point.n_kept(kind)}" for kind in KINDS),
            _cell(point.bleu),
            f"{point.perplexity:.2f}",
            _cell(point.scratch_bleu) if point.scratch_bleu else "",
        )
        for point in result.points
    ]
    return (
        f"{aligned(rows)}\n\nBefore: BLEU {_cell(result.before)}, measured on {result.text} "
        f"({result.n_sentences:,} sentences), {result.n_steps:,} steps of fine-tuning"
    )


def _cell(estimate: object) -> str:
    from core.evaluation.ratios import Estimate

    assert isinstance(estimate, Estimate)
    low, high = estimate.interval_95
    return f"{estimate.value:.1f} [{low:.1f}, {high:.1f}]"
