"""What is made once is kept, within a size; the least recently seen go first."""

import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pytest

from explorer.engine import heavy
from explorer.engine.result_cache import MemoryCache, n_bytes


def one(made: object) -> int:
    """Every result is as large as any other."""
    return 1


def test_a_result_is_made_once() -> None:
    kept, made = MemoryCache(2, one), []
    for key in ("a", "b", "a", "b"):
        assert kept.get(key, lambda key=key: made.append(key) or key) == key  # type: ignore[misc]
    assert made == ["a", "b"]


def test_the_least_recently_seen_goes_first() -> None:
    kept, made = MemoryCache(2, one), []
    for key in ("a", "b", "a", "c", "a", "b"):
        kept.get(key, lambda key=key: made.append(key))  # type: ignore[misc]
    assert made == ["a", "b", "c", "b"]


def test_what_is_larger_than_all_there_is_room_for_is_made_but_not_kept() -> None:
    kept = MemoryCache(5, len)
    first = kept.get("long", lambda: "x" * 6)
    assert first == "x" * 6
    assert kept.get("long", lambda: "again") == "again"


def test_sizes_are_added_up() -> None:
    kept = MemoryCache(5, len)
    kept.get("a", lambda: "xxx")
    kept.get("b", lambda: "yyy")
    assert kept.get("b", lambda: "new") == "yyy"
    assert kept.get("a", lambda: "new") == "new"


@dataclass(frozen=True, slots=True)
class Record:
    numbers: np.ndarray
    parts: tuple[object, ...]
    names: dict[int, str]


def test_a_size_counts_all_that_a_record_holds_each_object_once() -> None:
    numbers, text = np.zeros((30, 40)), "x" * 1_000
    record = Record(numbers, ([numbers, text], {1.5}), {7: text})
    least = numbers.nbytes + sys.getsizeof(text)
    assert least < n_bytes(record) < least + 1_000
    assert n_bytes((record, record)) == n_bytes(record) + sys.getsizeof((1, 2))


def test_results_are_kept_within_a_number_of_bytes() -> None:
    kept = MemoryCache(100_000)
    kept.get("small", lambda: np.zeros(4_000, np.uint8))
    assert isinstance(kept.get("small", lambda: "new"), np.ndarray)
    kept.get("large", lambda: np.zeros(97_000, np.uint8))
    assert kept.get("small", lambda: "new") == "new"


class HeldWork:
    """Work that ends when it may."""

    def __init__(self) -> None:
        self.n_begun = 0
        self.begun, self.may_end = threading.Event(), threading.Event()

    def __call__(self) -> str:
        self.n_begun += 1
        self.begun.set()
        self.may_end.wait(10)
        return "result"


def until(condition: Callable[[], object]) -> None:
    end_s = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.005)


def test_two_who_ask_for_the_same_heavy_work_share_it(monkeypatch: pytest.MonkeyPatch) -> None:
    line = heavy.Turns(1)
    monkeypatch.setattr(heavy, "turns", lambda: line)
    cache, work = MemoryCache(1_000_000), HeldWork()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(cache.get, "key", work, heavy.HEAVY)
        assert work.begun.wait(10)
        second = pool.submit(cache.get, "key", work, heavy.HEAVY)
        until(lambda: line._line)
        work.may_end.set()
        assert first.result(10) == second.result(10) == "result"
    assert work.n_begun == 1


def test_a_result_is_there_for_the_next_one_before_the_page_that_asked_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A third page is being made when the work ends, so the first one waits for its turn."""
    works, pages = heavy.Turns(1), heavy.Turns(1)
    monkeypatch.setattr(heavy, "turns", lambda: works)
    monkeypatch.setattr(heavy, "pages", lambda: pages)
    cache, work = MemoryCache(1_000_000), HeldWork()

    def ask() -> str:
        with heavy.visit():
            return cache.get("key", work, heavy.HEAVY)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(ask)
        assert work.begun.wait(10)
        second = pool.submit(ask)
        until(lambda: works._line)
        with pages.turn():
            work.may_end.set()
            until(lambda: not works._line)
            assert cache.known("key")
        assert first.result(10) == second.result(10) == "result"
    assert work.n_begun == 1


def test_who_waits_is_told_by_whoever_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    line = heavy.Turns(1)
    monkeypatch.setattr(heavy, "turns", lambda: line)
    told = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        with line.turn():
            asked = pool.submit(
                MemoryCache(1_000).get, "key", lambda: 7, heavy.HEAVY, lambda n_before: told.set()
            )
            assert told.wait(10)
        assert asked.result(10) == 7
