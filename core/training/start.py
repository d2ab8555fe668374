"""The trained model that a training starts from, where it does not start from nothing."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.config import ModelConfig

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class Start:
    """Shape, weights and vocabulary of a checkpoint; of its own training nothing is kept."""

    config: ModelConfig
    weights: Mapping[str, "Tensor"]
    vocabulary: Path
    weights_hash: str

    @classmethod
    def read(cls, folder: Path) -> "Start":
        """Open a checkpoint folder, or a bundled one by its name.

        Raises:
            CheckpointError: if the folder is no checkpoint, or a damaged one.
            ValueError: if source and target have a vocabulary each, as some Marian models have.
        """
        from core.checkpoint.bundled import resolve
        from core.checkpoint.folder import load_checkpoint
        from core.checkpoint.required import VOCABULARY, WEIGHTS
        from core.text.vocabulary import JointVocabulary

        folder = resolve(folder)
        checkpoint = load_checkpoint(folder)
        if not isinstance(checkpoint.vocabulary, JointVocabulary):
            raise ValueError(
                f"{folder} is a Marian model, and this command trains models of its own kind alone; "
                "name a checkpoint that `train` has written"
            )
        return cls(
            config=checkpoint.config,
            weights=checkpoint.model.state_dict(),
            vocabulary=folder / VOCABULARY,
            weights_hash=hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()[:16],
        )
