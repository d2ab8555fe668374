"""Warm-up once, then every method from the same weights; each goes on where it was.

FOLDER/base/             the warmed-up checkpoint, and its run
FOLDER/METHOD-SEED/      a run for each stage, the finished checkpoint, what it makes of each test
"""

import dataclasses
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.checkpoint.card import new_card
from core.checkpoint.folder import Checkpoint, load_checkpoint, save_checkpoint
from core.config import TrainConfig
from core.evaluation.rewards import REWARDS
from core.system.files import prepare_folder, sole_use, write_json, write_whole
from core.text.parallel import ParallelFiles
from core.text.tokenised import TokenisedCorpus, tokenise_once
from core.text.vocabulary import JointVocabulary
from core.training.run_folder import RunFolder
from core.training.score.attempts import attempt
from core.training.score.extend import model_with_drafts, with_marks
from core.training.score.methods import METHODS, Stage
from core.training.score.objectives import (
    Imitation,
    PolicyGradient,
    SelfCorrection,
    WarmUp,
    frozen_copy,
)
from core.training.score.plans import Plan
from core.training.score.record import Attempted
from core.training.score.settings import agree, settings_of
from core.training.score.task import Task
from core.training.trainer import Trainer
from core.training.workers import ALONE, Workers

if TYPE_CHECKING:
    from core.model import Transformer
    from core.training.objective import Objective

CHECKPOINT = "checkpoint"
ATTEMPTS = "attempts"
REPORT_EVERY = 10
"""Steps between two lines in the history of a stage: a stage has about a hundred."""


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """One task in one folder."""

    folder: Path
    task: Task
    plan: Plan
    group: Workers = ALONE

    def run_folder(self, method: str, seed: int) -> Path:
        return self.folder / f"{method}-{seed}"

    def absolute(self) -> "Experiment":
        """The same, for a process with another current folder."""
        return dataclasses.replace(self, folder=self.folder.absolute(), task=self.task.absolute())

    def warm_up(self, model: "Transformer", vocabulary: JointVocabulary) -> Path:
        """Teach a model second attempts, unless that is done; the folder of its checkpoint.

        Args:
            model: without drafts, trained already or fresh.

        Raises:
            ValueError: if the folder holds an experiment with other settings.
        """
        if self.group.is_first:
            prepare_folder(self.folder)
            agree(self.folder, settings_of(self.task, self.plan))
        self.group.wait()
        output = self.folder / "base" / CHECKPOINT
        if (output / "config.json").is_file():
            return output
        marked = with_marks(vocabulary)
        extended = model_with_drafts(model)
        objective = WarmUp(
            extended,
            extended,
            marked,
            label_smoothing=self.plan.warm_up.label_smoothing,
            share_of_retries=self.plan.share_of_retries,
        )
        run = RunFolder(self.folder / "base")
        self._train(objective, self._corpus(self.task.warm_up, marked), self.plan.warm_up, run)
        self._save(Checkpoint(
            model=extended.eval(), vocabulary=marked, training=self.plan.warm_up,
            metrics={}, history=(), card=new_card("base", extended.config, self.plan.warm_up, ""),
        ), output)  # fmt: skip
        return output

    def train(self, method: str, seed: int, *, last_stage: int | None = None) -> Path | None:
        """Train a method from the warmed-up checkpoint, unless that is done; the checkpoint's folder.

        Args:
            last_stage: stop after so many stages; None is returned if others are left.

        Raises:
            ValueError: if there is no such method.
        """
        if method not in METHODS:
            raise ValueError(f"method {method!r} is none of {', '.join(METHODS)}")
        base = self.folder / "base" / CHECKPOINT
        stages = METHODS[method].stages
        if not stages:
            return base
        folder = self.run_folder(method, seed)
        output = folder / CHECKPOINT
        if (output / "config.json").is_file():
            return output
        checkpoint = load_checkpoint(base)
        vocabulary = checkpoint.vocabulary
        assert isinstance(vocabulary, JointVocabulary)
        model, reference = checkpoint.model, frozen_copy(checkpoint.model)
        config = self.plan.method.replace(seed=seed)
        for number, stage in enumerate(stages, start=1):
            settings = config.replace(n_steps=max(1, round(config.n_steps * stage.share)))
            corpus = self._corpus(self.task.prompts, vocabulary)
            objective = self._objective(model, reference, vocabulary, stage)
            self._train(objective, corpus, settings, RunFolder(folder / f"stage-{number}"))
            if number == last_stage and number < len(stages):
                return None
        self._save(
            Checkpoint(
                model=model.eval(), vocabulary=vocabulary, training=config, metrics={}, history=(),
                card=new_card(method, model.config, config, METHODS[method].about),
            ),
            output,
        )  # fmt: skip
        return output

    def attempts(self, method: str, seed: int) -> Mapping[str, Attempted]:
        """What a trained method makes of each test, measured once and kept."""
        folder = self.run_folder(method, seed)
        checkpoint = None
        found = {}
        for name, files in self.task.tests.items():
            file = folder / ATTEMPTS / f"{name}.json"
            if not file.is_file():
                checkpoint = checkpoint or load_checkpoint(self._finished(method, seed))
                pairs, second = list(files.pairs()), METHODS[method].second
                attempt(checkpoint.model, checkpoint.vocabulary, pairs, second=second).save(file)
            found[name] = Attempted.load(file)
        return found

    def _finished(self, method: str, seed: int) -> Path:
        folder = self.train(method, seed)
        assert folder is not None  # no last stage was named
        return folder

    def _objective(
        self,
        model: "Transformer",
        reference: "Transformer",
        vocabulary: JointVocabulary,
        stage: Stage,
    ) -> "Objective":
        if stage.learning == "supervised":
            return WarmUp(
                model,
                reference,
                vocabulary,
                label_smoothing=self.plan.warm_up.label_smoothing,
                share_of_retries=self.plan.share_of_retries,
            )
        shared: dict[str, Any] = {
            "n_samples": self.plan.n_samples,
            "max_extra_tokens": self.task.max_extra_tokens,
        }
        parts = (model, reference, vocabulary, REWARDS[self.task.reward], stage)
        objective: SelfCorrection
        if stage.learning == "imitation":
            objective = Imitation(*parts, is_right=self.task.is_right, **shared)
        else:
            betas = {"beta_1": self.plan.beta_1, "beta_2": self.plan.beta_2}
            objective = PolicyGradient(*parts, **betas, **shared)
        return objective

    def _corpus(self, files: ParallelFiles, vocabulary: JointVocabulary) -> TokenisedCorpus:
        return tokenise_once(
            files, vocabulary, max_pieces=self.plan.method.max_pieces, cache=self.folder / "cache"
        )

    def _train(
        self, objective: "Objective", corpus: TokenisedCorpus, config: TrainConfig, run: RunFolder
    ) -> None:
        run.create()
        trainer = Trainer(
            objective=objective,
            corpus=corpus,
            validation={},
            config=config,
            run=run,
            group=self.group,
            report_every=REPORT_EVERY,
        )
        with (
            sole_use(run.folder, "a training is running") if self.group.is_first else nullcontext()
        ):
            write_whole(run.folder / "config.json", write_json({"training": config.to_json()}))
            trainer.train()

    def _save(self, checkpoint: Checkpoint, output: Path) -> None:
        if self.group.is_first:
            save_checkpoint(checkpoint, output, half=True)
        self.group.wait()
