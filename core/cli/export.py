"""`export`: a checkpoint of this project for other toolkits."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.cli.opening import open_checkpoint
from core.system.files import prepare_folder, require_replaceable


@dataclass(frozen=True, kw_only=True)
class Export:
    """Write a checkpoint as a Hugging Face Marian model, which transformers and CTranslate2 open.

    They translate as this project does: the same logits, up to the last digits of float32. A model that
    does not fit Marian's architecture is refused, with the reason.
    """

    checkpoint: Path
    """A checkpoint folder, such as checkpoints/en-de."""
    huggingface: Path
    """The folder to write: weights, configuration, source.spm, target.spm, vocab.json, card."""
    half: bool = False
    """Store the weights as float16."""

    def execute(self, arguments: Sequence[str]) -> None:
        from core.checkpoint.bundled import resolve
        from core.checkpoint.marian_export import export_marian
        from core.checkpoint.required import is_marian_folder

        source = resolve(self.checkpoint).resolve()
        prepare_folder(self.huggingface)
        require_replaceable(
            self.huggingface,
            lambda folder: is_marian_folder(folder) and not source.is_relative_to(folder),
            "earlier export",
        )
        checkpoint = open_checkpoint(self.checkpoint)
        export_marian(checkpoint, self.huggingface, half=self.half)
        print(f"{self.huggingface}: {checkpoint.config.n_parameters:,} parameters")
