"""Fine-tune a model at several prices of a head, and train the shapes that are left from scratch.

FOLDER/experiment.json   on what; another model, text or setting is refused
FOLDER/PENALTY/          the run of a fine-tuning, and its measured point
FOLDER/PENALTY-scratch/  the run of the same shape from its first step, and its measured score
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from core.checkpoint.folder import Checkpoint, load_checkpoint
from core.checkpoint.weights import weights_hash
from core.config import KINDS, Kind, SearchConfig, TrainConfig
from core.evaluation.measure import measure
from core.evaluation.ratios import Estimate
from core.experiments.gates.hard_concrete import HardConcreteGates
from core.experiments.gates.objective import GatedTeacherForcing
from core.experiments.gates.results import GatePoint
from core.model import Transformer, build, probing
from core.model.transformer import attention_of
from core.system.files import sole_use, write_json, write_whole
from core.system.json_files import read_json
from core.text.parallel import ParallelFiles, text_hash
from core.text.tokenised import TokenisedCorpus, tokenise_once
from core.training.objective import TeacherForcing
from core.training.run_folder import RunFolder
from core.training.trainer import Trainer

GATE_RATE = 0.05
"""The learning rate of the gates. From open to closed is a way of about 4."""
EXPERIMENT, MEASURED = "experiment.json", "measured.json"
HeadValues = Mapping[Kind, NDArray[np.float64]]
"""Kind -> N H: the gate of every head."""


@dataclass(frozen=True, kw_only=True)
class GateExperiment:
    """One checkpoint, one pair of texts to learn from and one to measure on, one folder."""

    folder: Path
    checkpoint: Path
    training_text: ParallelFiles
    validation_text: ParallelFiles
    test: Sequence[tuple[str, str]]
    config: TrainConfig
    """Of the fine-tuning, with a constant rate."""
    search: SearchConfig

    def begin(self) -> None:
        """Write down what the folder is an experiment on, or check that it is this one.

        Raises:
            ValueError: if it holds another one: its points would be taken for ours.
        """
        checkpoint = load_checkpoint(self.checkpoint)
        asked = {
            "weights_hash": weights_hash(checkpoint.model),
            "training": self.config.to_json(),
            "from_scratch": checkpoint.training and checkpoint.training.to_json(),
            "search": self.search.to_json(),
            "texts": [
                text_hash(pairs)
                for pairs in (self.training_text.pairs(), self.validation_text.pairs(), self.test)
            ],
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / EXPERIMENT
        if not file.is_file():
            write_whole(file, write_json(asked))
            return
        found = read_json(file)
        differs = sorted(name for name, value in asked.items() if found.get(name) != value)
        if differs:
            raise ValueError(
                f"{self.folder} is an experiment with other {', '.join(differs)}; name another --run-folder, or "
                "repeat its command"
            )

    def point(self, penalty: float, *, from_scratch: bool) -> GatePoint:
        """Fine-tune and measure at one price, resuming or reusing what the folder holds.

        Args:
            from_scratch: also train the same shape from its first step, as the checkpoint was trained.

        Raises:
            ValueError: if the checkpoint does not say how it was trained, and that is asked for.
        """
        run = RunFolder(self.folder / f"{penalty!r}")
        tuned = _remembered(run) or self._fine_tuned(run, penalty)
        gates = {kind: np.asarray(tuned["gates"][kind]) for kind in KINDS}
        scratch: Mapping[str, Any] = {}
        if from_scratch:
            run = RunFolder(self.folder / f"{penalty!r}-scratch")
            scratch = _remembered(run) or self._from_scratch(run, gates)
        return GatePoint(
            penalty=penalty,
            gates=gates,
            bleu=_estimate(tuned["scores"]),
            perplexity=tuned["scores"]["perplexity"],
            scratch_bleu=_estimate(scratch["scores"]) if scratch else None,
            scratch_perplexity=scratch["scores"]["perplexity"] if scratch else None,
        )

    def before(self) -> Estimate:
        """BLEU of the checkpoint as it is."""
        run = RunFolder(self.folder / "before")
        found = _remembered(run)
        return _estimate((found or self._measured(run, load_checkpoint(self.checkpoint)))["scores"])

    def _fine_tuned(self, run: RunFolder, penalty: float) -> dict[str, Any]:
        checkpoint = load_checkpoint(self.checkpoint)
        model = checkpoint.model
        gates = HardConcreteGates(model.config)
        assert self.config.rate is not None
        objective = GatedTeacherForcing(
            model,
            gates,
            penalty=penalty,
            label_smoothing=self.config.label_smoothing,
            rate_factor=GATE_RATE / self.config.rate,
        )
        with probing(model, gates.edits()):
            self._train(run, checkpoint, objective, self.config)
        values = {kind: of.detach().double().numpy() for kind, of in gates.values().items()}
        fold(model, values)
        return self._measured(run, checkpoint, {k: of.tolist() for k, of in values.items()})

    def _from_scratch(self, run: RunFolder, gates: HeadValues) -> dict[str, Any]:
        checkpoint = load_checkpoint(self.checkpoint)
        if checkpoint.training is None:
            raise ValueError(
                f"{self.checkpoint} does not say how it was trained, so its shapes cannot be trained "
                "from scratch in the same way; leave --scratch out"
            )
        config = checkpoint.training.replace(keep_steps=())
        torch.manual_seed(config.seed)
        model = build(checkpoint.config)
        fold(model, {kind: (of > 0).astype(np.float64) for kind, of in gates.items()})
        for place in _closed(gates):
            _freeze(model, *place)
        objective = TeacherForcing(model, label_smoothing=config.label_smoothing)
        self._train(run, checkpoint, objective, config)
        fresh = Checkpoint(model=model.eval(), vocabulary=checkpoint.vocabulary)
        return self._measured(run, fresh)

    def _train(
        self, run: RunFolder, checkpoint: Checkpoint, objective: TeacherForcing, config: TrainConfig
    ) -> None:
        run.create()
        with sole_use(run.folder, "a training is running"):
            Trainer(
                objective=objective,
                corpus=self._corpus(self.training_text, checkpoint, config.max_pieces),
                validation={"validation": self._corpus(self.validation_text, checkpoint, 512)},
                config=config,
                run=run,
            ).train()
        objective.eval()

    def _corpus(
        self, files: ParallelFiles, checkpoint: Checkpoint, max_pieces: int
    ) -> TokenisedCorpus:
        return tokenise_once(
            files, checkpoint.vocabulary, max_pieces=max_pieces, cache=self.folder / "cache"
        )

    def _measured(
        self,
        run: RunFolder,
        checkpoint: Checkpoint,
        gates: Mapping[Kind, list[list[float]]] | None = None,
    ) -> dict[str, Any]:
        """Score a model on the test, and keep that in the run's folder."""
        found = measure(checkpoint, self.test, self.search).result
        measured = {"scores": found, **({"gates": gates} if gates else {})}
        run.create()
        write_whole(run.folder / MEASURED, write_json(measured))
        return measured


def fold(model: Transformer, gates: HeadValues) -> None:
    """Multiply each head's part of W^O by its gate, for good: the model then needs no gates."""
    with torch.no_grad():
        for kind, of_kind in gates.items():
            for layer, of_layer in enumerate(of_kind):
                weight = attention_of(model, kind, layer).output_projection.weight
                factor = torch.as_tensor(of_layer, dtype=weight.dtype).to(weight.device)
                weight.view(len(weight), len(of_layer), -1).mul_(factor[None, :, None])


def _closed(gates: HeadValues) -> list[tuple[Kind, int, int]]:
    return [
        (kind, int(layer), int(head))
        for kind, of_kind in gates.items()
        for layer, head in np.argwhere(of_kind == 0)
    ]


def _freeze(model: Transformer, kind: Kind, layer: int, head: int) -> None:
    """Keep a head's part of W^O, which is zero, from learning: the head stays away."""
    attention = attention_of(model, kind, layer)
    d_v = attention.output_projection.in_features // attention.n_heads

    def without(gradient: torch.Tensor) -> torch.Tensor:
        gradient = gradient.clone()
        gradient[:, head * d_v : (head + 1) * d_v] = 0
        return gradient

    attention.output_projection.weight.register_hook(without)  # type: ignore[no-untyped-call]


def _remembered(run: RunFolder) -> dict[str, Any] | None:
    """What was measured of a run; raises ValueError if the file is damaged."""
    file = run.folder / MEASURED
    if not file.is_file():
        return None
    try:
        found: dict[str, Any] = read_json(file)
    except ValueError as error:
        raise ValueError(f"{file}: {error}; delete it, and the run is measured again") from None
    return found


def _estimate(scores: Mapping[str, Any]) -> Estimate:
    low, high = scores["intervals_95"]["bleu"]
    return Estimate(scores["bleu"], (low, high))
