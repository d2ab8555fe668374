"""The terms of the pages: their numbers are those of the sentence, their links those of the app."""

import html
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from explorer.app_pages.registry import PAGES, url_path
from explorer.choice.choice import read_query
from explorer.choice.url_fields import is_field
from explorer.frame.glossary import TERMS, facts_of
from tests.checkpoints import SENTENCE, write_checkpoint
from tests.explorer.apart import loaded, traced
from tests.explorer.pages import Shelf, shelf
from tests.explorer.readings import markup

__all__ = ["shelf"]


@pytest.fixture(scope="module")
def folder(shelf: Shelf) -> Path:
    write_checkpoint(shelf.root / "prompt")
    return shelf.root / "prompt"


@pytest.mark.parametrize("name", TERMS)
def test_a_term_has_its_numbers_and_leads_to_a_page(folder: Path, name: str) -> None:
    term = TERMS[name]
    facts = facts_of(traced(folder), loaded(folder).checkpoint.model.config)
    assert "{" not in term.here.format_map(facts)
    assert term.page in {"", *(url_path(script) for script in PAGES.values())}
    assert all(is_field(field) for field in term.query)
    assert read_query(term.query).notices == ()


def tips(page) -> dict[str, str]:  # type: ignore[no-untyped-def]
    """Term -> all that its tip says, as it is read."""
    (row,) = [body for body in markup(page) if 'class="terms"' in body]
    found = re.findall(r'<span class="tip" role="note"><b>(.*?)</b>(.*?)</span></span>', row)
    return {html.unescape(name): html.unescape(body) for name, body in found}


def test_tips_speak_of_the_sentence_on_screen(shelf: Shelf, folder: Path) -> None:
    trace = traced(folder)
    config = loaded(folder).checkpoint.model.config
    tip = tips(shelf("translate", text=SENTENCE, model="prompt"))
    assert f"This sentence is {len(trace.source.pieces)} pieces" in tip["piece"]
    assert f"the vocabulary has {config.vocabulary_size:,}" in tip["piece"]
    assert f"ran {len(trace.steps)} times" in tip["decoder"]
    assert f"{len(trace.found.tree) - 1} pieces were tried" in tip["beam search"]
    heads = (config.n_encoder_layers + 2 * config.n_decoder_layers) * config.n_heads
    tip = tips(shelf("heads", text=SENTENCE, model="prompt"))
    assert f"the model has {heads} in all" in tip["head"]
    total = f"{trace.best.log_probability_nats:.1f}".replace("-", "−")
    tip = tips(shelf("ablate", text=SENTENCE, model="prompt"))
    assert f"{total} nats" in tip["nats"]


def test_see_it_keeps_the_sentence(shelf: Shelf, folder: Path) -> None:
    (href,) = re.findall(
        r'href="(.*?)"', tips(shelf("translate", text=SENTENCE, model="prompt"))["encoder"]
    )
    address = urlsplit(href)
    assert address.path == "anatomy"
    assert parse_qs(address.query)["text"] == [SENTENCE]
    assert parse_qs(address.query)["model"] == ["prompt"]
