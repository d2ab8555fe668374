"""Train every variant of Table 3, several at a time, and write the table."""

import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from core.config import ModelConfig, TrainConfig
from core.experiments.table3.family import Family
from core.experiments.table3.rows import TRAIN, VARIANTS, Variant
from core.experiments.table3.table import TABLE, TEXTS
from core.experiments.table3.train_row import train_row
from core.system.executor import WorkExecutor
from core.system.files import file_lock, write_json
from core.system.shared_folder import require_shared
from core.training.training_queue import Futures, QueuedTraining, run_queue, running_and_waiting


def require_texts(family: Family) -> None:
    for name in (TRAIN, *TEXTS):
        for file in family.text(name):
            if not file.is_file():
                raise ValueError(
                    f"{file}: no such file; --data names the folder of {TRAIN}, {' and '.join(TEXTS)}, "
                    "each as .en and .de"
                )


def require_same_settings(family: Family) -> None:
    """Check that variants begun or finished have the settings that are asked for now.

    Raises:
        ValueError: if settings differ, or a width or depth does not fit a variant; the message
            names them. How often the state is saved may differ, and precision `auto` agrees with
            any.
    """
    for row in VARIANTS.values():
        model = row.model(
            vocabulary_size=family.vocabulary_size, width=family.width, depth=family.depth
        )
        wanted = model.to_json() | row.settings(family.training).to_json()
        for folder in (family.work / row.name, family.output / row.name):
            was = _settings_of(folder)
            different = [
                f"{name} was {was[name]!r}, is {value!r}"
                for name, value in wanted.items()
                if was
                and was[name] != value
                and name != "save_every_s"
                and (name, value) != ("precision", "auto")
            ]
            if different:
                raise ValueError(
                    f"{folder} is a training with other settings ({'; '.join(different)}); rows "
                    "are comparable only if trained alike: repeat its command, or name another "
                    "--output"
                )


def _settings_of(folder: Path) -> dict[str, Any]:
    """Model and training settings by name; empty if nothing was begun in the folder."""
    file = folder / "config.json"
    if not file.is_file():
        return {}
    values = json.loads(file.read_text("utf-8"))
    model, training = values["model"], values["training"]
    return ModelConfig.from_json(model).to_json() | TrainConfig.from_json(training).to_json()


def learn_vocabulary(family: Family) -> None:
    """Put the shared vocabulary into the work folder: a finished variant's, else learnt once."""
    from core.checkpoint.required import VOCABULARY
    from core.system.files import writing_file
    from core.text.parallel import ParallelFiles
    from core.text.vocabulary import JointVocabulary

    with file_lock(family.work):
        if family.vocabulary.is_file():
            return
        finished = sorted(family.output.glob(f"*/{VOCABULARY}"))
        if finished:
            model = finished[0].read_bytes()
        else:
            source, target = family.text(TRAIN)
            lines = ParallelFiles((source,), (target,)).lines()
            n_threads = os.cpu_count() or 1
            model = JointVocabulary.learn(lines, family.vocabulary_size, n_threads=n_threads).model
        with writing_file(family.vocabulary) as partial:
            partial.write_bytes(model)


def train_rows(family: Family, rows: Sequence[Variant], executor: WorkExecutor) -> None:
    """Train every variant that is not finished, and write the table as variants finish.

    Args:
        executor: runs one task per variant; a task resumes an interrupted training.

    Raises:
        ValueError: if variants did not finish, or a worker does not see the folders and texts.
    """
    texts = [file for name in (TRAIN, *TEXTS) for file in family.text(name)]
    require_shared(executor, family.work, [*texts, family.vocabulary])
    require_shared(executor, family.output)
    trainings = {row.name: _queued(family, row) for row in rows if not family.is_done(row)}
    run_queue(
        trainings,
        executor,
        what="variant(s)",
        show=lambda futures: show_progress(family, executor, rows, futures),
    )


def _queued(family: Family, row: Variant) -> QueuedTraining:
    """Workers may have another current folder; the card repeats the command as it was given."""
    there = family.absolute()
    return QueuedTraining(_log(there, row), _train_row, (there, row.name, family.command(row)))


def _train_row(family: Family, name: str, command: str) -> None:
    train_row(family, VARIANTS[name], command)


def _log(family: Family, row: Variant) -> Path:
    return family.work / row.name / "log.txt"


def write_table(family: Family) -> None:
    from core.experiments.table3.collect import collect
    from core.system.files import write_whole

    family.output.mkdir(parents=True, exist_ok=True)
    write_whole(
        family.output / TABLE, write_json(collect(family.untrained(), family.output).to_json())
    )


def show_progress(
    family: Family, executor: WorkExecutor, rows: Sequence[Variant], futures: Futures
) -> None:
    """Print which variants are finished, running and waiting, and the estimated time left."""
    write_table(family)
    places = {row.name: _place(family, row) for row in rows}
    done = [row.name for row in rows if family.is_done(row)]
    running, waiting = running_and_waiting(futures, executor)
    parts = [
        f"{len(done)} of {len(rows)} rows done",
        f"{len(running)} running",
        f"{len(waiting)} waiting",
        _time_left(family, executor.n_workers, rows, places),
    ]
    print(f"{time.strftime('%H:%M')}  {', '.join(part for part in parts if part)}")
    for name in running:
        n_steps = VARIANTS[name].settings(family.training).n_steps
        step = places[name][0]
        doing = f"step {step:,} of {n_steps:,}" if step < n_steps else "being measured"
        print(f"       {name:11} {doing}")
    for name, future in futures.items():
        if future.done() and future.exception():
            print(f"       {name:11} FAILED, see {_log(family, VARIANTS[name])}")
    sys.stdout.flush()


def _place(family: Family, row: Variant) -> tuple[int, float]:
    """The last step that a row has reported, and the seconds it took until there."""
    for folder in (family.output / row.name, family.work / row.name):
        file = folder / "history.jsonl"
        lines = file.read_bytes().splitlines(keepends=True) if file.is_file() else []
        for line in reversed(lines):
            if line.endswith(b"\n"):
                last = json.loads(line)
                return last["step"], last["elapsed_s"]
    return 0, 0.0


def _time_left(
    family: Family, n_at_once: int, rows: Sequence[Variant], places: Mapping[str, tuple[int, float]]
) -> str:
    """Seconds a step and parameter, as measured so far, for all steps that are to come."""
    parameters = {row.name: row.sizes.parameters for row in family.untrained().rows}
    made, elapsed_s, left = 0, 0.0, 0
    for row in rows:
        step, seconds = places[row.name]
        made += step * parameters[row.name]
        elapsed_s += seconds
        n_steps = row.settings(family.training).n_steps
        left += max(0, n_steps - step) * parameters[row.name]
    if not made or not left:
        return ""
    minutes = round(left / made * elapsed_s / n_at_once / 60)
    return f"about {minutes // 60} h {minutes % 60:02} min of training left"
