"""A page that lacked its model is drawn once more, and no more than that for one sentence."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from explorer.choice.choice import Run
from explorer.frame import again


class AgainError(BaseException):
    """As Streamlit begins a page anew."""


def shown(text: str) -> Any:
    return SimpleNamespace(folder=Path("model"), choice=SimpleNamespace(run=Run(text=text)))


def test_a_page_is_drawn_again_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where two large models take each other's place, neither is ever there at the beginning."""

    def rerun() -> None:
        raise AgainError

    monkeypatch.setattr(again, "st", SimpleNamespace(session_state={}, rerun=rerun))
    for text in ("one", "another"):
        again.lacks_model(shown(text), lacks=True)
        with pytest.raises(AgainError):
            again.draw_again()
        again.lacks_model(shown(text), lacks=True)
        again.draw_again()
    again.lacks_model(shown("another"), lacks=False)
    again.draw_again()
    again.lacks_model(shown("another"), lacks=True)  # it was there in between
    with pytest.raises(AgainError):
        again.draw_again()
