"""`import`: a model of another toolkit as a checkpoint of this project."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.system.files import prepare_folder, require_replaceable


@dataclass(frozen=True, kw_only=True)
class Import:
    """Write a Hugging Face Marian model, such as one of OPUS-MT, as a checkpoint of this project.

    You can also open the folder directly. What commands measure is stored with the checkpoint.
    """

    marian: Path
    """The folder: config.json, weights, source.spm, target.spm, vocab.json; or the model's name on
    Hugging Face, such as Helsinki-NLP/opus-mt-en-de."""
    output: Path
    """The checkpoint folder to write."""
    languages: tuple[str, str] | None = None
    """Names of source and target language, such as English German; else as the folder says."""
    about: Path | None = None
    """A Markdown file for the card: where the model comes from, its data, its license."""
    half: bool = False
    """Store the weights as float16."""

    def execute(self, arguments: Sequence[str]) -> None:
        import dataclasses

        from core.checkpoint.bundled import resolve
        from core.checkpoint.card import new_card
        from core.checkpoint.folder import load_checkpoint, save_checkpoint
        from core.checkpoint.required import CONFIG, is_marian_folder

        prepare_folder(self.output)
        require_replaceable(
            self.output,
            lambda folder: (folder / CONFIG).is_file() and not is_marian_folder(folder),
            "checkpoint of this project",
        )
        folder = resolve(self.marian)
        about = self.about.read_text("utf-8") if self.about else self._origin(folder)
        if not folder.is_dir():
            raise ValueError(f"{self.marian} is not a folder, and no model's name on Hugging Face")
        if not is_marian_folder(folder):
            raise ValueError(
                f"{self.marian} is no Marian model: its config.json must say model_type marian"
            )
        found = load_checkpoint(folder)
        card = new_card(self.output.name, found.config, None, about)
        metrics = {"languages": list(self.languages)} if self.languages else found.metrics
        save_checkpoint(
            dataclasses.replace(found, metrics=metrics, card=card), self.output, half=self.half
        )
        print(f"{self.output}: {found.config.n_parameters:,} parameters")

    def _origin(self, folder: Path) -> str:
        """What the folder's own card says; else that it says nothing."""
        from core.checkpoint.hub import name_of
        from core.checkpoint.marian import marian_card

        origin = f"Imported from the Hugging Face Marian model {name_of(folder)}."
        card = marian_card(folder)
        return f"{origin} Its card:\n\n{card}" if card else f"{origin} Its folder has no card."
