"""Long work waits for its turn, short work for nobody, whatever is asked."""

from collections.abc import Callable
from pathlib import Path

import pytest

from core.analysis.ablation import Ablation
from core.analysis.trace.trace import Trace
from explorer.choice.choice import Run
from explorer.engine import heavy
from explorer.engine.analyses import head_effects, leave_one_out, self_check, sentence_effects
from explorer.engine.contrasts import contrasts
from explorer.engine.contributions import contributions
from explorer.engine.heavy import Turns
from explorer.engine.lens import translations_by_depth
from explorer.engine.patching import patched
from explorer.engine.traces import trace
from tests.checkpoints import SENTENCE
from tests.explorer.pages import Open, open_page
from tests.explorer.tiny import empty_caches, folder

__all__ = ["empty_caches", "folder", "open_page"]

LONG = " ".join([SENTENCE] * 20)
OFF = (Ablation.parse("cross.L1H1=0"),)
Ask = Callable[[Path, Run, Trace], object]
ANSWERS: dict[str, Ask] = {
    "trace": lambda folder, run, shown: trace(folder, run.replace(alpha=0.5)),
    "every head": head_effects,
    "leave one out": leave_one_out,
    "a change": lambda folder, run, shown: sentence_effects(folder, run, shown, OFF),
    "contributions": contributions,
    "depths": translations_by_depth,
    "patched": lambda folder, run, shown: patched(folder, run, run, shown, shown),
    "contrasts": lambda folder, run, shown: contrasts(
        folder, run, shown, step=2, wanted=5, other=6
    ),
    "self-check": self_check,
}


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Gets a 1 for everything that takes a turn."""
    line, served = Turns(1), list[int]()

    def turns() -> Turns:
        served.append(1)
        return line

    monkeypatch.setattr(heavy, "turns", turns)
    monkeypatch.setattr("core.analysis.patching.patch.patching", lambda *given: None)
    return served


@pytest.mark.parametrize("ask", ANSWERS.values(), ids=ANSWERS)
def test_a_sentence_waits_for_nobody(folder: Path, ask: Ask, served: list[int]) -> None:
    run = Run(text=SENTENCE, target="Der alte Mann")  # the model, left alone, writes without end
    ask(folder, run, trace(folder, run))
    assert not served


@pytest.mark.parametrize("ask", ANSWERS.values(), ids=ANSWERS)
def test_the_same_of_a_long_text_waits_for_its_turn(
    folder: Path, ask: Ask, served: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(text=LONG)
    shown = trace(folder, run)
    served.clear()
    monkeypatch.setattr(heavy, "LIGHT_TOKENS", 60)  # the model and the text are small
    ask(folder, run, shown)
    assert served


def test_a_page_of_a_long_text_is_one_turn(
    open_page: Open, served: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it draws, and what it asks for on the way, need no turn of their own."""
    assert not open_page(text=SENTENCE).exception
    assert not served
    monkeypatch.setattr(heavy, "LIGHT_TOKENS", 60)
    assert not open_page(text=" ".join([SENTENCE] * 6)).exception
    assert len(served) == 1
