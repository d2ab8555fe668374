"""The app without a browser, on tiny checkpoints."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from explorer.engine.checkpoints import CHECKPOINTS
from explorer.engine.trainings import RUNS
from tests.checkpoints import write_checkpoint

APP = Path(__file__).parents[2] / "explorer" / "app.py"
Open = Callable[..., AppTest]

SHAPES: dict[str, dict[str, Any]] = {
    "asymmetric": {},
    "one head": {"n_heads": 1},
    "many heads": {"n_encoder_layers": 3, "n_decoder_layers": 1, "n_heads": 16},
    "learned positions": {"positions": "learned"},
    "fixed heads": {"n_fixed_heads": 3},
}


@pytest.fixture
def open_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Open a page of the app on a tiny checkpoint, with a link."""
    st.cache_resource.clear()
    monkeypatch.setenv(CHECKPOINTS, str(tmp_path))
    monkeypatch.setenv(RUNS, str(tmp_path / ".runs"))  # hidden: no checkpoints in there

    def open_(shape: dict[str, Any] | None = None, page: str = "", **link: str) -> AppTest:
        if not (tmp_path / "tiny").is_dir():  # a test may have written one of its own
            write_checkpoint(tmp_path / "tiny", **(shape or {}))
        return opened(page, link)

    return open_


def opened(page: str, link: dict[str, str]) -> AppTest:
    app = AppTest.from_file(str(APP), default_timeout=60)
    for name, value in link.items():
        app.query_params[name] = value
    if page not in ("", "translate"):  # the app opens there
        app._page_hash = calc_hash(page)  # switch_page knows url paths only after a first run
    return app.run()


class Shelf:
    """Pages of one folder of checkpoints, each link opened once: they are read, not clicked."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._pages: dict[tuple[str, ...], AppTest] = {}

    def __call__(self, page: str, **link: str) -> AppTest:
        key = (page, *(part for name in sorted(link) for part in (name, link[name])))
        if key not in self._pages:
            self._pages[key] = self.own(page, **link)
        return self._pages[key]

    def own(self, page: str, **link: str) -> AppTest:
        """A page of the test's own, which it may click."""
        shown = opened(page, link)
        assert not shown.exception
        return shown


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    """Pages that the tests of a module share; the module writes the checkpoints below its root."""
    root = tmp_path_factory.mktemp("checkpoints")
    st.cache_resource.clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CHECKPOINTS, str(root))
        patch.setenv(RUNS, str(root / ".runs"))
        yield Shelf(root)


LATE = {
    "alignment": {
        "layer": 2, "head": 3, "rows": "consumed", "alignment_error_rate": 0.3, "n_sentences": 7,
    }
}  # fmt: skip
"""Measured of a checkpoint: its best head aligns the word that a step consumes."""
PROMPT = {
    "alignment": {
        "layer": 3, "head": 2, "rows": "produced", "alignment_error_rate": 0.25, "n_sentences": 9,
    }
}  # fmt: skip
"""As `LATE`, of a head that aligns the word that a step produces."""


def plot(page: AppTest, number: int = 0) -> dict[str, Any]:
    return json.loads(page.get("plotly_chart")[number].proto.spec)  # type: ignore[no-any-return]


def charts(page: AppTest) -> list[dict[str, Any]]:
    return [json.loads(chart.proto.spec) for chart in page.get("plotly_chart")]


def link(page: AppTest, name: str) -> str:
    value = page.query_params[name]
    return value if isinstance(value, str) else value[0]


def subheaders(page: AppTest) -> str:
    return " | ".join(element.value for element in page.subheader)


def texts(page: AppTest) -> str:
    return " ".join(text.value for text in page.markdown).replace("\\", "")


def button(page: AppTest, label: str) -> Any:
    return next(found for found in page.button if found.label == label)
