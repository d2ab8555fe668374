"""A text measured part by part: in this process, in several, or on other machines.

    for part in over_batches(partial(counted, threshold=0.5), checkpoint, sources, targets, executor):
        total += part

Each part is a task. Which pairs are in which part follows from the text alone, and results come in the
order of the text's parts. So a sum over them is the same, bit by bit, wherever the tasks ran.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from core.checkpoint.folder import Checkpoint
from core.checkpoint.parcel import Here, Parcel, for_tasks
from core.system.executor import HereExecutor, WorkExecutor, in_order
from core.text.batches import TextBatch, text_batches
from core.text.tokenised import Indices

Part = TypeVar("Part")
Result = TypeVar("Result")
Group = TypeVar("Group", bound=Sized)


def over_parts(
    function: Callable[[Checkpoint, Part], Result],
    checkpoint: Checkpoint,
    parts: Iterable[Part],
    executor: WorkExecutor | None = None,
) -> Iterator[Result]:
    """Yield `function(checkpoint, part)` for each part, in order.

    Args:
        function: of a module, or a `partial` of one with all that it reads beside: each worker gets
            it once.
        executor: where the parts are measured; by default, in this process.
    """
    executor = executor or HereExecutor()
    shared = for_tasks(checkpoint, executor), executor.share(function)
    yield from in_order(executor, _of_part, shared, parts)


def _of_part(
    model: Here | Parcel, function: Callable[[Checkpoint, Part], Result], part: Part
) -> Result:
    return function(model.opened(), part)


def over_groups(
    function: Callable[[Checkpoint, Part], Result],
    checkpoint: Checkpoint,
    groups: Sequence[tuple[Group, Part]],
    executor: WorkExecutor | None = None,
) -> Iterator[tuple[Group, Result]]:
    """Yield each group of sentences and `function(checkpoint, part)`; see `over_parts`.

    A listener of `listening` is told after each group.

    Args:
        groups: some sentences, such as their indices in the text, and what the function reads.
    """
    tell, n_left = _LISTENER.get(), sum(len(indices) for indices, _ in groups)
    results = over_parts(function, checkpoint, (part for _, part in groups), executor)
    for (indices, _), result in zip(groups, results, strict=True):
        yield indices, result
        n_left -= len(indices)
        tell(len(indices), n_left)


def over_batches(
    function: Callable[[Checkpoint, TextBatch], Result],
    checkpoint: Checkpoint,
    sources: Sequence[Sequence[int]],
    targets: Sequence[Sequence[int]],
    executor: WorkExecutor | None = None,
) -> Iterator[tuple[Indices, Result]]:
    """Yield the indices of each batch of pairs and `function(checkpoint, batch)`; see `over_groups`.

    Args:
        sources, targets: token ids without special tokens.
    """
    groups = [(batch.indices, batch) for batch in text_batches(sources, targets)]
    yield from over_groups(function, checkpoint, groups, executor)


Listener = Callable[[int, int], None]
"""Told how many sentences were just done, and how many are left of this pass over a text."""
_LISTENER: ContextVar[Listener] = ContextVar("listener", default=lambda n_new, n_left: None)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Tell a listener how far `over_groups` is, in every pass over a text inside the block."""
    token = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(token)
