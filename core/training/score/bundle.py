"""Write an experiment's results and chosen models into a folder that the Explorer shows."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from core.checkpoint.card import BEGIN, END, new_card
from core.checkpoint.folder import Checkpoint, load_checkpoint, save_checkpoint
from core.checkpoint.side_files import HISTORY, read_history
from core.system.files import prepare_folder, write_json, writing_folder
from core.system.json_files import read_json
from core.training.score.methods import METHODS
from core.training.score.metrics import edit_shares
from core.training.score.record import Attempted
from core.training.score.report import BASE, Row, read_attempts, report, rows
from core.training.score.results import POINTS, RESULTS, Example, Report, Results
from core.training.score.train import CHECKPOINT

MEASURES = ("reward_1", "reward_2", "kl_1", "kl_2")


def _n_steps(stage: Path, reports: Sequence[Mapping[str, Any]]) -> int:
    """The updates of a stage; its last report may stand before its end."""
    file = stage / "config.json"
    if file.is_file():
        return int(read_json(file)["training"]["n_steps"])
    return max((each["step"] for each in reports), default=0)


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """What is written, and what is said of it."""

    experiment: Path
    """The folder that `score train` filled."""
    task: str
    reward: str
    is_right: float
    models: Sequence[str]
    """Methods whose checkpoints are bundled."""
    examples: Sequence[Example] = ()
    is_picked: bool = False
    """Whether the examples were chosen by what the models make of them; the page then says so."""
    languages: tuple[str, str] = ("Source", "Target")
    about: str = ""
    """Markdown for the cards: the data with their licenses, and known failures."""
    attempts: Mapping[str, Mapping[str, Mapping[int, Attempted]]] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "attempts", read_attempts(self.experiment))
        object.__setattr__(self, "models", tuple(dict.fromkeys(self.models)))
        for name in self.models:
            if name != BASE and not METHODS[name].stages:
                raise ValueError(f"{name} has no model of its own: it is Base with another search")
        missing = [name for name in self.models if name not in self._measured()]
        if missing:
            raise ValueError(
                f"{', '.join(missing)} was not measured in {self.experiment}; there are "
                f"{', '.join(self._measured())}"
            )

    def write(self, folder: Path) -> None:
        """Write everything, whole; an earlier bundle of that name is replaced.

        Raises:
            ValueError: if something else is there that would be lost.
        """
        self._require_free(folder)
        found = rows(self.attempts, reward=self.reward, is_right=self.is_right)
        results = Results(
            task=self.task,
            reward=self.reward,
            is_right=self.is_right,
            rows=tuple(found),
            courses={name: tuple(self._course(name)) for name in self.models},
            models={name: name for name in self.models},
            examples=tuple(self.examples),
            is_picked=self.is_picked,
        )
        with writing_folder(folder) as partial:
            (partial / RESULTS).write_text(write_json(dataclasses.asdict(results)), "utf-8")
            np.savez_compressed(partial / POINTS, allow_pickle=False, **self._points())
            for name in self.models:
                save_checkpoint(self._checkpoint(name, found), partial / name, half=True)

    def _require_free(self, folder: Path) -> None:
        there, own = folder.resolve(), self.experiment.resolve()
        if own.is_relative_to(there) or there.is_relative_to(own):
            raise ValueError(
                f"{folder} lies in the experiment {self.experiment} or holds it; name another"
            )
        prepare_folder(folder)
        if there.is_dir() and any(there.iterdir()) and not (there / RESULTS).is_file():
            raise ValueError(
                f"{folder} holds something other than a bundle, which would be lost; name another folder"
            )

    def _measured(self) -> list[str]:
        return [
            name for name in METHODS if any(name in methods for methods in self.attempts.values())
        ]

    def _seed(self, method: str) -> int:
        """The first seed; no other is looked for, so that none is chosen by its result."""
        return min(seed for methods in self.attempts.values() for seed in methods.get(method, ()))

    def _points(self) -> dict[str, Any]:
        arrays = {}
        for text, methods in self.attempts.items():
            for name, by_seed in methods.items():
                made = by_seed[min(by_seed)]
                first, second = made.rewards(self.reward)
                parts = {"first": first, "second": second}
                parts["edits"] = edit_shares(made.first, made.second)
                for part, numbers in parts.items():
                    arrays[f"{text}/{name}/{part}"] = np.array(numbers, np.float32)
        return arrays

    def _course(self, method: str) -> Iterator[Report]:
        before = 0
        run = self.experiment / f"{method}-{self._seed(method)}"
        for stage, file in enumerate(sorted(run.glob(f"stage-*/{HISTORY}")), start=1):
            reports = [each for each in read_history(file) if each.get("kind") == "training"]
            for each in reports:
                measures = {name: each.get(name) for name in MEASURES}
                yield Report(step=before + each["step"], stage=stage, **measures)
            before += _n_steps(file.parent, reports)

    def _checkpoint(self, method: str, found: Sequence[Row]) -> Checkpoint:
        run = "base" if method == BASE else f"{method}-{self._seed(method)}"
        checkpoint = load_checkpoint(self.experiment / run / CHECKPOINT)
        examples = [example.source for example in self.examples]
        return dataclasses.replace(
            checkpoint,
            metrics={"languages": list(self.languages), "examples": examples},
            card=self._card(method, checkpoint, found),
        )

    def _card(self, method: str, checkpoint: Checkpoint, found: Sequence[Row]) -> str:
        of_method = [row for row in found if row.method in (BASE, method)]
        seeds = next(row.seeds for row in found if row.method == method)
        about = (
            f"{METHODS[method].title}: {METHODS[method].about}. Seed {self._seed(method)} of "
            f"{', '.join(map(str, seeds))}; the first, not the best.\n\nSCoRe (arXiv 2409.12917), "
            f"task {self.task}. Reward: {self.reward}; an attempt counts as right from "
            f"{self.is_right:g} on.\n\n{self.about.strip()}"
        )
        card = new_card(
            f"score/{self.task}/{method}", checkpoint.config, checkpoint.training, about
        )
        return card.replace(f"{BEGIN}\n{END}", f"{BEGIN}\n{report(of_method, 'markdown')}\n{END}")
