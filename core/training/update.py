"""One optimiser step, on one device or many."""

import contextlib
import dataclasses
import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from core.config import TrainConfig
from core.system.device import choose_dtype
from core.text.batches import collate, microbatches
from core.text.tokenised import Indices, TokenisedCorpus
from core.training.objective import Objective
from core.training.run_folder import StepReport
from core.training.schedule import cooldown, learning_rate
from core.training.workers import ALONE, Workers


class DivergedError(FloatingPointError):
    """The loss or the gradient is no longer a finite number."""


class Update:
    """Adam (section 5.3) on the objective of a model; the model's weights are changed in place."""

    def __init__(
        self, objective: Objective, config: TrainConfig, *, group: Workers = ALONE
    ) -> None:
        self.objective = objective
        self.config = config
        self.group = group
        self.model = objective.model
        self.device = next(self.model.parameters()).device
        self.dtype = choose_dtype(config.precision, self.device)
        if self.dtype == torch.float64:
            objective.trained.double()
        self.optimizer = torch.optim.Adam(
            objective.parameter_groups(),
            lr=0.0,
            betas=(config.beta1, config.beta2),
            eps=config.adam_epsilon,
            fused=self.device.type in ("cpu", "cuda"),
        )
        self._runs: nn.Module = objective  # compiled and shared out where asked for
        if config.compile == "on" or (config.compile == "auto" and self.device.type == "cuda"):
            self._runs = torch.compile(self._runs, dynamic=True)  # type: ignore[assignment]
        if group.world_size > 1:
            ids = [self.device] if self.device.type == "cuda" else None
            self._runs = DistributedDataParallel(self._runs, device_ids=ids)

    def step(self, corpus: TokenisedCorpus, batch: Indices, number: int) -> StepReport:
        """Take optimiser step `number` (from 1) on one batch of the corpus.

        The batch is cut for all workers alike, and each part's summed loss is divided by the terms
        of the whole, so that neither accumulation nor the number of workers changes the step, but
        for dropout, whose random numbers are each part's own.

        Raises:
            DivergedError: if loss or gradient is not finite; the weights are left as they were.
        """
        self._runs.train()
        n_terms = self.objective.n_terms(corpus, batch)
        parts = microbatches(
            corpus,
            batch,
            tokens_per_microbatch=self.config.tokens_per_microbatch,
            n_shards=self.group.world_size,
        )[self.group.rank :: self.group.world_size]
        loss_nats = 0.0
        for part_number, part in enumerate(parts):
            _seed(self.config.seed, number, self.group.rank, part_number)
            with self._accumulating(is_last=part_number == len(parts) - 1):
                loss = self.part_loss(corpus, part) / n_terms
                # DistributedDataParallel averages gradients over workers; ours are to be summed
                (loss * self.group.world_size).backward()  # type: ignore[no-untyped-call]
            loss_nats += loss.item()
        measures = self._measures(n_terms)
        report = self._take(number, self.group.sum(loss_nats)[0], _n_tokens(corpus, batch))
        self.objective.after_step(measures)
        return dataclasses.replace(report, measures=measures)

    def part_loss(self, corpus: TokenisedCorpus, part: Indices) -> Tensor:
        """The objective's summed loss of some pairs, in the precision of the training."""
        padded = collate(corpus, part).to(self.device)
        autocast = self.dtype == torch.bfloat16
        with torch.autocast(self.device.type, torch.bfloat16, enabled=autocast):
            return self._runs(padded.source, padded.target)  # type: ignore[no-any-return]

    def _measures(self, n_terms: int) -> dict[str, float]:
        """The objective's measures, summed over all workers, a term."""
        sums = self.objective.take_measures()
        names = sorted(sums)
        return {
            name: total / n_terms
            for name, total in zip(names, self.group.sum(*(sums[n] for n in names)), strict=True)
        }

    def _take(self, number: int, loss_nats: float, n_tokens: int) -> StepReport:
        """Apply the accumulated gradient to the weights."""
        norm = float(
            nn.utils.clip_grad_norm_(
                self.objective.trained.parameters(), self.config.max_gradient_norm
            )
        )
        rate = self.config.rate or learning_rate(
            number,
            d_model=self.model.config.d_model,
            n_warmup_steps=self.config.n_warmup_steps,
            scale=self.config.rate_scale,
        )
        rate *= cooldown(
            number, n_steps=self.config.n_steps, n_cooldown_steps=self.config.n_cooldown_steps
        )
        if not (math.isfinite(loss_nats) and math.isfinite(norm)):
            raise DivergedError(
                f"step {number}: loss {loss_nats}, gradient norm {norm} at rate {rate:.3g}"
            )
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group.get("rate_factor", 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return StepReport(loss_nats, norm, rate, n_tokens)

    def _accumulating(self, *, is_last: bool) -> contextlib.AbstractContextManager[Any]:
        """Workers exchange gradients once a step, with the last part."""
        if is_last or not isinstance(self._runs, DistributedDataParallel):
            return contextlib.nullcontext()
        return self._runs.no_sync()


def _n_tokens(corpus: TokenisedCorpus, batch: Indices) -> int:
    """Source and target tokens, padding not counted."""
    return int(corpus.source_lengths[batch].sum() + corpus.target_lengths[batch].sum())


def _seed(*numbers: int) -> None:
    """Every forward pass has random numbers of its own, a function of where it stands in the run."""
    state = np.random.SeedSequence(numbers).generate_state(1, np.uint64)
    torch.manual_seed(int(state[0]))
