"""An experiment as `score train` leaves it, on models with random weights, and its bundle."""

import dataclasses
import json
from pathlib import Path

from core.checkpoint.folder import Checkpoint, save_checkpoint
from core.training.score.bundle import Bundle
from core.training.score.record import CONTROLS, Attempted
from core.training.score.results import Example
from tests.core.training.score.two_attempts import drafting_model, vocabulary

REFERENCES = ("Der alte Mann liest.", "Die Frau singt ein Lied.", "Zwei Hunde laufen.")
BASE = Attempted(
    REFERENCES,
    ("Der Mann liest.", REFERENCES[1], "Hunde"),
    (REFERENCES[0], "Frau", "Hunde"),
    dict.fromkeys(CONTROLS, REFERENCES),
)
"""The first problem is corrected, the second spoilt, the third wrong twice."""
SCORE = dataclasses.replace(BASE, second=REFERENCES)
WRONG_CREDIT = dataclasses.replace(BASE, first=("", "", ""), second=REFERENCES)
RUNS = {"base-1": BASE, "score-2": BASE, "score-1": SCORE, "wrong_credit-1": WRONG_CREDIT}
EXAMPLES = (
    Example("The old man sees a red house.", "Der alte Mann sieht ein rotes Haus."),
    Example("The young woman reads.", "Die junge Frau liest."),
)


def write_experiment(folder: Path) -> None:
    """Base and two methods, one of them with two seeds."""
    for run, made in RUNS.items():
        made.save(folder / run / "attempts" / "test.json")
    for seed, run in enumerate(("base", "score-1", "score-2", "wrong_credit-1"), start=1):
        model = drafting_model(seed, max_positions=256).float()
        save_checkpoint(Checkpoint(model, vocabulary()), folder / run / "checkpoint")
    for stage, steps in ((1, (10, 20)), (2, (10,))):
        history = folder / "score-1" / f"stage-{stage}" / "history.jsonl"
        history.parent.mkdir()
        reports = [
            {"kind": "training", "step": step, "reward_1": step / 100, "reward_2": 0.5, "kl_1": 0.5}
            for step in steps
        ]
        history.write_text("".join(json.dumps(report) + "\n" for report in reports))


def write_bundle(folder: Path, experiment: Path) -> None:
    """Base, SCoRe and the wrong credit, as a translation task."""
    Bundle(
        experiment=experiment,
        task="translation",
        reward="chrf",
        is_right=0.7,
        models=["base", "score", "wrong_credit"],
        examples=EXAMPLES,
        languages=("English", "German"),
        about="Known failures: all.",
    ).write(folder)
