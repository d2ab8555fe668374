"""What a run folder says is trained in it, and what a resumed run must agree with."""

import json
from typing import TYPE_CHECKING, Any

from core.config import ModelConfig, TrainConfig, write_json

if TYPE_CHECKING:
    import torch

    from core.runs import RunFolder

FREE_TO_CHANGE = {
    "n_steps", "validate_every", "n_validation_translations", "patience", "save_every_s",
    "snapshot_every", "n_snapshots", "keep_steps",
}  # fmt: skip
"""Settings a resumed run may change: they decide how long and how often, not what is computed."""


def agreed(run: "RunFolder") -> dict[str, Any]:
    """What a run folder says is trained in it; empty before the first start."""
    file = run.folder / "config.json"
    return json.loads(file.read_text("utf-8")) if file.is_file() else {}


def with_precision(run: "RunFolder", settings: TrainConfig, device: "torch.device") -> TrainConfig:
    """`auto` is decided once, by the first worker at the first start, and kept for the whole run."""
    from core.device import choose_dtype

    if settings.precision != "auto":
        return settings
    earlier = agreed(run).get("training", {}).get("precision")
    chosen = str(choose_dtype("auto", device)).removeprefix("torch.")
    return settings.replace(precision=earlier or chosen)


def agree_with_earlier(run: "RunFolder", config: ModelConfig, settings: TrainConfig) -> None:
    """Write what is trained into the run folder, or refuse to go on with something else.

    Raises:
        ValueError: if the folder holds a run of another model or other settings.
    """
    from core.atomic import write_whole

    wanted = {"model": config.to_json(), "training": settings.to_json()}
    earlier = agreed(run)
    if earlier:
        different = [
            f"{name} was {earlier[part].get(name)!r}, is {value!r}"
            for part, values in wanted.items()
            for name, value in values.items()
            if earlier[part].get(name) != value and name not in FREE_TO_CHANGE
        ]
        if different:
            raise ValueError(
                f"{run.folder} holds a run with other settings ({'; '.join(different)}); "
                "repeat its command to go on with it, or name another --run-folder"
            )
    write_whole(run.folder / "config.json", write_json(wanted))
