"""A Marian model by its name on Hugging Face, such as `Helsinki-NLP/opus-mt-en-de`.

Fetched once, with a progress bar, into Hugging Face's own cache; from then on no network is needed.
The package huggingface_hub is an extra: requirements-hub.txt.
"""

import re
from importlib.util import find_spec
from pathlib import Path

from core.checkpoint.marian import MARIAN_FILES, PYTORCH_WEIGHTS, WEIGHTS, is_marian
from core.checkpoint.required import CONFIG, CheckpointError, problem_of
from core.system.json_files import read_json

FILES = (*MARIAN_FILES, WEIGHTS, CONFIG)
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
CACHED = re.compile(r"models--(?P<owner>.+?)--(?P<name>.+)")
"""The folder of a model in Hugging Face's cache; its files lie in snapshots/COMMIT below it."""


def is_hub_name(folder: Path | str) -> bool:
    """Whether a path that leads nowhere can be a model's name: OWNER/NAME, where OWNER is no folder here."""
    path = Path(folder)
    return bool(_NAME.fullmatch(path.as_posix())) and not path.parent.exists()


def name_of(folder: Path) -> str:
    """What to call a folder: its name, or the model's if it is in Hugging Face's cache."""
    folder = folder.absolute()
    found = CACHED.fullmatch(folder.parent.parent.name)
    return found["name"] if found and folder.parent.name == "snapshots" else folder.name


def fetch(name: str) -> Path:
    """The folder of the model of this name, fetched if it is not in the cache yet.

    Raises:
        CheckpointError: if huggingface_hub is not installed, there is no such model or no network,
            or the model is no Marian model.
    """
    if find_spec("huggingface_hub") is None:
        raise CheckpointError(
            f"{name} is not a folder; to fetch the model of that name from Hugging Face, install "
            "huggingface_hub: python -m pip install -r requirements-hub.txt"
        )
    return _cached(name) or _fetched(name)


def _cached(name: str) -> Path | None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(name, allow_patterns=[*FILES], local_files_only=True))
    except LocalEntryNotFoundError:
        return None
    return folder if problem_of(folder) is None else None


def _fetched(name: str) -> Path:
    from httpx2 import HTTPError
    from huggingface_hub import HfApi, hf_hub_download, snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError, RepositoryNotFoundError

    try:
        there = {file.rfilename for file in HfApi().model_info(name, timeout=10).siblings or ()}
        if CONFIG not in there or not is_marian(read_json(Path(hf_hub_download(name, CONFIG)))):
            raise CheckpointError(
                f"{name} on Hugging Face is no Marian model; models of OPUS-MT are, such as "
                "Helsinki-NLP/opus-mt-en-de"
            )
        unused = [PYTORCH_WEIGHTS] if WEIGHTS in there else []
        return Path(snapshot_download(name, allow_patterns=[*FILES], ignore_patterns=unused))
    except RepositoryNotFoundError:
        raise CheckpointError(
            f"{name} is not a folder, and Hugging Face has no model of that name; look for one at "
            "https://huggingface.co/models?other=marian"
        ) from None
    except (HTTPError, LocalEntryNotFoundError, OSError) as error:
        raise CheckpointError(
            f"{name} is not a folder, and Hugging Face cannot be reached to fetch the model of that "
            f"name ({type(error).__name__}); check the network, or name a folder"
        ) from None
