"""One training, from text files to a checkpoint folder."""

import os

import pytest

from core.system.files import BusyError, sole_use
from core.text.parallel import ParallelFiles
from core.training.run_folder import RunFolder
from core.training.train import TrainingJob, _alone_in, train
from core.training.workers import Workers


def job(folder):
    """Of texts that are never read, as the run folder is another's."""
    return TrainingJob(
        files=ParallelFiles((folder / "none.en",), (folder / "none.de",)),
        run=RunFolder(folder / "runs" / "model"),
        output=folder / "model",
        choose=lambda _: pytest.fail("the texts were read"),
        max_pieces=256,
        device="cpu",
    )


def test_a_second_training_of_one_run_folder_is_refused(tmp_path):
    one = job(tmp_path)
    with sole_use(one.run.folder, "a training is running"):
        before = sorted(file.name for file in one.run.folder.iterdir())
        with pytest.raises(
            BusyError,
            match=rf"^a training is running in {one.run.folder} \(process {os.getpid()}\); wait for",
        ):
            train(one)
        assert sorted(file.name for file in one.run.folder.iterdir()) == before


def test_the_workers_of_one_training_share_their_run_folder(tmp_path):
    run = job(tmp_path).run
    with _alone_in(run, Workers(0, 2, 0)), _alone_in(run, Workers(1, 2, 1)):
        pass
