"""Any link to any page: it is drawn, or says what is wrong, and never shows a traceback."""

import random
import tempfile
from pathlib import Path

import pytest

from explorer.app_pages.registry import PAGES, url_path
from explorer.engine.checkpoints import CHECKPOINTS
from explorer.engine.trainings import RUNS
from tests.attack.findings import Findings
from tests.attack.fuzz import field_names
from tests.attack.texts import link, text
from tests.checkpoints import write_checkpoint
from tests.explorer.pages import opened


def pages(n: int, seed: int) -> Findings:
    """Open `n` links, most of them with a text of any kind, on a tiny model."""
    choose, found = random.Random(seed), Findings("pages")
    names = field_names()
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        write_checkpoint(Path(folder) / "tiny", metrics={"languages": ["English", "German"]})
        patch.setenv(CHECKPOINTS, folder)
        patch.setenv(RUNS, f"{folder}/.runs")
        for _ in range(n):
            page = url_path(choose.choice(list(PAGES.values())))
            given = link(choose, names)
            if choose.random() < 0.8:
                given["text"] = text(choose)[:300].encode("utf-8", "ignore").decode()
            found.n += 1
            with found.catching((page, given)):
                drawn = opened(page, given)
                said = [each.message for each in drawn.exception]
                found.expect(not said, (page, given), f"a traceback: {said[:1]}")
    return found
