"""Taps: named places where a tensor of a running model can be read or replaced.

    with probing(model, edit({"decoder.layers.2.cross_attention.weights": f}), record()) as seen:
        model(source, target)
    seen["decoder.layers.2.cross_attention.weights"]

One mechanism reads and edits, and probes end with their `with` block. A context variable holds the
active probes, never the module. So threads that share one model do not affect each other, and a new
thread starts without probes. Do not `yield` inside `probing`: the caller's code would run with the
probes. A graph made by `torch.compile` contains no taps; probe the uncompiled model instead.
"""

import fnmatch
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass

import torch
from torch import Tensor, nn

Edit = Callable[[Tensor], Tensor]


class Tap(nn.Module):
    """An identity module at a tensor worth inspecting; its name is its path in the model.

    Args:
        in_inference: `core.model.inference` has it too, so probing it does not slow the model down.
    """

    def __init__(self, *, in_inference: bool = False) -> None:
        super().__init__()
        self.in_inference = in_inference

    # Overrides __call__ itself: a tap has no use for module hooks, and it is on the hot path.
    def __call__(self, tensor: Tensor) -> Tensor:
        if torch.compiler.is_compiling():
            return tensor
        active = _ACTIVE.get()
        if active is None:
            return tensor
        for visit in active.get(self, ()):
            tensor = visit(tensor)
        return tensor

    @property
    def is_probed(self) -> bool:
        if torch.compiler.is_compiling():
            return False
        active = _ACTIVE.get()
        return active is not None and self in active


_ACTIVE: ContextVar[Mapping[Tap, tuple[Edit, ...]] | None] = ContextVar("probes", default=None)


def inference_taps_suffice() -> bool:
    """Whether every probed tap is one that `core.model.inference` has."""
    active = _ACTIVE.get()
    return not active or all(tap.in_inference for tap in active)


@dataclass(frozen=True, slots=True)
class TokenPlace:
    """The examples and positions of the tensors that pass the taps at this moment."""

    examples: Tensor  # B: the example of each row; a beam has several rows of one
    first: int  # the position of the first query: decoding step by step, how many came before


_PLACE: ContextVar[TokenPlace] = ContextVar("place")


def place() -> TokenPlace:
    """The examples and positions of the running pass, for edits that differ between them.

    Raises:
        LookupError: outside of a pass through the model.
    """
    return _PLACE.get()


def placed(examples: Tensor, first: int) -> AbstractContextManager[None]:
    """Tell edits which examples the rows of the batch are, and at which position the queries begin.

    The model enters this around every pass; code that calls its layers directly must do the same.
    """
    if torch.compiler.is_compiling() or _ACTIVE.get() is None:
        return nullcontext()  # nobody asks
    return _placed(TokenPlace(examples, first))


@contextmanager
def _placed(there: TokenPlace) -> Iterator[None]:
    token = _PLACE.set(there)
    try:
        yield
    finally:
        _PLACE.reset(token)


class Recording(Mapping[str, Tensor]):
    """Recorded tensors: tap name -> that of its latest call; `calls(name)` -> of all calls."""

    def __init__(self) -> None:
        self._calls: dict[str, list[Tensor]] = {}

    def calls(self, name: str) -> list[Tensor]:
        if name not in self._calls:
            raise KeyError(f"nothing was recorded at {name!r}; recorded: {sorted(self._calls)}")
        return self._calls[name]

    def __getitem__(self, name: str) -> Tensor:
        return self.calls(name)[-1]

    def __iter__(self) -> Iterator[str]:
        return iter(self._calls)

    def __len__(self) -> int:
        return len(self._calls)

    def take(self) -> dict[str, list[Tensor]]:
        """Return all tensors recorded so far, and remove them from this recording."""
        calls, self._calls = self._calls, {}
        return calls

    def _append(self, name: str, tensor: Tensor) -> Tensor:
        self._calls.setdefault(name, []).append(tensor.detach())
        return tensor


@dataclass(frozen=True)
class Edits:
    by_pattern: Mapping[str, Edit]


@dataclass(frozen=True)
class Records:
    patterns: tuple[str, ...]


def edit(by_pattern: Mapping[str, Edit]) -> Edits:
    """Replace the tensor at each matching tap by what the function returns for it.

    Patterns are tap names, or shell patterns over them (`decoder.layers.*.cross_attention.weights`).
    """
    return Edits(by_pattern)


def record(*patterns: str) -> Records:
    """Record the tensor of each matching tap, after earlier probes; no pattern means all taps."""
    return Records(patterns or ("*",))


def tap_names(model: nn.Module) -> list[str]:
    """The names of all taps of a model, in the order of the forward pass's modules."""
    return list(_taps(model))


@contextmanager
def probing(model: nn.Module, *probes: Edits | Records) -> Iterator[Recording]:
    """Activate probes for the calls made inside; nested blocks add to the outer ones.

    Yields:
        The recording, which fills as the model runs; it stays readable afterwards.

    Raises:
        KeyError: if a name or pattern matches no tap; the message lists the taps there are.
    """
    seen = Recording()
    if not probes:
        yield seen
        return
    taps = _taps(model)
    active = dict(_ACTIVE.get() or {})

    def add(pattern: str, make_visit: Callable[[str], Edit]) -> None:
        for name in _matching(pattern, taps):
            active[taps[name]] = (*active.get(taps[name], ()), make_visit(name))

    for probe in probes:
        if isinstance(probe, Edits):
            for pattern, replace in probe.by_pattern.items():
                add(pattern, lambda _, replace=replace: replace)  # type: ignore[misc]
        else:
            for pattern in probe.patterns:
                add(pattern, lambda name: lambda tensor: seen._append(name, tensor))
    token = _ACTIVE.set(active)
    try:
        yield seen
    finally:
        _ACTIVE.reset(token)


def _taps(model: nn.Module) -> dict[str, Tap]:
    return {name: module for name, module in model.named_modules() if isinstance(module, Tap)}


def _matching(pattern: str, taps: Mapping[str, Tap]) -> list[str]:
    names = [pattern] if pattern in taps else fnmatch.filter(taps, pattern)
    if not names:
        raise KeyError(f"no tap is called {pattern!r}; this model has: {', '.join(taps)}")
    return names
