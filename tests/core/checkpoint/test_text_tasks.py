"""A text measured in tasks: each sentence once, in the text's order, whatever the workers."""

from concurrent.futures import Future

import pytest

from core.checkpoint import parcel
from core.checkpoint.folder import Checkpoint
from core.checkpoint.text_tasks import listening, over_batches, over_parts
from core.system.executor import local_executor
from core.text.batches import text_batches
from tests.checkpoints import write_checkpoint
from tests.core.analyses import ANALYSES, Alone, small_batches
from tests.core.helpers import bare, sentences

SOURCES, TARGETS = sentences(7, 2, 11, 5, 3), sentences(3, 9, 1, 6, 8, seed=17)


class Eager:
    """Runs each task at once, and counts what is shared."""

    n_workers = 1

    def __init__(self):
        self.shared = []

    def submit(self, function, /, *arguments):
        future = Future()
        future.set_result(function(*arguments))
        return future

    def share(self, value):
        self.shared.append(value)
        return value


def lengths(checkpoint, batch):
    return [len(source) for source in batch.sources]


def test_every_pair_is_in_one_batch_with_its_index(model):
    found = {}
    with small_batches():
        groups = list(over_batches(lengths, bare(model), SOURCES, TARGETS))
    for indices, own in groups:
        found.update(zip(indices.tolist(), own, strict=True))
    assert len(groups) > 1
    assert [found[index] for index in range(5)] == [7, 2, 11, 5, 3]


def test_a_listener_hears_how_far_a_pass_is(model):
    """Of every pass inside the block; a batch is told when it is done."""
    heard = []
    with small_batches():
        sizes = [len(batch.indices) for batch in text_batches(SOURCES, TARGETS)]
        with listening(lambda n_new, n_left: heard.append((n_new, n_left))):
            list(over_batches(lengths, bare(model), SOURCES, TARGETS))
        list(over_batches(lengths, bare(model), SOURCES, TARGETS))
    assert len(sizes) > 1
    assert heard == [(n, 5 - sum(sizes[: at + 1])) for at, n in enumerate(sizes)]


def test_a_text_without_pairs_has_no_batches(model):
    assert list(over_batches(lengths, bare(model), [], [])) == []


def test_a_checkpoint_is_sent_once_however_many_texts_it_reads(tmp_path):
    checkpoint, executor = write_checkpoint(tmp_path / "tiny"), Eager()
    for _ in range(3):
        assert list(over_parts(name, checkpoint, ["a", "b"], executor)) == ["a", "b"]
    assert len([value for value in executor.shared if isinstance(value, parcel.Parcel)]) == 1
    other = Checkpoint(checkpoint.model, checkpoint.vocabulary)
    list(over_parts(name, other, ["a"], executor))
    assert len([value for value in executor.shared if isinstance(value, parcel.Parcel)]) == 2


def name(checkpoint, part):
    assert isinstance(checkpoint, Checkpoint)
    return part


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    return Alone(write_checkpoint(tmp_path_factory.mktemp("model") / "tiny"))


@pytest.fixture(scope="module")
def three():
    with local_executor(3, {"OMP_NUM_THREADS": "1"}) as executor:
        yield executor


@pytest.mark.slow
@pytest.mark.parametrize("analysis", ANALYSES)
def test_three_processes_find_what_one_does(analysis, alone, three):
    """Bit by bit."""
    assert alone.agrees(analysis, three)
