"""The caption of pictures: sentence, translation, model, settings, link."""

import re
from html import unescape
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from core.config import SearchConfig
from tests.checkpoints import SENTENCE, write_checkpoint
from tests.explorer.apart import traced
from tests.explorer.pages import Shelf, link, shelf

__all__ = ["shelf"]


@pytest.fixture(scope="module", autouse=True)
def folder(shelf: Shelf) -> Path:
    return write_checkpoint(shelf.root / "tiny")


def caption(shelf: Shelf, page: str, **query: str) -> tuple[list[str], dict[str, str]]:
    drawn = shelf.own(page, text=SENTENCE, **query)
    (html,) = (
        each.proto.body
        for each in drawn.get("html")
        if "picture-caption" in each.proto.body and "<p>" in each.proto.body
    )
    lines = [unescape(line) for line in re.findall("<p>(.*?)</p>", html)]
    of_page = {name: link(drawn, name) for name in drawn.query_params}
    return lines, of_page


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({}, "beam search with 4 beams, length penalty gnmt (α\u00a0=\u00a00.6)."),
        ({"method": "greedy"}, "parameters); greedy search."),
        ({"method": "sample", "temperature": "0.5", "seed": "7"}, "sampled at temperature 0.5, seed 7."),
        ({"ablation": "cross.L1H3=0"}, "the model changed: cross-attention layer 1, head 3 off."),
    ],
)  # fmt: skip
def test_it_says_model_sentence_and_settings(
    shelf: Shelf, query: dict[str, str], said: str
) -> None:
    (pair, settings, address), of_page = caption(shelf, "heads", **query)
    search = SearchConfig(
        method=query.get("method", "beam"),
        temperature=float(query.get("temperature", 1)),
        seed=int(query.get("seed", 1)),
    )
    trace = traced(shelf.root / "tiny", query.get("ablation", ""), search=search)
    assert pair == f"“{SENTENCE}” → “{trace.target.text}”"
    assert settings.startswith("Attention Explorer, model tiny (")
    assert settings.endswith(said)
    assert dict(parse_qsl(address.partition("?")[2])) == of_page
