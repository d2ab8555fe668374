"""The training loop (section 5), from the first step to the last, resumed after a kill.

A run is a pure function of its configuration, its data and its seed. The batches of an epoch, and
the random numbers of every forward pass, follow from (seed, epoch) and (seed, step); so a run that
was killed continues exactly as if it had not been, and no random state is saved.
"""

import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tqdm import tqdm

from core.config import TrainConfig
from core.evaluation.likelihood import Likelihood, corpus_likelihood
from core.model import Transformer
from core.text.batches import epoch_batches
from core.text.tokenised import Indices, TokenisedCorpus
from core.training.objective import Objective
from core.training.run_folder import Progress, RunFolder, StepReport, Window, kept_snapshot
from core.training.update import DivergedError, Update
from core.training.workers import ALONE, Workers

REPORT_EVERY = 50
"""Steps between two lines of loss in the history, if nothing else is said."""

Scorer = Callable[[Transformer], Mapping[str, float]]
"""Further measurements at each validation, such as BLEU: name -> number."""


class Trainer:
    """Runs the optimiser over a corpus; all that is kept is written into the run folder."""

    def __init__(
        self,
        *,
        objective: Objective,
        corpus: TokenisedCorpus,
        validation: Mapping[str, TokenisedCorpus],
        config: TrainConfig,
        run: RunFolder,
        group: Workers = ALONE,
        score: Scorer | None = None,
        report_every: int | None = None,
    ) -> None:
        self.model = objective.model
        self.corpus = corpus
        self.validation = validation
        self.config = config
        self.run = run
        self.group = group
        self.score = score
        self.report_every = report_every or REPORT_EVERY
        self.update = Update(objective, config, group=group)

    def train(self) -> Progress:
        """Train to the last step (or until patience ends), resuming what the run folder holds.

        Raises:
            DivergedError: if loss or gradient is not finite; the last saved state stays.
        """
        progress = self._resumed()
        self.update.objective.restore(dict(progress.objective))
        last_save_s = time.monotonic()
        with tqdm(
            total=self.config.n_steps,
            initial=progress.step,
            unit="step",
            disable=not self.group.is_first,
            mininterval=1.0,
        ) as bar:
            for batch, epoch, number in self.batches_from(progress):
                if self._is_finished(progress):
                    break
                started_s = time.monotonic()
                report = self.step(batch, progress.step + 1)
                elapsed_s = time.monotonic() - started_s
                progress = progress.after(report, elapsed_s, epoch=epoch, batch=number)
                bar.update()
                progress = self._after_step(progress, report, bar)
                if time.monotonic() - last_save_s > self.config.save_every_s:
                    self._save(progress)
                    last_save_s = time.monotonic()
        self._save(progress)
        return progress

    def _resumed(self) -> Progress:
        """Where the run stands. The first worker alone reads it, so none can go on from elsewhere."""
        saved = self.group.from_first(self.run.resume() if self.group.is_first else None)
        if saved is None:
            return Progress()
        saved.load_into(self.update.objective.trained, self.update.optimizer)
        return saved.progress

    def step(self, batch: Indices, number: int) -> StepReport:
        """Optimiser step `number` (from 1) on one batch; see `Update.step`.

        Raises:
            DivergedError: if loss or gradient is not finite; the last saved state stays.
        """
        try:
            return self.update.step(self.corpus, batch, number)
        except DivergedError as error:
            raise DivergedError(
                f"{error}. The last saved state stays in {self.run.folder}; start "
                "again in another --run-folder, with a smaller --rate-scale or a longer --n-warmup-steps"
            ) from None

    def batches_from(self, progress: Progress) -> Iterator[tuple[Indices, int, int]]:
        """Yield the next batches, each with the numbers of the epoch and batch after it."""
        epoch, first = progress.epoch, progress.batch
        while True:
            batches = epoch_batches(
                self.corpus,
                tokens_per_update=self.config.tokens_per_update,
                seed=self.config.seed,
                epoch=epoch,
            )
            for number, batch in enumerate(batches[first:], start=first + 1):
                yield (batch, epoch, number) if number < len(batches) else (batch, epoch + 1, 0)
            epoch, first = epoch + 1, 0

    def _after_step(self, progress: Progress, report: StepReport, bar: Any) -> Progress:
        """Do what is due after a step: report, snapshot, validation."""
        if progress.step % self.report_every == 0:
            summary = progress.window.summary()
            self._report("training", progress, {**summary, "rate": report.rate})
            bar.set_postfix_str(
                f"loss {summary['loss_nats']:.3f} nats, rate {report.rate:.2e}, "
                f"{summary['tokens_per_s']:.0f} tokens/s"
            )
            progress = dataclasses.replace(progress, window=Window())
        if self._is_due(progress, self.config.snapshot_every):
            self._snapshot(progress)
        if progress.step in self.config.keep_steps and self.group.is_first:
            self.run.save_snapshot(kept_snapshot(progress.step), self.model)
        if self._is_due(progress, self.config.validate_every):
            progress = self.validate(progress)
        return progress

    def _is_finished(self, progress: Progress) -> bool:
        patience = self.config.patience
        impatient = bool(patience) and progress.validations_since_best >= patience
        return impatient or progress.step >= self.config.n_steps

    def _is_due(self, progress: Progress, every: int) -> bool:
        return progress.step % every == 0 or progress.step == self.config.n_steps

    def validate(self, progress: Progress) -> Progress:
        """Measure on the validation texts, report, and keep the weights if they are the best yet."""
        self.update.objective.eval()
        total = Likelihood(0.0, 0)
        values: dict[str, float] = {}
        for name, corpus in self.validation.items():
            mine = corpus_likelihood(
                self.model, corpus, shard=self.group.rank, n_shards=self.group.world_size
            )
            nll_nats, n_tokens = self.group.sum(mine.nll_nats, mine.n_tokens)
            part = Likelihood(nll_nats, int(n_tokens))
            values[f"perplexity_{name}"] = part.perplexity
            total += part
        if not total.n_tokens:
            return progress
        is_best = total.perplexity < progress.best_perplexity
        if self.group.is_first:
            if self.score:
                values |= self.score(self.model)
            if is_best:
                self.run.save_snapshot("best", self.model)
        self._report("validation", progress, {"perplexity": total.perplexity, **values})
        return dataclasses.replace(
            progress,
            best_perplexity=min(total.perplexity, progress.best_perplexity),
            validations_since_best=0 if is_best else progress.validations_since_best + 1,
        )

    def _report(self, kind: str, progress: Progress, values: dict[str, float]) -> None:
        if self.group.is_first:
            place = {name: getattr(progress, name) for name in ("step", "epoch", "tokens")}
            elapsed = {"elapsed_s": round(progress.elapsed_s, 1)}
            self.run.report({"kind": kind, **place, **elapsed, **values})

    def _snapshot(self, progress: Progress) -> None:
        if self.group.is_first:
            self.run.save_snapshot(f"step-{progress.step:07d}", self.model)
            self.run.drop_snapshots_but(self.config.n_snapshots)

    def _save(self, progress: Progress) -> None:
        if self.group.is_first:
            objective = self.update.objective
            progress = dataclasses.replace(progress, objective=dict(objective.state()))
            self.run.save(progress, objective.trained, self.update.optimizer)
