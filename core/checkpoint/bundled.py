"""Where checkpoints are: bundled ones in the project's sources, or in the installed package."""

from pathlib import Path

from core.checkpoint.hub import fetch, is_hub_name

SOURCES = Path(__file__).resolve().parents[2] / "checkpoints"
INSTALLED = Path(__file__).resolve().parents[1] / "bundled"
FIRST = "en-de"
"""The checkpoint that the app opens first."""


def bundled_root() -> Path:
    """The folder of the bundled checkpoints; an installed package holds only `FIRST`."""
    return SOURCES if (SOURCES / FIRST).is_dir() else INSTALLED


def resolve(folder: Path | str) -> Path:
    """The folder at this path; if there is none, the bundled checkpoint of that name (`en-de`), or
    the model of that name on Hugging Face (`Helsinki-NLP/opus-mt-en-de`).

    Raises:
        CheckpointError: if it is the name of a model that cannot be fetched.
    """
    folder = Path(folder)
    bundled = bundled_root() / folder
    is_name = not folder.is_absolute() and ".." not in folder.parts and not folder.exists()
    if is_name and bundled.is_dir():
        return bundled
    return fetch(folder.as_posix()) if is_name and is_hub_name(folder) else folder
