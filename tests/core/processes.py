"""Trainings in processes of their own: several that share one model, and one that gets killed.

The processes fork from a server that has imported torch once, so each starts at once.
"""

import contextlib
import itertools
import json
import multiprocessing
import multiprocessing.forkserver
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import torch

from core.config import TrainConfig
from core.model import build
from core.system import files
from core.text.tokenised import TokenisedCorpus
from core.training import run_folder, trainer
from core.training.objective import TeacherForcing
from core.training.run_folder import RunFolder
from core.training.trainer import Trainer
from core.training.update import Update
from core.training.workers import Workers, workers
from tests.core.helpers import ENVIRONMENT, corpus_of, random_corpus, small_config

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload([__name__, "torch._dynamo"])


def new_process(target: Any, *arguments: Any) -> Any:
    """A process, not yet started; the first one starts the server."""
    with mock.patch.dict(os.environ, ENVIRONMENT):  # it finds what it loads on this path
        multiprocessing.forkserver.ensure_running()
    return CONTEXT.Process(target=target, args=arguments, daemon=True)


def small_trainer(
    folder: Path,
    corpus: TokenisedCorpus,
    *,
    group: Workers | None = None,
    validation: dict[str, TokenisedCorpus] | None = None,
    score: Any = None,
    p_dropout: float = 0.0,
    shape: dict[str, int] | None = None,
    **settings: Any,
) -> Trainer:
    """A trainer of the small model; unless told otherwise in float64 and saving only at the end."""
    defaults = {
        "tokens_per_update": 60, "tokens_per_microbatch": 60, "n_steps": 5, "n_warmup_steps": 3,
        "validate_every": 1_000, "snapshot_every": 1_000, "precision": "float64",
    }  # fmt: skip
    torch.manual_seed(1)
    run = RunFolder(folder)
    run.create()
    config = TrainConfig(**{**defaults, **settings})
    return Trainer(
        objective=TeacherForcing(
            build(small_config(p_dropout=p_dropout, **(shape or {}))),
            label_smoothing=config.label_smoothing,
        ),
        corpus=corpus,
        validation=validation or {},
        config=config,
        run=run,
        group=group or Workers(),
        score=score,
    )


# Several processes, one model.

SHARED = {
    "one part each": {"tokens_per_update": 90, "tokens_per_microbatch": 90},
    "accumulation": {"tokens_per_update": 90, "tokens_per_microbatch": 17},
    "fewer pairs than processes": {"tokens_per_update": 10, "tokens_per_microbatch": 10},
    "label smoothing and clipping": {"label_smoothing": 0.3, "max_gradient_norm": 1e-3},
    "to the end": {"n_steps": 7, "validate_every": 2, "snapshot_every": 3},
}


def shared_training(name: str, folder: Path, group: Workers) -> dict[str, Any]:
    """Losses and final weights of a scenario; the last one is a whole run."""
    trainer = small_trainer(
        folder, random_corpus(31), group=group, validation={"held out": random_corpus(17, seed=5)},
        **SHARED[name],
    )  # fmt: skip
    if name == "to the end":
        progress = trainer.train()
        reports = [progress.best_perplexity, float(progress.tokens), float(progress.step)]
    else:
        batches = trainer.batches_from(run_folder.Progress())
        reports = []
        for step, (batch, _, _) in enumerate(itertools.islice(batches, 5), start=1):
            report = trainer.step(batch, step)
            reports += [report.loss_nats, report.gradient_norm, report.rate, float(report.n_tokens)]
    return {"reports": reports, "weights": trainer.model.state_dict()}


def with_dropout(folder: Path, group: Workers) -> list[list[float]]:
    """Losses of each part that this worker computed, of a batch in which every pair is the same."""
    pairs = [[5, 6, 7, 8, 9]] * 12
    settings = {"tokens_per_update": 144, "tokens_per_microbatch": 18}
    trainer = small_trainer(folder, corpus_of(pairs, pairs), group=group, p_dropout=0.5, **settings)
    update, losses = trainer.update, list[float]()
    part_loss = update.part_loss

    def noted(*part: Any) -> Any:
        loss = part_loss(*part)
        losses.append(loss.item())
        return loss

    update.part_loss = noted  # type: ignore[method-assign]
    found = []
    for number in (1, 2):
        losses.clear()
        trainer.step(np.arange(12), number)
        found.append(list(losses))
    return found


def own_disk(folder: Path, rank: int) -> Path:
    return folder / f"disk-{rank}"


def prepare_own_disks(folder: Path, world_size: int) -> None:
    """On the first worker's disk a run at step 3; on the others' another run, at another step."""
    for rank in range(world_size):
        seed, n_steps = (1, 3) if rank == 0 else (9, 3 + rank)
        trainer = small_trainer(
            own_disk(folder, rank), random_corpus(31), seed=seed, n_steps=n_steps
        )
        trainer.train()
        trainer.run.report({"kind": "training", "step": 5})


def resumed_training(folder: Path, group: Workers) -> dict[str, Any]:
    trainer = small_trainer(folder, random_corpus(31), group=group, n_steps=7)
    progress = trainer.train()
    return {"step": progress.step, "weights": trainer.model.state_dict()}


def _worker(rank: int, world_size: int, port: int, folder: Path) -> None:
    torch.set_num_threads(1)
    os.environ |= {
        "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(world_size),
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
    }  # fmt: skip
    with workers() as group:
        for name in SHARED:
            result = shared_training(name, folder / name, group)
            torch.save(result, folder / f"{name}-{rank}.pt")
        result = with_dropout(folder / "with dropout", group)
        torch.save(result, folder / f"with dropout-{rank}.pt")
        result = resumed_training(own_disk(folder, rank), group)
        torch.save(result, folder / f"resumed-{rank}.pt")


def train_together(world_size: int, folder: Path) -> None:
    """Run every scenario in so many processes; each leaves what it computed in the folder."""
    prepare_own_disks(folder, world_size)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = [new_process(_worker, rank, world_size, port, folder) for rank in range(world_size)]
    for process in started:
        process.start()
    for process in started:
        process.join(timeout=120)
    assert [process.exitcode for process in started] == [0] * world_size


# A training that is killed.

STEPS_BETWEEN_SAVES = 3


def interrupted_training(folder: Path, log: Path, place: str, count: int, reached: Any) -> None:
    """Train to the end, unless the place is come to for the `count`-th time: then wait for the kill.

    Each step is logged with the exact bits of its loss. The clock ticks once a look, which makes
    saves fall on every third step after the start or the resumption.
    """
    torch.set_num_threads(1)
    ticks = itertools.count()
    trainer.time = SimpleNamespace(monotonic=lambda: float(next(ticks)))
    trainer.REPORT_EVERY = 2
    with log.open("a") as file, contextlib.ExitStack() as stack:
        stack.enter_context(_waiting_at(place, count, reached))
        step = Trainer.step

        def logged(self: Trainer, batch: Any, number: int) -> Any:
            report = step(self, batch, number)
            file.write(json.dumps([number, report.loss_nats.hex()]) + "\n")
            file.flush()
            if place == "anywhere":
                reached.set()
                time.sleep(0.02)
            return report

        Trainer.step = logged
        small_trainer(
            folder, random_corpus(53), validation={"held out": random_corpus(11, seed=5)},
            p_dropout=0.2, precision="float32", n_steps=24, tokens_per_microbatch=17,
            save_every_s=7.0, validate_every=5, snapshot_every=4, n_snapshots=2,
        ).train()  # fmt: skip


@contextlib.contextmanager
def _waiting_at(place: str, count: int, reached: Any) -> Iterator[None]:
    remaining = itertools.count(count, -1)

    def come_by() -> None:
        if next(remaining) == 1:
            reached.set()
            time.sleep(600)

    if place == "between two parts of a batch":
        _before(Update, "part_loss", come_by)
    elif place == "between weights and moments":
        _before(run_folder, "_moments", come_by)
    elif place == "before the newest state is named":
        _before(run_folder, "write_whole", lambda file, _: file.name == "latest" and come_by())
    elif place == "while a state is replaced":
        _before(files.shutil, "rmtree", lambda old, **_: ".old-" in old.name and come_by())
        _after(Path, "rename", lambda _, new: ".old-" in new.name and come_by())
    elif place == "before a snapshot is in its place":
        _before(Path, "replace", lambda _, new: new.suffix == ".safetensors" and come_by())
    elif place == "in the middle of a line":
        _halfway(come_by)
    yield


def _before(owner: Any, name: str, come_by: Any) -> None:
    original = getattr(owner, name)

    def patched(*args: Any, **kwargs: Any) -> Any:
        come_by(*args, **kwargs) if come_by.__code__.co_argcount else come_by()
        return original(*args, **kwargs)

    setattr(owner, name, patched)


def _after(owner: Any, name: str, come_by: Any) -> None:
    original = getattr(owner, name)

    def patched(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        come_by(*args, **kwargs)
        return result

    setattr(owner, name, patched)


def _halfway(come_by: Any) -> None:
    original = RunFolder.report

    def patched(self: RunFolder, values: dict[str, Any]) -> None:
        size = self.history_file.stat().st_size if self.history_file.is_file() else 0
        original(self, values)
        whole = self.history_file.read_bytes()
        self.history_file.write_bytes(whole[: (size + len(whole)) // 2])
        come_by()
        self.history_file.write_bytes(whole)

    RunFolder.report = patched  # type: ignore[method-assign]
