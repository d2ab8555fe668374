"""The state of a training: saved completely or not at all, and resumed after a kill.

RUN/config.json          what is being trained, and on what; a resumed run must agree with it
RUN/sentencepiece.model  its vocabulary
RUN/history.jsonl        reports so far; on resume, cut back to the resumed step
RUN/latest               one line: the name of the newest whole state
RUN/step-000123/         weights, optimiser moments, place in the data
RUN/snapshots/           weights alone: step-N for averaging, kept-N for good, best by validation
"""

import dataclasses
import json
import math
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from core.checkpoint.side_files import HISTORY, read_history
from core.checkpoint.weights import read_tensors
from core.system.files import (
    OutputError,
    link_out_of,
    sweep_folder,
    write_json,
    write_whole,
    writing_file,
    writing_folder,
)
from core.system.json_files import read_text

N_STATES_KEPT = 2
KEPT = "kept"


@dataclass(frozen=True, slots=True)
class StepReport:
    """One optimiser step: the global batch's mean loss per target token, before the step."""

    loss_nats: float
    gradient_norm: float
    rate: float
    n_tokens: int  # source + target, padding not counted
    measures: Mapping[str, float] = field(default_factory=dict)  # of the objective, means


@dataclass(frozen=True, slots=True)
class Window:
    """Sums since the last line of the history, saved so that a kill changes no line."""

    n_steps: int = 0
    loss_nats: float = 0.0
    gradient_norm: float = 0.0
    n_tokens: int = 0
    elapsed_s: float = 0.0
    measures: Mapping[str, float] = field(default_factory=dict)

    def add(self, report: StepReport, elapsed_s: float) -> "Window":
        return Window(
            self.n_steps + 1,
            self.loss_nats + report.loss_nats,
            self.gradient_norm + report.gradient_norm,
            self.n_tokens + report.n_tokens,
            self.elapsed_s + elapsed_s,
            {name: self.measures.get(name, 0.0) + mean for name, mean in report.measures.items()},
        )

    def summary(self) -> dict[str, float]:
        return {
            "loss_nats": self.loss_nats / self.n_steps,
            "gradient_norm": self.gradient_norm / self.n_steps,
            "tokens_per_s": round(self.n_tokens / self.elapsed_s, 1),
            **{name: total / self.n_steps for name, total in self.measures.items()},
        }


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a training after `step` optimiser steps."""

    step: int = 0
    epoch: int = 0
    batch: int = 0  # batches of this epoch already used
    tokens: int = 0  # source + target tokens seen, padding not counted
    elapsed_s: float = 0.0
    best_perplexity: float = math.inf
    validations_since_best: int = 0
    window: Window = Window()
    objective: Mapping[str, float] = field(default_factory=dict)  # `Objective.state`

    def after(self, report: StepReport, elapsed_s: float, *, epoch: int, batch: int) -> "Progress":
        return dataclasses.replace(
            self,
            step=self.step + 1,
            epoch=epoch,
            batch=batch,
            tokens=self.tokens + report.n_tokens,
            elapsed_s=self.elapsed_s + elapsed_s,
            window=self.window.add(report, elapsed_s),
        )

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Progress":
        return cls(**{**values, "window": Window(**values["window"])})


@dataclass(frozen=True, slots=True)
class SavedState:
    """All that is needed to resume a training, on the CPU."""

    progress: Progress
    weights: dict[str, Tensor]
    moments: dict[str, Tensor]
    """Of the optimiser: exp_avg.PARAMETER, exp_avg_sq.PARAMETER, step.PARAMETER."""

    def load_into(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        model.load_state_dict(self.weights)
        _load_moments(model, optimizer, self.moments)


class RunFolder:
    """One folder below `runs/`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.snapshots = folder / "snapshots"
        self.history_file = folder / HISTORY

    def create(self) -> None:
        """Make the folder, or take one that is there, unless a link in it leads elsewhere."""
        for part in (self.folder, self.snapshots):
            if found := link_out_of(part, self.folder):
                raise OutputError(f"{found} is a link that leads out of the run folder; remove it")
        self.snapshots.mkdir(parents=True, exist_ok=True)

    def save(self, progress: Progress, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        """Write `step-N/`, then point `latest` at it, then delete all but it and the one before.

        A process that was killed before it updated `latest` may have left a newer folder.
        """
        state = self.folder / f"step-{progress.step:07d}"
        if state == self._newest_state():
            return  # it is whole, and for a moment a replacement would leave nothing in its place
        with writing_folder(state) as partial:
            safetensors.torch.save_file(_weights(model), partial / "model.safetensors")
            safetensors.torch.save_file(
                _moments(model, optimizer), partial / "optimizer.safetensors"
            )
            (partial / "progress.json").write_text(write_json(dataclasses.asdict(progress)))
        write_whole(self.folder / "latest", state.name + "\n")
        states = sorted(self.folder.glob("step-*"))
        kept = [other for other in states if other <= state][-N_STATES_KEPT:]
        for other in set(states) - set(kept):
            shutil.rmtree(other)

    def resume(self) -> "SavedState | None":
        """The newest complete state, or None; the history is cut back to it, leftovers are swept."""
        for folder in (self.folder, self.snapshots):
            sweep_folder(folder)
        state = self._newest_state()
        if state is None:
            self._cut_history(0)
            return None
        saved = SavedState(
            progress=Progress.from_json(json.loads((state / "progress.json").read_text())),
            weights=read_tensors(state / "model.safetensors"),
            moments=read_tensors(state / "optimizer.safetensors"),
        )
        self._cut_history(saved.progress.step)
        return saved

    def report(self, values: dict[str, Any]) -> None:
        """Append one line to the history."""
        with self.history_file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(values) + "\n")

    def save_snapshot(self, name: str, model: nn.Module) -> None:
        with writing_file(self.snapshots / f"{name}.safetensors") as partial:
            safetensors.torch.save_file(_weights(model), partial)

    def step_snapshots(self) -> list[Path]:
        """The numbered snapshots for averaging, oldest first."""
        return sorted(self.snapshots.glob("step-*.safetensors"))

    def kept_snapshots(self) -> dict[int, Path]:
        """The snapshots that are kept for good, by their step."""
        files = sorted(self.snapshots.glob(f"{KEPT}-*.safetensors"))
        return {int(file.stem.removeprefix(f"{KEPT}-")): file for file in files}

    def drop_snapshots_but(self, n_newest: int) -> None:
        for file in self.step_snapshots()[:-n_newest]:
            file.unlink()

    def saved_step(self) -> int:
        """The step of the newest complete state; 0 before the first."""
        state = self._newest_state()
        return int(state.name.removeprefix("step-")) if state else 0

    def _newest_state(self) -> Path | None:
        latest = self.folder / "latest"
        if not latest.is_file():
            return None
        name = read_text(latest).strip()
        if not re.fullmatch(r"step-\d+", name):
            raise ValueError(f"{latest} must name a state, as step-0000100, not {name[:60]!r}")
        return self.folder / name

    def _cut_history(self, step: int) -> None:
        kept = (line for line in read_history(self.history_file) if line["step"] <= step)
        write_whole(self.history_file, _json_lines(kept))


def kept_snapshot(step: int) -> str:
    """The name of a snapshot that is kept for good."""
    return f"{KEPT}-{step:07d}"


def _json_lines(lines: Iterable[Any]) -> str:
    return "".join(json.dumps(line) + "\n" for line in lines)


def _weights(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}


def _moments(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Adam's two moments and step count of each parameter, by parameter name."""
    return {
        f"{kind}.{name}": value.detach().cpu().contiguous()
        for name, parameter in model.named_parameters()
        for kind, value in optimizer.state[parameter].items()
    }


def _load_moments(
    model: nn.Module, optimizer: torch.optim.Optimizer, moments: dict[str, Tensor]
) -> None:
    """Hand them to the optimiser, which knows on which device it needs what."""
    numbers = {name: number for number, (name, _) in enumerate(model.named_parameters())}
    state: dict[int, dict[str, Tensor]] = {number: {} for number in numbers.values()}
    for key, value in moments.items():
        kind, name = key.split(".", 1)
        state[numbers[name]][kind] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
