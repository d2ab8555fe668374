"""Finish a run: average its weights, and write the checkpoint folder with how it was trained."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from core.checkpoint.card import new_card, with_results
from core.checkpoint.required import problem_of
from core.checkpoint.side_files import read_history
from core.config import ModelConfig, TrainConfig
from core.system.files import write_json
from core.text.parallel import read_lines
from core.training.run_settings import settings_of_run
from core.training.texts import Texts, trained_on, vocabulary

if TYPE_CHECKING:
    from torch import Tensor

    from core.training.run_folder import RunFolder

FACTS = "facts.json"


def write_facts(
    run: "RunFolder",
    texts: Texts,
    *,
    languages: tuple[str, str] | None,
    device: str,
    command: str,
) -> None:
    """Write facts about the training into the run folder, for the checkpoint's card."""
    from core.system.device import hardware
    from core.system.files import write_whole

    facts = {
        "languages": languages,
        "command": command,
        "hardware": hardware(device),
        "n_training_pairs": len(texts.corpus),
        "n_pairs_left_out": texts.corpus.n_left_out,
        "pieces_not_in_training": texts.unseen_pieces(),
        "examples": texts.examples(),
    }
    write_whole(run.folder / FACTS, write_json(facts))


def read_about(file: Path | None) -> str:
    """The author's text for the model card; empty without a file.

    Raises:
        DataError: if the file is missing or is not UTF-8.
    """
    return "\n".join(read_lines(file)) if file else ""


def averaged_snapshots(run: "RunFolder", n_snapshots: int) -> dict[str, "Tensor"]:
    """The mean of the newest snapshots (section 6.1)."""
    from core.checkpoint.weights import average_weights

    return average_weights(run.step_snapshots()[-n_snapshots:])


def is_written(output: Path, weights: Mapping[str, "Tensor"], *, half: bool) -> bool:
    """Whether the folder already is a complete checkpoint of exactly these weights."""
    from core.checkpoint.required import WEIGHTS
    from core.checkpoint.weights import holds_weights

    return not problem_of(output) and holds_weights(output / WEIGHTS, weights, half=half)


def write_checkpoint(
    run: "RunFolder",
    output: Path,
    weights: Mapping[str, "Tensor"],
    *,
    half: bool,
    about: str = "",
) -> None:
    """Write a checkpoint folder from weights of a run, with history, timeline and a first card."""
    from core.checkpoint.folder import Checkpoint, model_with, save_checkpoint

    trained = settings_of_run(run)
    config = ModelConfig.from_json(trained["model"])
    settings = TrainConfig.from_json(trained["training"])
    metrics = json.loads((run.folder / FACTS).read_text("utf-8"))
    n, n_left_out = metrics["n_training_pairs"], metrics["n_pairs_left_out"]
    pairs = f"{trained_on(n, n_left_out, settings.max_pieces)}."
    checkpoint = Checkpoint(
        model=model_with(config, weights),
        vocabulary=vocabulary(run),
        training=settings,
        metrics=metrics,
        history=tuple(read_history(run.history_file)),
        card=with_results(new_card(output.name, config, settings, about, pairs=pairs), metrics),
    )
    save_checkpoint(checkpoint, output, half=half, timeline=run.kept_snapshots())
