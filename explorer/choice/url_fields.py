"""Frozen dataclasses that a URL holds: how their fields are written, and by which rules read.

@dataclass(frozen=True, slots=True)
class Point(UrlFields):
    across: Annotated[int, whole(0)] = 0
    seen: Annotated[int | None, whole(0), DependsOn("across")] = None

`DependsOn` names the fields on which a field depends. When one of those is replaced, the field is
reset too (`dependents`).
"""

import dataclasses
import itertools
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self, get_args, get_type_hints
from urllib.parse import unquote

_CLASS_OF: dict[str, str] = {}
"""Field -> the class that it is a field of."""

_DEPENDS_ON: dict[str, frozenset[str]] = {}
"""Field -> the fields that it depends on."""

Parse = Callable[[str], Any]
"""The value that a text stands for; ValueError says which rule it breaks."""


def is_field(name: str) -> bool:
    """Whether any imported class of fields has a field of this name."""
    return name in _CLASS_OF


@dataclass(frozen=True, slots=True)
class DependsOn:
    """Marks a field whose value has a meaning only together with those of other fields."""

    names: tuple[str, ...]

    def __init__(self, *names: str) -> None:
        object.__setattr__(self, "names", names)


def dependents(names: Collection[str]) -> frozenset[str]:
    """All fields that depend on any of these, or on what depends on them."""
    found, more = frozenset[str](), frozenset(names)
    while more:
        more = frozenset(name for name, on in _DEPENDS_ON.items() if on & more) - found
        found |= more
    return found


def left_out(query: Mapping[str, str], name: str) -> str:
    """The end of a notice: which fields of a link are dropped with a field; empty if none are."""
    gone = [field for field in query if field in dependents((name,))]
    if not gone:
        return ""
    listed = " and ".join(filter(None, (", ".join(gone[:-1]), gone[-1])))
    depend = "which depends on it, is" if len(gone) == 1 else "which depend on it, are"
    return f"; {listed}, {depend} left out too"


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
    """A frozen dataclass whose fields travel in a URL; a field's annotation holds its reader.

    Raises:
        TypeError: if two classes have a field of the same name, which would be one key of the URL.
    """

    def __init_subclass__(cls) -> None:
        own = f"{cls.__module__}.{cls.__qualname__}"
        for name, hint in cls.__annotations__.items():
            other = _CLASS_OF.setdefault(name, own)
            if other != own:
                raise TypeError(
                    f"{name} is a field of {other} already; give that of {own} another name"
                )
            on = [each.names for each in _metadata(hint) if isinstance(each, DependsOn)]
            _DEPENDS_ON[name] = frozenset(itertools.chain(*on))

    def replace(self, **values: Any) -> Self:
        return dataclasses.replace(self, **values)  # type: ignore[type-var]

    def without(self, names: Collection[str]) -> Self:
        """A copy in which these fields, if the class has them, have their defaults."""
        fields = dataclasses.fields(self)  # type: ignore[arg-type]
        return self.replace(
            **{field.name: field.default for field in fields if field.name in names}
        )

    @classmethod
    def names(cls) -> tuple[str, ...]:
        return tuple(field.name for field in dataclasses.fields(cls))  # type: ignore[arg-type]

    def to_query(self) -> dict[str, str]:
        """Every field that differs from its default, as the URL writes it."""
        query = {}
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            value = getattr(self, field.name)
            if value != field.default:
                query[field.name] = _written(value)
        return query

    @classmethod
    def from_query(cls, query: Mapping[str, str], notices: list[str]) -> Self:
        """Read the fields that are there.

        A field that breaks its rule keeps its default, with a notice; so do fields that depend on
        it.
        """
        broken = cls.broken(query)
        notices += [
            f"The link says {name}={query[name][:40]}, but {name} {rule}{left_out(query, name)}."
            for name, rule in broken.items()
        ]
        gone = {*broken, *dependents(broken)}
        return cls(
            **{name: parse(query[name]) for name, parse in cls._said(query) if name not in gone}
        )

    @classmethod
    def broken(cls, query: Mapping[str, str]) -> dict[str, str]:
        """Field -> the rule that its value in the query breaks."""
        found = {}
        for name, parse in cls._said(query):
            try:
                parse(query[name])
            except ValueError as error:
                found[name] = str(error)
        return found

    @classmethod
    def _said(cls, query: Mapping[str, str]) -> Iterator[tuple[str, Parse]]:
        """The fields that a query says something of, and what reads each."""
        for name, hint in get_type_hints(cls, include_extras=True).items():
            if query.get(name):
                yield name, _metadata(hint)[0]


def _metadata(hint: Any) -> tuple[Any, ...]:
    return getattr(hint, "__metadata__", ())


def _written(value: Any) -> str:
    if isinstance(value, tuple):
        if any(isinstance(part, str) for part in value):
            return ",".join(part.replace("%", "%25").replace(",", "%2C") for part in value)
        return ".".join(str(part) for part in value)
    return str(int(value)) if isinstance(value, bool) else str(value)
