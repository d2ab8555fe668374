"""What comes out of a run: how it was made, its averaged weights, and the checkpoint of both."""

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from core.card import new_card, with_results
from core.cli.agreement import agreed
from core.cli.texts import Texts, vocabulary
from core.config import ModelConfig, TrainConfig, write_json
from core.manifest import problem_of, read_history

if TYPE_CHECKING:
    from torch import Tensor

    from core.runs import RunFolder

FACTS = "facts.json"


def write_facts(
    run: "RunFolder",
    texts: Texts,
    *,
    languages: tuple[str, str] | None,
    device: str,
    arguments: Sequence[str],
) -> None:
    """What a checkpoint of this run will say of its making."""
    from core.atomic import write_whole
    from core.device import hardware

    facts = {
        "languages": languages,
        "command": shlex.join(["python", "-m", "core", "train", *arguments]),
        "hardware": hardware(device),
        "n_training_pairs": len(texts.corpus),
        "n_pairs_left_out": texts.corpus.n_left_out,
        "pieces_not_in_training": texts.unseen_pieces(),
    }
    write_whole(run.folder / FACTS, write_json(facts))


def averaged_snapshots(run: "RunFolder", n_snapshots: int) -> dict[str, "Tensor"]:
    """The mean of the newest snapshots (section 6.1)."""
    from core.weights import average_weights

    return average_weights(run.step_snapshots()[-n_snapshots:])


def is_written(output: Path, weights: Mapping[str, "Tensor"], *, half: bool) -> bool:
    """Whether a whole checkpoint with exactly these weights is there, and what was measured of it."""
    from core.checkpoint import WEIGHTS
    from core.weights import holds_weights

    return not problem_of(output) and holds_weights(output / WEIGHTS, weights, half=half)


def write_checkpoint(
    run: "RunFolder",
    output: Path,
    weights: Mapping[str, "Tensor"],
    *,
    half: bool,
    about: Path | None,
) -> None:
    """Turn weights of a run into a checkpoint folder, with its history, timeline and a first card."""
    from core.checkpoint import Checkpoint, model_with, save_checkpoint

    trained = agreed(run)
    config = ModelConfig.from_json(trained["model"])
    settings = TrainConfig.from_json(trained["training"])
    metrics = json.loads((run.folder / FACTS).read_text("utf-8"))
    text = about.read_text("utf-8") if about else ""
    checkpoint = Checkpoint(
        model=model_with(config, weights),
        tokenizer=vocabulary(run),
        training=settings,
        metrics=metrics,
        history=tuple(read_history(run.history_file)),
        card=with_results(new_card(output.name, config, settings, text), metrics),
    )
    save_checkpoint(checkpoint, output, half=half, timeline=run.kept_snapshots())
