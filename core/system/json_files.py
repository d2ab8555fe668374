"""Read JSON that other people's programs may have written: check its size first, then its types.

The result is a value of the type asked for, or a ValueError of one sentence. Limits on bytes,
nesting and digits keep a bad file from exhausting the memory or the stack.
"""

import dataclasses
import functools
import json
import math
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

MOST_BYTES = 16_000_000
"""The largest JSON file that is read; the largest bundled one has 110,000 bytes."""
MOST_DIGITS = 18
"""The most digits of a whole number; 18 fit into 64 bits."""
MOST_DEPTH = 32
"""The deepest nesting of lists and objects; the deepest file of this project has 7 levels."""


def parse_json(text: str | bytes) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError: if it is not JSON, is nested too deeply, or holds a number with too many digits.
    """
    try:
        value = json.loads(text, parse_int=_whole_number)
    except RecursionError:
        raise ValueError(TOO_DEEP) from None
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not UTF-8: {error}") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON, it may be truncated: {error}") from None
    _require_shallow(value)
    return value


TOO_DEEP = f"it is nested too deeply; {MOST_DEPTH} lists and objects inside each other are the most"


def _require_shallow(value: Any) -> None:
    """What is deeper could be parsed here, and end the program where it is printed or walked."""
    level = [value]
    for _ in range(MOST_DEPTH + 1):
        level = [
            part
            for whole in level
            if isinstance(whole, dict | list)
            for part in (whole.values() if isinstance(whole, dict) else whole)
        ]
    if level:
        raise ValueError(TOO_DEEP)


def _whole_number(digits: str) -> int:
    if len(digits.lstrip("-")) > MOST_DIGITS:
        raise ValueError(f"it holds a number of {len(digits)} digits; {MOST_DIGITS} is the most")
    return int(digits)


def read_json(file: Path) -> Any:
    """The value of a JSON file.

    Raises:
        ValueError: if the file cannot be read, or as `parse_json` does.
    """
    return parse_json(read_text(file))


def read_text(file: Path, most_bytes: int = MOST_BYTES) -> str:
    """The text of a file; raises ValueError if it is unreadable, too large or not UTF-8."""
    try:
        if (size := file.stat().st_size) > most_bytes:
            raise ValueError(f"it has {size:,} bytes; {most_bytes:,} is the most")
        return file.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not UTF-8: {error}") from None
    except OSError as error:
        raise ValueError(f"it cannot be read: {error.strerror or error}") from None


Measured = TypeVar("Measured")


def read_measurement(
    file: Path, from_json: Callable[[Any], Measured], *, made_with: str
) -> Measured | None:
    """The measurement in a file; None if there is no such file.

    Args:
        from_json: converts the value, or raises ValueError.
        made_with: the command that makes the file, for the error message.

    Raises:
        ValueError: if the file exists and cannot be read.
    """
    if not file.is_file():
        return None
    try:
        return from_json(read_json(file))
    except ValueError as error:
        raise ValueError(
            f"{file} cannot be read ({error}); make it again with: {made_with}"
        ) from None


def built(kind: Any, value: Any, place: str = "it") -> Any:
    """Convert a JSON value to a type: a dataclass, a TypedDict, a collection or a plain value.

    A dataclass must have exactly its keys; a TypedDict may have further ones. Numbers must be
    finite.

    Args:
        kind: the type; of a union, only None and the first member are accepted.
        place: what an error calls the value.

    Raises:
        ValueError: if the value does not fit; the message names the place inside it and the type it
            needs.
    """
    if kind is Any:
        return value
    origin = typing.get_origin(kind)
    if origin in _COLLECTIONS:
        return _COLLECTIONS[origin](typing.get_args(kind), value, place)
    if typing.is_typeddict(kind):
        return _typed_dict(kind, value, place)
    if dataclasses.is_dataclass(kind):
        return _record(kind, value, place)
    _require(_is_plain(kind, value), place, _PLAIN[kind], value)
    return value


_Kinds = tuple[Any, ...]


def _optional(kinds: _Kinds, value: Any, place: str) -> Any:
    return None if value is None else built(kinds[0], value, place)


def _one_of(choices: _Kinds, value: Any, place: str) -> Any:
    _require(value in choices, place, f"one of {', '.join(map(str, choices))}", value)
    return value


def _tuple(kinds: _Kinds, value: Any, place: str) -> tuple[Any, ...]:
    _require(isinstance(value, list | tuple), place, "a list", value)
    if kinds[-1] is ...:
        kinds = kinds[:1] * len(value)
    _require(len(value) == len(kinds), place, f"a list of {len(kinds)}", value)
    return tuple(
        built(kind, item, f"{place}[{number}]")
        for number, (kind, item) in enumerate(zip(kinds, value, strict=True))
    )


def _list(kinds: _Kinds, value: Any, place: str) -> list[Any]:
    return list(_tuple((*kinds, ...), value, place))


def _dictionary(kinds: _Kinds, value: Any, place: str) -> dict[str, Any]:
    _require(isinstance(value, dict), place, "an object", value)
    return {key: built(kinds[1], item, f"{place}.{key}") for key, item in value.items()}


_COLLECTIONS: Mapping[Any, Callable[[_Kinds, Any, str], Any]] = {
    types.UnionType: _optional,
    Literal: _one_of,
    tuple: _tuple,
    list: _list,
    dict: _dictionary,
    Mapping: _dictionary,
}


_hints = functools.cache(typing.get_type_hints)


def _typed_dict(kind: Any, value: Any, place: str) -> dict[str, Any]:
    hints = _hints(kind)
    _require_keys(value, kind.__required_keys__, place)
    return {
        key: built(hints[key], item, f"{place}.{key}") if key in hints else item
        for key, item in value.items()
    }


def _record(kind: Any, value: Any, place: str) -> Any:
    hints = _hints(kind)
    no_default = {
        field.name
        for field in dataclasses.fields(kind)
        if field.default is field.default_factory is dataclasses.MISSING
    }
    _require_keys(value, no_default, place)
    unknown = sorted(set(value) - set(hints))
    _require(not unknown, place, f"an object without {unknown}", value)
    return kind(
        **{name: built(hints[name], item, f"{place}.{name}") for name, item in value.items()}
    )


def _require_keys(value: Any, names: Iterable[str], place: str) -> None:
    _require(isinstance(value, dict), place, "an object", value)
    missing = sorted(set(names) - set(value))
    _require(not missing, place, f"an object with {missing}", value)


_PLAIN = {str: "a text", bool: "true or false", int: "a whole number", float: "a finite number"}


def _is_plain(kind: type, value: Any) -> bool:
    if kind in (int, float) and isinstance(value, bool):
        return False
    if kind is float:
        return isinstance(value, int | float) and math.isfinite(value)
    return isinstance(value, kind)


def _require(holds: bool, place: str, wanted: str, value: Any) -> None:
    if not holds:
        found = repr(value)
        found = found if len(found) <= 60 else f"{found[:59]}…"
        raise ValueError(f"{place} must be {wanted}, not {found}")
