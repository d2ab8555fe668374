"""The page Claims: each verdict stands beside its own finding, and every finding has its page."""

import shutil
from collections import Counter
from pathlib import Path

from core.checkpoint.bundled import SOURCES
from core.experiments.claims.claims import CLAIMS
from explorer.app_pages.registry import PAGES
from tests.checkpoints import write_checkpoint
from tests.explorer.pages import Open, open_page
from tests.explorer.readings import frame, said

__all__ = ["open_page"]

COLOURS = {"seen": "green", "not seen": "red", "undecided": "orange", "not measured": "gray",
           "not testable here": "gray"}  # fmt: skip


def test_each_verdict_is_of_its_finding(open_page: Open, tmp_path: Path) -> None:
    """Of what was measured of the bundled model, put beside its own weights."""
    folder = tmp_path / "tiny"
    shutil.copytree(SOURCES / "en-de", folder)
    page = open_page(None, "claims")
    assert not page.exception
    table = frame(page, "finding")
    assert list(table["finding"]) == [claim.says for claim in CLAIMS]
    by_finding = dict(zip(table["finding"], table["verdict"], strict=True))
    cards = [text.value for text in page.markdown if "-badge[" in text.value and "**" in text.value]
    assert len(cards) == len(CLAIMS)
    for card, claim in zip(cards, CLAIMS, strict=True):
        verdict = by_finding[claim.says]
        assert card.startswith(f":{COLOURS[verdict]}-badge[{verdict}] **")
        assert claim.url in card
    text, counts = said(page), Counter(table["verdict"])
    assert {"seen", "not seen"} <= set(counts)
    for verdict, n in counts.items():
        assert f":{COLOURS[verdict]}-badge[{verdict}: {n}]" in text
    numbers = dict(zip(table["finding"], table["here"], strict=True))
    told = set(text.splitlines())
    for claim in CLAIMS:
        assert not numbers[claim.says] or numbers[claim.says] in told
        assert f":small[Test: {claim.test}.]" in told
    assert "source share 77.4 %" in numbers["The source’s share falls along the translation."]
    links = {link.proto.page for link in page.get("page_link")}
    assert len(links) >= 5


def test_a_model_of_which_nothing_was_measured_names_the_commands(
    open_page: Open, tmp_path: Path
) -> None:
    write_checkpoint(tmp_path / "tiny")
    page = open_page(None, "claims")
    table = frame(page, "finding")
    assert set(table["verdict"]) == {"not measured", "not testable here"}
    text = said(page)
    for claim in CLAIMS:
        assert not claim.needs or claim.needs in text


def test_every_finding_has_a_page_to_look_at_it() -> None:
    source = (Path(__file__).parents[4] / "explorer/app_pages/claims/page.py").read_text()
    block = source.partition("WHERE = {")[2].partition("}")[0]
    where = dict(part.split(":") for part in block.replace("\n", " ").split(",") if ":" in part)
    named = {name.strip(' "'): page.strip(' "') for name, page in where.items()}
    assert set(named) == {claim.name for claim in CLAIMS}
    assert set(named.values()) <= set(PAGES)
