"""Where the bundled checkpoints are: in the project's sources, or in the installed package."""

from pathlib import Path

SOURCES = Path(__file__).resolve().parents[2] / "checkpoints"
INSTALLED = Path(__file__).resolve().parents[1] / "bundled"
FIRST = "en-de"
"""The checkpoint that the app opens first."""


def bundled_root() -> Path:
    """The folder of the bundled checkpoints; an installed package holds only `FIRST`."""
    return SOURCES if (SOURCES / FIRST).is_dir() else INSTALLED


def resolve(folder: Path | str) -> Path:
    """The folder at this path; if there is none, the bundled checkpoint of that name (`en-de`)."""
    folder = Path(folder)
    bundled = bundled_root() / folder
    is_name = not folder.is_absolute() and ".." not in folder.parts and not folder.exists()
    return bundled if is_name and bundled.is_dir() else folder
