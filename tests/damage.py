"""What can happen to a stranger's JSON: every value of it lost, or replaced by one of another kind."""

import copy
from collections.abc import Iterator
from typing import Any

OTHERS = (None, 3, -1.5, "x", [], {}, [[]], True, float("nan"), 10**17)


def damages(values: Any) -> Iterator[tuple[str, Any]]:
    """Where, and all the values with that one damage; of a long list only its first item's."""
    for path in _paths(values):
        name = ".".join(map(str, path))
        yield f"{name} lost", _changed(values, path, lost=True)
        for other in OTHERS:
            yield f"{name} is {other!r}", _changed(values, path, other)
    for other in OTHERS:
        yield f"all is {other!r}", other


def _paths(values: Any) -> Iterator[tuple[Any, ...]]:
    if not isinstance(values, dict | list):
        return
    items = values.items() if isinstance(values, dict) else enumerate(values[:1])
    for key, item in items:
        yield (key,)
        yield from ((key, *path) for path in _paths(item))


def _changed(values: Any, path: tuple[Any, ...], other: Any = None, *, lost: bool = False) -> Any:
    damaged = copy.deepcopy(values)
    *way, last = path
    inside = damaged
    for key in way:
        inside = inside[key]
    if lost:
        del inside[last]
    else:
        inside[last] = other
    return damaged
