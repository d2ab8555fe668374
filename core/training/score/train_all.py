"""Train and measure methods with seeds, several at a time; each goes on where it was."""

import time
from collections.abc import Sequence
from functools import partial

from core.system.executor import WorkExecutor
from core.system.shared_folder import require_shared
from core.training.score.train import Experiment
from core.training.training_queue import Futures, QueuedTraining, run_queue, running_and_waiting

Run = tuple[str, int]
"""A method and a seed."""


def run_method(experiment: Experiment, method: str, seed: int, last_stage: int | None) -> None:
    """Train a method with a seed, and record its attempts at the tests if it is finished."""
    if experiment.train(method, seed, last_stage=last_stage) and experiment.group.is_first:
        experiment.attempts(method, seed)
    experiment.group.wait()


def run_methods(
    experiment: Experiment, runs: Sequence[Run], executor: WorkExecutor, last_stage: int | None
) -> None:
    """The same for many, a task each, after the warm-up.

    Raises:
        ValueError: if some did not finish, or a worker does not see the folder and the texts.
    """
    texts = [experiment.task.prompts, *experiment.task.tests.values()]
    files = [path for each in texts for path in (*each.sources, *each.targets)]
    require_shared(executor, experiment.folder, files)
    there = experiment.absolute()
    trainings = {
        f"{method}-{seed}": QueuedTraining(
            there.run_folder(method, seed) / "log.txt",
            run_method,
            (there, method, seed, last_stage),
        )
        for method, seed in runs
    }
    run_queue(trainings, executor, what="method(s)", show=partial(_show, executor))


def _show(executor: WorkExecutor, futures: Futures) -> None:
    running, waiting = running_and_waiting(futures, executor)
    n_done = len(futures) - len(running) - len(waiting)
    names = f" ({', '.join(running)})" if running else ""
    print(
        f"{time.strftime('%H:%M')}  {n_done} of {len(futures)} methods and seeds done, {len(running)} running"
        f"{names}, {len(waiting)} waiting",
        flush=True,
    )
