"""Section 5: one optimiser step, one run, on one device or many.

A run is a pure function of its configuration, its data and its seed. The batches of an epoch, and
the random numbers of every forward pass, follow from (seed, epoch) and (seed, step); so a run that
was killed goes on as if it had not been, and nothing about random state needs saving.
"""

import contextlib
import dataclasses
import math
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from tqdm import tqdm

from core.config import TrainConfig
from core.evaluation.likelihood import Likelihood, corpus_likelihood
from core.model import Transformer
from core.system.device import choose_dtype
from core.text.batches import collate, epoch_batches, microbatches
from core.text.tokenised import Indices, TokenisedCorpus
from core.training.loss import smoothed_cross_entropy
from core.training.run_folder import Progress, RunFolder, StepReport, Window, kept_snapshot
from core.training.schedule import learning_rate
from core.training.workers import ALONE, Workers

REPORT_EVERY = 50
"""Steps between two lines of loss in the history."""

Score = Callable[[Transformer], Mapping[str, float]]
"""Further measurements at each validation, such as BLEU: name -> number."""


class DivergedError(FloatingPointError):
    """The loss or the gradient is no longer a finite number."""


class Objective(nn.Module):
    """The summed training loss of a padded batch, as one module for DistributedDataParallel."""

    def __init__(self, model: Transformer, *, label_smoothing: float) -> None:
        super().__init__()
        self.model = model
        self.label_smoothing = label_smoothing

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """Teacher forcing: consume target[t], expect target[t + 1]; padding costs nothing."""
        expected = target[:, 1:]
        real = expected != self.model.config.pad_id
        state = self.model.start(self.model.encode(source))
        stream = self.model.decode(target[:, :-1], state).stream
        logits = self.model.logits(stream[real])  # only real positions are projected: N V
        return smoothed_cross_entropy(logits, expected[real], label_smoothing=self.label_smoothing)


class Trainer:
    """Runs the optimiser over a corpus; owns nothing that outlives the run but its folder."""

    def __init__(
        self,
        *,
        model: Transformer,
        corpus: TokenisedCorpus,
        validation: Mapping[str, TokenisedCorpus],
        config: TrainConfig,
        run: RunFolder,
        group: Workers = ALONE,
        score: Score | None = None,
    ) -> None:
        self.model = model
        self.corpus = corpus
        self.validation = validation
        self.config = config
        self.run = run
        self.group = group
        self.score = score
        self.device = next(model.parameters()).device
        self.dtype = choose_dtype(config.precision, self.device)
        if self.dtype == torch.float64:
            model.double()
        self.optimizer = torch.optim.Adam(
            model.parameters(),
            lr=0.0,
            betas=(config.beta1, config.beta2),
            eps=config.adam_epsilon,
            fused=self.device.type in ("cpu", "cuda"),
        )
        self.objective: nn.Module = Objective(model, label_smoothing=config.label_smoothing)
        if config.compile == "on" or (config.compile == "auto" and self.device.type == "cuda"):
            self.objective = torch.compile(self.objective, dynamic=True)  # type: ignore[assignment]
        if group.world_size > 1:
            ids = [group.local_rank] if self.device.type == "cuda" else None
            self.objective = DistributedDataParallel(self.objective, device_ids=ids)

    def train(self) -> Progress:
        """Train to the last step (or until patience ends), resuming what the run folder holds.

        Raises:
            DivergedError: if loss or gradient is not finite; the last good state stays.
        """
        progress = self.run.resume(self.model, self.optimizer) or Progress()
        last_save_s = time.monotonic()
        with tqdm(
            total=self.config.n_steps,
            initial=progress.step,
            unit="step",
            disable=not self.group.is_first,
            mininterval=1.0,
        ) as bar:
            for batch, epoch, number in self._batches(progress):
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

    def step(self, batch: Indices, step: int) -> StepReport:
        """One optimiser step (number `step`, from 1) on one global batch.

        The batch is cut for all workers alike, and each part's summed loss is divided by the token
        count of the whole, so that neither accumulation nor the number of workers changes the step, but
        for dropout, whose random numbers are each part's own.
        """
        self.objective.train()
        n_target = int(self.corpus.target_lengths[batch].sum())
        n_source = int(self.corpus.source_lengths[batch].sum())
        parts = microbatches(
            self.corpus,
            batch,
            tokens_per_microbatch=self.config.tokens_per_microbatch,
            n_shards=self.group.world_size,
        )[self.group.rank :: self.group.world_size]
        loss_nats = 0.0
        for number, part in enumerate(parts):
            _seed(self.config.seed, step, self.group.rank, number)
            is_last = number == len(parts) - 1
            with self._accumulating(is_last):
                loss = self._loss(part) / n_target
                # DistributedDataParallel averages gradients over workers; ours are to be summed
                (loss * self.group.world_size).backward()  # type: ignore[no-untyped-call]
            loss_nats += loss.item()
        loss_nats = self.group.sum(loss_nats)[0]
        norm = float(
            nn.utils.clip_grad_norm_(self.model.parameters(), self.config.max_gradient_norm)
        )
        rate = learning_rate(
            step,
            d_model=self.model.config.d_model,
            n_warmup_steps=self.config.n_warmup_steps,
            scale=self.config.rate_scale,
        )
        if not (math.isfinite(loss_nats) and math.isfinite(norm)):
            raise DivergedError(
                f"step {step}: loss {loss_nats}, gradient norm {norm} at rate {rate:.3g}. What was "
                f"saved before stays in {self.run.folder}; begin another --run-folder with a smaller "
                "--rate-scale or a longer --n-warmup-steps"
            )
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return StepReport(loss_nats, norm, rate, n_source + n_target)

    def _loss(self, part: Indices) -> Tensor:
        padded = collate(self.corpus, part).to(self.device)
        autocast = self.dtype == torch.bfloat16
        with torch.autocast(self.device.type, torch.bfloat16, enabled=autocast):
            return self.objective(padded.source, padded.target)  # type: ignore[no-any-return]

    def _accumulating(self, is_last: bool) -> contextlib.AbstractContextManager[Any]:
        """Workers exchange gradients once a step, with the last part."""
        if is_last or not isinstance(self.objective, DistributedDataParallel):
            return contextlib.nullcontext()
        return self.objective.no_sync()

    def _batches(self, progress: Progress) -> Iterator[tuple[Indices, int, int]]:
        """Batches from where the run stands, each with the epoch and batch that follow it."""
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
        """Whatever is due: a line of history, a snapshot, a validation."""
        if progress.step % REPORT_EVERY == 0:
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
            progress = self._validate(progress)
        return progress

    def _is_finished(self, progress: Progress) -> bool:
        patience = self.config.patience
        impatient = bool(patience) and progress.validations_since_best >= patience
        return impatient or progress.step >= self.config.n_steps

    def _is_due(self, progress: Progress, every: int) -> bool:
        return progress.step % every == 0 or progress.step == self.config.n_steps

    def _validate(self, progress: Progress) -> Progress:
        """Measure on the validation texts, report, and keep the weights if they are the best yet."""
        self.objective.eval()
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
            self.run.save(progress, self.model, self.optimizer)


def _seed(*numbers: int) -> None:
    """Every forward pass has random numbers of its own, a function of where it stands in the run."""
    state = np.random.SeedSequence(numbers).generate_state(1, np.uint64)
    torch.manual_seed(int(state[0]))
