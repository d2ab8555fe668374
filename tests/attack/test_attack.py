"""A small share of the attacks, every time; and that they see what breaks."""

import pytest

from core.analysis.ablation import Ablation
from tests.attack import corrupt, fuzz, pages, stop
from tests.attack.findings import Findings
from tests.core.helpers import soon_s
from tests.explorer.tiny import empty_caches

__all__ = ["empty_caches"]


@pytest.mark.parametrize(
    ("attack", "n"),
    [(fuzz.texts, 60), (fuzz.links, 300), (fuzz.ablations, 200)],
    ids=["texts", "links", "ablations"],
)
def test_nothing_that_is_typed_breaks_anything(attack, n) -> None:
    found = attack(n, seed=2)
    assert found.n == n
    assert not found.breaks


@pytest.mark.slow
@pytest.mark.parametrize(
    ("attack", "n"), [(corrupt.corruptions, 8), (pages.pages, 6)], ids=["corruptions", "pages"]
)
def test_nothing_that_is_damaged_or_linked_breaks_anything(attack, n, empty_caches) -> None:
    found = attack(n, seed=2)
    assert found.n == n
    assert not found.breaks


@pytest.mark.slow
def test_nothing_that_is_stopped_leaves_anything() -> None:
    found = stop.stops(2, seed=3, most_s=soon_s(stop.MOST_S))
    assert found.n == 2
    assert not found.breaks


def test_what_breaks_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def parse(text: str) -> Ablation:
        raise KeyError(text[:3])

    monkeypatch.setattr(fuzz.Ablation, "parse", parse)
    assert len(fuzz.ablations(20, seed=2).breaks) == 20
    monkeypatch.setattr(fuzz, "normalise", lambda text: text + "x")
    assert len(fuzz.texts(20, seed=2).breaks) > 10


def test_an_expectation_is_a_break_only_where_it_fails() -> None:
    found = Findings("x")
    found.expect(True, "a", "never")
    found.expect(False, "b", "always")
    assert found.breaks == ["always: 'b'"]
