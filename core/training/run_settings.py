"""The settings and texts recorded in a run folder; a resumed run must agree with them.

RUN/config.json   {"model": ModelConfig, "training": TrainConfig, "texts": name -> hash of the content}
"""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from core.config import ModelConfig, TrainConfig
from core.system.files import write_json

if TYPE_CHECKING:
    import torch

    from core.training.run_folder import RunFolder

FREE_TO_CHANGE = {
    "n_steps", "n_cooldown_steps", "validate_every", "n_validation_translations", "patience", "save_every_s",
    "snapshot_every", "n_snapshots", "keep_steps",
}  # fmt: skip
"""Settings a resumed run may change: they decide how long, how often and how it ends, not what is learnt."""


TEXTS = {
    "training": "the text of --source and --target",
    "validation": "the text of --validation-source and --validation-target",
    "vocabulary": "the vocabulary in sentencepiece.model",
    "start": "the model of --start-from",
}
"""What a run reads: its name in config.json -> its name in an error message."""


def settings_of_run(run: "RunFolder") -> dict[str, Any]:
    """The settings recorded in a run folder; empty before the first start."""
    file = run.folder / "config.json"
    return json.loads(file.read_text("utf-8")) if file.is_file() else {}


def with_precision(run: "RunFolder", settings: TrainConfig, device: "torch.device") -> TrainConfig:
    """`auto` is decided once, by the first worker at the first start, and kept for the whole run."""
    from core.system.device import choose_dtype

    if settings.precision != "auto":
        return settings
    earlier = settings_of_run(run).get("training", {}).get("precision")
    chosen = str(choose_dtype("auto", device)).removeprefix("torch.")
    return settings.replace(precision=earlier or chosen)


def agree_with_earlier(
    run: "RunFolder", config: ModelConfig, settings: TrainConfig, texts: Mapping[str, str]
) -> None:
    """Record settings and texts in the run folder, or raise if it holds other ones.

    A run folder of an older version records no texts; it is resumed with the texts given.

    Raises:
        ValueError: if the folder holds a run of another model, other settings or other texts, or
            one that has already come further than `n_steps`.
    """
    from core.system.files import write_whole

    wanted = {"model": config.to_json(), "training": settings.to_json()}
    earlier = settings_of_run(run)
    if earlier:
        different = [
            *_other_texts(earlier.get("texts", texts), texts),
            *(
                f"{name} was {earlier[part].get(name)!r}, is {value!r}"
                for part, values in wanted.items()
                for name, value in values.items()
                if earlier[part].get(name) != value and name not in FREE_TO_CHANGE
            ),
        ]
        if different:
            raise ValueError(
                f"{run.folder} holds a run with other settings ({'; '.join(different)}); "
                "repeat its command to go on with it, or name another --run-folder"
            )
    if settings.n_steps < run.saved_step():
        raise ValueError(
            f"n_steps={settings.n_steps}, but the run in {run.folder} is already at step "
            f"{run.saved_step()}; give at least so many --n-steps, or name another --run-folder"
        )
    write_whole(run.folder / "config.json", write_json({**wanted, "texts": dict(texts)}))


def _other_texts(earlier: Mapping[str, str], texts: Mapping[str, str]) -> list[str]:
    return [f"{TEXTS[key]} is another" for key in TEXTS if earlier.get(key, "") != texts[key]]
