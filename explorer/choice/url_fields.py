"""Frozen dataclasses that travel in a URL: what writes their fields, and the rules that read them.

@dataclass(frozen=True, slots=True)
class Point(UrlFields):
    across: Annotated[int, whole(0)] = 0
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Self, get_args, get_type_hints
from urllib.parse import unquote

_CLASS_OF: dict[str, str] = {}
"""Field -> the class that it is a field of."""

Parse = Callable[[str], Any]
"""The value that a text stands for; ValueError says which rule it breaks."""


def is_field(name: str) -> bool:
    """Whether any class of fields that has been imported has one of this name."""
    return name in _CLASS_OF


def whole(low: int, high: int | None = None) -> Parse:
    """A whole number in a range, both ends included."""

    def parse(value: str) -> int:
        fits = value.isascii() and value.isdecimal() and len(value) < 10
        if not fits or not low <= int(value) <= (high or int(value)):
            raise ValueError(f"must be a whole number {_range(low, high)}")
        return int(value)

    return parse


def number(low: float, high: float) -> Parse:
    """A finite number in a range, both ends included."""

    def parse(value: str) -> float:
        try:
            found = float(value)
        except ValueError:
            found = float("nan")
        if not low <= found <= high:
            raise ValueError(f"must be a number {_range(low, high)}")
        return found

    return parse


def _range(low: float, high: float | None) -> str:
    return f"from {low:g}" if high is None else f"from {low:g} to {high:g}"


def one_of(choices: Any) -> Parse:
    """One of the values of a `Literal`."""

    def parse(value: str) -> str:
        if value not in get_args(choices):
            raise ValueError(f"must be one of {', '.join(get_args(choices))}")
        return value

    return parse


def ids(value: str) -> tuple[int, ...]:
    """Whole numbers from 0, dots between them."""
    return tuple(whole(0)(part) for part in value.split("."))


def texts(value: str) -> tuple[str, ...]:
    """Texts, commas between them; a comma within one is written %2C, a per cent sign %25."""
    return tuple(unquote(part) for part in value.split(",") if part)


def switch(value: str) -> bool:
    """0 or 1."""
    return bool(whole(0, 1)(value))


class UrlFields:
    """A frozen dataclass whose fields travel in a URL; a field's annotation holds what reads it.

    Raises:
        TypeError: if a class names a field as another class does, as both would be one key of the URL.
    """

    def __init_subclass__(cls) -> None:
        own = f"{cls.__module__}.{cls.__qualname__}"
        for name in cls.__annotations__:
            other = _CLASS_OF.setdefault(name, own)
            if other != own:
                raise TypeError(
                    f"{name} is a field of {other} already; give that of {own} another name"
                )

    def replace(self, **values: Any) -> Self:
        return dataclasses.replace(self, **values)  # type: ignore[type-var]

    @classmethod
    def names(cls) -> tuple[str, ...]:
        return tuple(field.name for field in dataclasses.fields(cls))  # type: ignore[arg-type]

    def to_query(self) -> dict[str, str]:
        """Every choice that is no default, as the URL writes it."""
        query = {}
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            value = getattr(self, field.name)
            if value != field.default:
                query[field.name] = _written(value)
        return query

    @classmethod
    def from_query(cls, query: Mapping[str, str], notices: list[str]) -> Self:
        """Read the fields that are there; what breaks its rule keeps its default, with a notice."""
        values = {}
        for name, hint in get_type_hints(cls, include_extras=True).items():
            if not query.get(name):
                continue
            try:
                values[name] = hint.__metadata__[0](query[name])
            except ValueError as error:
                notices.append(f"The link says {name}={query[name][:40]}, but {name} {error}.")
        return cls(**values)


def _written(value: Any) -> str:
    if isinstance(value, tuple):
        if any(isinstance(part, str) for part in value):
            return ",".join(part.replace("%", "%25").replace(",", "%2C") for part in value)
        return ".".join(str(part) for part in value)
    return str(int(value)) if isinstance(value, bool) else str(value)
