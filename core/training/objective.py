"""Training objectives: the loss that a training minimises, behind one small interface."""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from torch import Tensor, nn

from core.model import Transformer
from core.model.shapes import SourceIds, TargetIds
from core.text.tokenised import Indices, TokenisedCorpus
from core.training.loss import smoothed_cross_entropy


class Objective(nn.Module, ABC):
    """The loss of a batch, cut into parts that fit the memory and are shared out to workers.

    The loop adds up `forward` over all parts of a batch, on all workers, and divides the sum by
    `n_terms`: so neither accumulation nor the number of workers changes a step.
    """

    def __init__(self, model: Transformer) -> None:
        super().__init__()
        self.model = model

    @property
    def trained(self) -> nn.Module:
        """What the optimiser changes and a run saves: the model, unless there is more."""
        return self.model

    def parameter_groups(self) -> list[dict[str, Any]]:
        """The parameters of `trained`, in its order; `rate_factor` multiplies a group's rate."""
        return [{"params": list(self.trained.parameters())}]

    @abstractmethod
    def n_terms(self, corpus: TokenisedCorpus, batch: Indices) -> int:
        """The divisor of the summed loss of a whole batch, such as its number of tokens."""

    def take_measures(self) -> dict[str, float]:
        """Sums over the rows seen since the last call, such as rewards, by name; for the history."""
        return {}

    def after_step(self, measures: dict[str, float]) -> None:
        """Told after each step what `take_measures` summed, of all workers, over `n_terms`."""

    def state(self) -> dict[str, float]:
        """What `after_step` has changed; saved with the run."""
        return {}

    def restore(self, state: dict[str, float]) -> None:
        """Go on from a `state` that was saved."""

    @abstractmethod
    def forward(self, source: SourceIds, target: TargetIds) -> Tensor:
        """The summed loss of one part.

        Args:
            source: with the end token, padded.
            target: from the start token to the end token, padded.
        """


class TeacherForcing(Objective):
    """Label-smoothed cross-entropy of the next token, given the reference before it (section 5.4)."""

    def __init__(self, model: Transformer, *, label_smoothing: float) -> None:
        super().__init__(model)
        self.label_smoothing = label_smoothing

    def n_terms(self, corpus: TokenisedCorpus, batch: Indices) -> int:
        """Target tokens, the end token of each pair among them."""
        return int(np.sum(corpus.target_lengths[batch]))

    def forward(self, source: SourceIds, target: TargetIds) -> Tensor:
        """The decoder consumes target[t] and is to produce target[t + 1]; padding costs nothing."""
        expected = target[:, 1:]
        real = expected != self.model.config.pad_id
        state = self.model.start(self.model.encode(source))
        stream = self.model.decode(target[:, :-1], state).stream
        logits = self.model.logits(stream[real])  # only real positions are projected: N V
        return smoothed_cross_entropy(logits, expected[real], label_smoothing=self.label_smoothing)
