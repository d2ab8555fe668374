"""What an experiment was begun with, in its folder; a later command must agree with it.

FOLDER/settings.json   {"task", "reward", "is_right", "plan", "texts": name -> hash, "tests": name -> hash}

Nothing here imports torch.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core.system.files import write_json, write_whole
from core.system.json_files import built, read_json
from core.text.parallel import text_hash
from core.training.score.plans import Plan
from core.training.score.task import Task

SETTINGS = "settings.json"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What all methods of an experiment share."""

    task: str
    reward: str
    is_right: float
    plan: dict[str, Any]
    texts: dict[str, str]
    """Warm-up and prompts -> a hash of the text."""
    tests: dict[str, str]
    """Name of a test -> a hash of the text; later commands may add tests."""


def settings_of(task: Task, plan: Plan) -> Settings:
    """What a task and a plan say."""
    return Settings(
        task=task.name,
        reward=task.reward,
        is_right=task.is_right,
        plan=plan.to_json(),
        texts={
            "warm-up": text_hash(task.warm_up.pairs()),
            "prompts": text_hash(task.prompts.pairs()),
        },
        tests={name: text_hash(files.pairs()) for name, files in task.tests.items()},
    )


def agree(folder: Path, wanted: Settings) -> None:
    """Record the settings in the folder, or raise if it was begun with other ones.

    Raises:
        ValueError: naming what differs, and the way out.
    """
    earlier = read_settings(folder)
    if earlier:
        different = [*_others(asdict(earlier), asdict(wanted))]
        if different:
            raise ValueError(
                f"{folder} holds an experiment with other settings ({'; '.join(different)}); repeat its "
                "command to go on with it, or name another --output"
            )
    tests = {**(earlier.tests if earlier else {}), **wanted.tests}
    write_whole(folder / SETTINGS, write_json({**asdict(wanted), "tests": tests}))


def read_settings(folder: Path) -> Settings | None:
    """What the folder was begun with; None before that.

    Raises:
        ValueError: if the file cannot be read; the message names it.
    """
    file = folder / SETTINGS
    if not file.is_file():
        return None
    try:
        return built(Settings, read_json(file))  # type: ignore[no-any-return]
    except ValueError as error:
        raise ValueError(f"{file} cannot be read ({error}); name another --output") from None


def _others(earlier: Mapping[str, Any], wanted: Mapping[str, Any], name: str = "") -> list[str]:
    """Each value that is another one; texts are told by their name alone."""
    found = []
    for key, value in wanted.items():
        place, before = f"{name}{key}", earlier.get(key)
        if isinstance(value, dict) and isinstance(before, dict):
            found += _others(
                before, value, "the text " if key in ("texts", "tests") else f"{place}."
            )
        elif name == "the text ":
            found += [f"{place} has changed"] * (before is not None and before != value)
        elif before != value:
            found.append(f"{place} was {before!r}, is {value!r}")
    return found
