"""Strangers' JSON ends in a value of the type asked for, or in one sentence that says where it is not."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NotRequired, TypedDict

import pytest

from core.system.json_files import (
    MOST_BYTES,
    MOST_DEPTH,
    built,
    parse_json,
    read_json,
    read_measurement,
)

DEEP = "[" * 100_000


@dataclass(frozen=True)
class Point:
    x: float
    name: Literal["a", "b"] = "a"


class Named(TypedDict):
    points: tuple[Point, ...]
    pair: NotRequired[tuple[int, str]]
    note: NotRequired[str | None]


@pytest.mark.parametrize("n", [1, MOST_DEPTH, MOST_DEPTH + 1, 500, 100_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_nesting_is_bounded(n: int, opening: str, closing: str) -> None:
    text = opening * n + "3" + closing * n
    if n <= MOST_DEPTH:
        assert parse_json(text) == json.loads(text)
    else:
        with pytest.raises(ValueError, match=r"^it is nested too deeply; 32 lists"):
            parse_json(text)


def test_numbers_are_bounded() -> None:
    assert parse_json(f"-{'9' * 18}") == -(10**18) + 1
    for n_digits in (19, 5_000):
        with pytest.raises(
            ValueError, match=rf"^it holds a number of {n_digits} digits; 18 is the"
        ):
            parse_json("9" * n_digits)


def test_the_size_of_a_file_is_bounded_before_it_is_read(tmp_path: Path) -> None:
    file = tmp_path / "large.json"
    with file.open("wb") as opened:
        opened.truncate(10**12)  # a hole: no disk holds so much
    with pytest.raises(
        ValueError, match=rf"^it has 1,000,000,000,000 bytes; {MOST_BYTES:,} is the"
    ):
        read_json(file)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfe{}", "it is not UTF-8"), (b'{"a": ', "it is not JSON, it may be truncated"),
        (b"", "it is not JSON"), (DEEP.encode(), "nested too deeply"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_json_says_why(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "x.json"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=f"^{message}|{message}"):
        read_json(file)
    with pytest.raises(
        ValueError, match=rf"^{file} cannot be read \(.*{message}.*\); make it again with: x$"
    ):
        read_measurement(file, list, made_with="x")
    assert read_measurement(tmp_path / "none", list, made_with="x") is None


def test_values_are_built_as_their_types_declare() -> None:
    values = {"points": [{"x": 3}, {"x": 0.5, "name": "b"}], "pair": [3, "c"], "more": {"left": 1}}
    assert built(Named, values) == {
        "points": (Point(3), Point(0.5, "b")), "pair": (3, "c"), "more": {"left": 1},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"points": None}, r"it\.points must be a list, not None"),
        ({"points": [3]}, r"it\.points\[0\] must be an object, not 3"),
        ({"points": [{"x": 1.0}, {}]}, r"it\.points\[1\] must be an object with \['x'\], not \{\}"),
        ({"points": [{"x": "3"}]}, r"it\.points\[0\]\.x must be a finite number, not '3'"),
        ({"points": [{"x": True}]}, r"it\.points\[0\]\.x must be a finite number, not True"),
        ({"points": [{"x": float("nan")}]}, r"\.x must be a finite number, not nan"),
        ({"points": [{"x": 1, "y": 2}]}, r"it\.points\[0\] must be an object without \['y'\], not"),
        ({"points": [{"x": 1, "name": []}]}, r"it\.points\[0\]\.name must be one of a, b, not \[\]"),
        ({"pair": [1]}, r"it\.pair must be a list of 2, not \[1\]"),
        ({"pair": [1.5, "a"]}, r"it\.pair\[0\] must be a whole number, not 1\.5"),
        ({"note": 3}, r"it\.note must be a text, not 3"),
    ],
)  # fmt: skip
def test_a_value_of_another_type_is_named_with_its_place(changes: Any, message: str) -> None:
    with pytest.raises(ValueError, match=rf"^{message}|{message}"):
        built(Named, {"points": [], **changes})


@pytest.mark.parametrize("value", [None, 3, "text", [], {"pair": [1, "a"]}])
def test_what_lacks_a_key_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"^it must be an object"):
        built(Named, value)


def test_a_long_value_is_told_in_short() -> None:
    with pytest.raises(ValueError, match=r"^it must be a list, not 'x{58}…$"):
        built(list[int], "x" * 10_000)
