"""Any text, link and ablation: none breaks anything, and nothing that was typed becomes markup."""

import random
import tempfile
import time
from collections import Counter
from html.parser import HTMLParser
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import core
from core.analysis.ablation import Ablation
from core.analysis.trace.trace import Trace
from core.config import SearchConfig
from core.text.languages import is_wordless
from core.text.pieces import UnencodableTextError, normalise
from core.translator import Translator
from explorer import notebook
from explorer.app_pages.registry import PAGES, url_path
from explorer.choice.choice import read_query
from explorer.choice.url_fields import UrlFields
from tests.attack.findings import Findings
from tests.attack.texts import ablation, link, text
from tests.checkpoints import write_checkpoint

MOST_MS = 50
"""What reading one ablation or link may take of the processor."""
SEARCH = SearchConfig(method="greedy", max_target_pieces=24)
AT_ONCE = 64


class Nodes(HTMLParser):
    """The elements of a page, and attributes that run code."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.handlers: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.handlers += [name for name, _ in attrs if name.startswith("on")]


def texts(n: int, seed: int) -> Findings:
    """Tokenise, translate, trace, save and draw `n` texts."""
    choose, found = random.Random(seed), Findings("texts")
    with tempfile.TemporaryDirectory() as folder:
        write_checkpoint(Path(folder) / "tiny")
        translator = core.load(Path(folder) / "tiny")
        waiting: list[str] = []
        for number in range(n):
            given = text(choose)
            found.n += 1
            with found.catching(given):
                if _goes_round(translator, given, found) and number % 3 == 0:
                    waiting.append(given)
                if number % 100 == 0:
                    _drawn(translator, given, Path(folder), found)
            if len(waiting) == AT_ONCE:
                with found.catching(waiting):
                    _translated(translator, waiting, found)
                waiting = []
    return found


def _goes_round(translator: Translator, given: str, found: Findings) -> bool:
    """Encoded and decoded it is what it was, normalised; True if it can be translated."""
    vocabulary = translator.checkpoint.vocabulary
    try:
        ids = vocabulary.source.encode(given)
    except UnencodableTextError:
        found.expect(any("\ud800" <= c < "\ue000" for c in given), given, "refused without reason")
        return False
    found.expect(
        vocabulary.source.decode(ids) == normalise(given), given, "decoded to another text"
    )
    try:
        translator.check(given)
    except ValueError:
        return False
    return not is_wordless(given, vocabulary.source.languages)


def _translated(translator: Translator, given: list[str], found: Findings) -> None:
    for source, target in zip(given, translator.translate(given, SEARCH), strict=True):
        found.expect(len(target.splitlines()) <= 1, source, "the translation is not one line")
        found.expect(target.isprintable() or not _has_control(target), source, "control characters")


def _has_control(line: str) -> bool:
    return any(ord(c) < 32 or ord(c) == 127 for c in line)


def _drawn(translator: Translator, given: str, folder: Path, found: Findings) -> None:
    """A trace survives its file; its page and its drawing hold no element but their own."""
    try:
        trace = translator.trace(given, SEARCH)
    except ValueError:
        return
    file = folder / "trace.json"
    trace.save(file)
    again = Trace.load(file)
    found.expect(again.source.text == trace.source.text, given, "another source after loading")
    found.expect(again.target.text == trace.target.text, given, "another target after loading")
    page = notebook.translation(trace)
    page.save(folder / "page.html")
    nodes = Nodes((folder / "page.html").read_text("utf-8"))
    plain = Nodes(_plain_page(translator, folder))
    found.expect(
        set(nodes.tags) == set(plain.tags), given, f"elements {set(nodes.tags) - set(plain.tags)}"
    )
    found.expect(nodes.tags["script"] == plain.tags["script"], given, "another number of scripts")
    found.expect(not nodes.handlers, given, f"handlers {nodes.handlers}")


def _plain_page(translator: Translator, folder: Path) -> str:
    file = folder / "plain.html"
    if not file.exists():
        notebook.translation(translator.trace("The old man sees a red house.", SEARCH)).save(file)
    return file.read_text("utf-8")


def ablations(n: int, seed: int) -> Findings:
    """Read `n` ablations: each is one, or is refused in a sentence, within `MOST_MS`."""
    choose, found = random.Random(seed), Findings("ablations")
    for _ in range(n):
        given = ablation(choose)
        found.n += 1
        with found.catching(given):
            started_s = time.thread_time()
            try:
                read = Ablation.parse(given)
                found.expect(
                    Ablation.parse(str(read)) == read, given, "reads otherwise when written"
                )
            except ValueError as error:
                found.expect(bool(str(error)), given, "refused without a word")
            _in_time(started_s, given, found)
    return found


def links(n: int, seed: int) -> Findings:
    """Read `n` links: what is no field is dropped with a notice, and what is written reads the same."""
    choose, found = random.Random(seed), Findings("links")
    names = field_names()
    for _ in range(n):
        given = link(choose, names)
        found.n += 1
        with found.catching(given):
            started_s = time.thread_time()
            reading = read_query(given)
            _in_time(started_s, given, found)
            written = reading.choice.to_query()
            found.expect(
                read_query(written).choice == reading.choice, given, "reads otherwise when written"
            )
    return found


def field_names() -> list[str]:
    """Of every page, as the app knows them."""
    for room in (
        "explorer.head",
        *(f"explorer.app_pages.{url_path(page)}" for page in PAGES.values()),
    ):
        if find_spec(f"{room}.fields"):
            import_module(f"{room}.fields")
    found: list[str] = []
    open_ = list(UrlFields.__subclasses__())
    while open_:
        each = open_.pop()
        open_ += each.__subclasses__()
        found += each.names()
    return sorted(set(found))


def _in_time(started_s: float, given: Any, found: Findings) -> None:
    elapsed_ms = 1e3 * (time.thread_time() - started_s)
    found.expect(elapsed_ms < MOST_MS, given, f"took {elapsed_ms:.0f} ms")
