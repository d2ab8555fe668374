"""Turns: so many at once, in their order; who waits is told its place, and may leave the line."""

import threading
import time
from collections.abc import Callable

import pytest

from core.system.pauses import pause
from explorer.engine import heavy
from explorer.engine.heavy import Turns


class GaveUpError(BaseException):
    """As Streamlit ends a run: no error of the program."""


@pytest.mark.parametrize("n_at_once", [1, 2])
def test_no_more_than_so_many_are_served_at_once_and_all_in_the_end(n_at_once: int) -> None:
    turns, lock = Turns(n_at_once), threading.Lock()
    now, most, served = 0, 0, []

    def work(number: int) -> None:
        nonlocal now, most
        with turns.turn():
            with lock:
                now += 1
                most = max(most, now)
                served.append(number)
            time.sleep(0.02)
            with lock:
                now -= 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert most == n_at_once
    assert sorted(served) == list(range(8))


def test_places_are_told_and_turns_come_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heavy, "ASK_EVERY_S", 0.01)
    turns, served = Turns(1), []
    told: dict[str, list[int]] = {"second": [], "third": []}
    threads = []

    def wait(name: str) -> None:
        with turns.turn(told[name].append):
            served.append(name)

    with turns.turn():
        for name, places in told.items():
            threads.append(threading.Thread(target=wait, args=(name,)))
            threads[-1].start()
            while not places:
                time.sleep(0.005)
    for thread in threads:
        thread.join(10)
    assert served == ["second", "third"]
    assert set(told["second"]) == {1}
    assert told["third"][0] == 2


def test_who_gives_up_leaves_the_line_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heavy, "ASK_EVERY_S", 0.01)
    turns = Turns(1)

    def give_up(n_before: int) -> None:
        raise GaveUpError

    with turns.turn():
        with pytest.raises(GaveUpError), turns.turn(give_up):
            pytest.fail("it was not its turn")
        assert not turns._line
    with turns.turn(give_up):
        pass  # its turn comes at once


def test_a_turn_that_fails_is_over() -> None:
    turns = Turns(1)
    with pytest.raises(GaveUpError), turns.turn():
        raise GaveUpError
    with turns.turn():
        pass


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Turns:
    """The line of the server, new, and with one served at once."""
    line = Turns(1)
    monkeypatch.setattr(heavy, "turns", lambda: line)
    monkeypatch.setattr(heavy, "ASK_EVERY_S", 0.01)
    return line


class Page:
    """What the page says where the work was begun."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def empty(self) -> "Page":
        self.said.append("")
        return self

    def info(self, text: str) -> None:
        self.said.append(text)


def test_light_work_waits_for_nobody(line: Turns) -> None:
    with line.turn(), heavy.at_its_turn(heavy.LIGHT_TOKENS):
        pass


def test_who_waits_for_heavy_work_is_told_so_on_the_page(
    line: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, done = Page(), threading.Event()
    monkeypatch.setattr(heavy.st, "empty", page.empty)

    def work() -> None:
        with heavy.at_its_turn(heavy.HEAVY):
            done.set()

    with line.turn():
        thread = threading.Thread(target=work)
        thread.start()
        while not any(page.said):
            time.sleep(0.005)
        assert not done.is_set()
    thread.join(10)
    assert done.is_set()
    assert page.said[:2] == ["", page.said[1]]
    assert "1 request is before yours" in page.said[1]
    assert page.said[-1] == ""


def test_heavy_work_within_heavy_work_has_its_turn_already(line: Turns) -> None:
    with heavy.at_its_turn(heavy.HEAVY), heavy.at_its_turn(heavy.HEAVY):
        pass
    with heavy.at_its_turn(heavy.HEAVY):
        assert line._n_served == 1
    assert line._n_served == 0


@pytest.fixture
def courtesy(monkeypatch: pytest.MonkeyPatch) -> heavy.Courtesy:
    """The courtesy of the server, new, and so patient that a test sees it wait; no line of pages."""
    new, many = heavy.Courtesy(), Turns(9)
    monkeypatch.setattr(heavy, "pages", lambda: many)
    monkeypatch.setattr(heavy, "courtesy", lambda: new)
    monkeypatch.setattr(heavy, "MOST_ASIDE_S", 30)
    return new


def begun(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_heavy_work_steps_aside_until_the_last_light_work_ends(
    line: Turns, courtesy: heavy.Courtesy
) -> None:
    done: list[str] = []

    def work() -> None:
        with heavy.visit(), heavy.at_its_turn(heavy.HEAVY):
            pause()
            done.append("heavy")

    with heavy.visit():
        with heavy.visit():
            thread = begun(work)
            thread.join(0.1)
            assert not done
        thread.join(0.1)
        assert not done
        done.append("light")
    thread.join(10)
    assert done == ["light", "heavy"]


def test_it_does_not_wait_for_itself_nor_for_other_heavy_work(
    line: Turns, courtesy: heavy.Courtesy
) -> None:
    waiting = threading.Event()

    def wait() -> None:
        with heavy.visit(), heavy.at_its_turn(heavy.HEAVY, lambda n_before: waiting.set()):
            pass

    with heavy.visit(), heavy.at_its_turn(heavy.HEAVY):
        thread = begun(wait)
        assert waiting.wait(10)
        pause()
    thread.join(10)
    assert courtesy._n_light == 0


def test_it_goes_on_beside_light_work_without_end(
    line: Turns, courtesy: heavy.Courtesy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heavy, "MOST_ASIDE_S", 0.01)
    with heavy.visit():
        thread = begun(lambda: at_its_turn_pausing(3))
        thread.join(10)
        assert not thread.is_alive()


def at_its_turn_pausing(n: int) -> None:
    with heavy.visit(), heavy.at_its_turn(heavy.HEAVY):
        for _ in range(n):
            pause()


class Replaced:
    """The state of a run whose visitor has asked for something else."""

    def __contains__(self, name: str) -> bool:
        raise GaveUpError


@pytest.mark.parametrize("n_tokens", [0, heavy.HEAVY])
def test_what_nobody_asks_for_any_more_ends_at_its_next_pause(
    line: Turns, courtesy: heavy.Courtesy, monkeypatch: pytest.MonkeyPatch, n_tokens: int
) -> None:
    done: list[str] = []

    def work() -> None:
        with heavy.visit(), heavy.at_its_turn(n_tokens):
            pause()
            done.append("one step")
            monkeypatch.setattr(heavy.st, "session_state", Replaced())
            pause()
            done.append("another")

    with pytest.raises(GaveUpError):
        work()
    assert done == ["one step"]
    assert courtesy._n_light == 0
    with line.turn():
        pass  # the turn was given back


def test_who_is_next_is_woken_when_a_turn_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """And does not find out by asking."""
    monkeypatch.setattr(heavy, "ASK_EVERY_S", 30.0)
    turns, served = Turns(1), threading.Event()

    def wait() -> None:
        with turns.turn():
            served.set()

    waiting = threading.Thread(target=wait)
    with turns.turn():
        waiting.start()
        time.sleep(0.2)  # until it waits
    assert served.wait(5)
    waiting.join(5)


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> Turns:
    """The line of pages, new."""
    line = Turns(1)
    monkeypatch.setattr(heavy, "pages", lambda: line)
    return line


def test_pages_are_made_one_after_another(pages: Turns) -> None:
    now, most, lock = 0, 0, threading.Lock()

    def make() -> None:
        nonlocal now, most
        with heavy.visit():
            with lock:
                now += 1
                most = max(most, now)
            time.sleep(0.01)
            with lock:
                now -= 1

    threads = [begun(make) for _ in range(5)]
    for thread in threads:
        thread.join(10)
    assert most == 1


def visit_shortly() -> None:
    with heavy.visit():
        pass


def test_other_pages_are_made_during_heavy_work_and_while_it_waits(
    line: Turns, courtesy: heavy.Courtesy, pages: Turns
) -> None:
    waits, works, may_end, made = (threading.Event() for _ in range(4))

    def work() -> None:
        with heavy.visit():
            with heavy.at_its_turn(heavy.HEAVY, lambda n_before: waits.set()):
                works.set()
                may_end.wait(10)
            assert pages._n_served == 1, "what is drawn afterwards is a page again"
            made.set()

    with line.turn():
        thread = begun(work)
        assert waits.wait(10)
        other = begun(visit_shortly)
        other.join(10)
        assert not other.is_alive()
    assert works.wait(10)
    with heavy.visit():
        may_end.set()
        assert not made.wait(0.1)
    thread.join(10)
    assert made.is_set()
    assert pages._n_served == 0


def test_who_asks_for_something_else_leaves_the_line_of_pages(
    courtesy: heavy.Courtesy, pages: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heavy, "ASK_EVERY_S", 0.01)
    gave_up = threading.Event()

    def come() -> None:
        with pytest.raises(GaveUpError), heavy.visit():
            pytest.fail("another page is being made")
        gave_up.set()

    with heavy.visit():
        monkeypatch.setattr(heavy.st, "session_state", Replaced())
        thread = begun(come)
        assert gave_up.wait(10)
        thread.join(10)
    assert not pages._line
    assert courtesy._n_light == 0


@pytest.mark.parametrize("n_tokens", [0, heavy.HEAVY])
def test_a_page_that_fails_leaves_its_turn(
    line: Turns, courtesy: heavy.Courtesy, pages: Turns, n_tokens: int
) -> None:
    with pytest.raises(GaveUpError), heavy.visit(), heavy.at_its_turn(n_tokens):
        raise GaveUpError
    assert pages._n_served == 0


def test_a_page_that_goes_on_after_an_error_of_heavy_work_is_made_in_its_turn(
    line: Turns, courtesy: heavy.Courtesy, pages: Turns
) -> None:
    with heavy.visit():
        with pytest.raises(ValueError, match="too long"), heavy.at_its_turn(heavy.HEAVY):
            raise ValueError("too long")
        assert pages._n_served == 1
    assert pages._n_served == 0


def test_a_visit_within_a_visit_does_not_wait_for_it(
    courtesy: heavy.Courtesy, pages: Turns
) -> None:
    with heavy.visit():
        with heavy.visit():
            assert pages._n_served == courtesy._n_light == 1
        assert pages._n_served == courtesy._n_light == 1
    assert pages._n_served == courtesy._n_light == 0


def test_places_that_come_free_together_are_taken_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is woken before the one ahead has left the line is woken again."""
    monkeypatch.setattr(heavy, "ASK_EVERY_S", 5.0)
    for _ in range(20):
        turns, n = Turns(4), 4
        all_there = threading.Barrier(n + 1)

        def be_served(turns: Turns = turns, all_there: threading.Barrier = all_there) -> None:
            with turns.turn():
                all_there.wait(10)

        turns._n_served = n
        threads = [begun(be_served) for _ in range(n)]
        while len(turns._line) < n:
            time.sleep(0.002)
        with turns._changed:
            turns._n_served = 0
            turns._changed.notify_all()
        all_there.wait(2)
        for thread in threads:
            thread.join(10)
