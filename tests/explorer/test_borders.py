"""The pages keep to their borders: no network, no file outside of the given folders, nobody's markup."""

import itertools
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import core
from core.system.files import write_json
from core.training.score.results import RESULTS
from explorer.app_pages.registry import PAGES, url_path
from explorer.engine.checkpoints import CHECKPOINTS, listed
from explorer.engine.second_attempts import experiments
from explorer.engine.table3 import read_family
from explorer.engine.trainings import RUNS, histories
from tests.attack.fuzz import field_names
from tests.checkpoints import SENTENCE, reports, write_checkpoint, write_history, write_timeline
from tests.core.tables import made_up_table
from tests.explorer.pages import opened
from tests.explorer.readings import markup

EVERY_PAGE = [url_path(script) for script in PAGES.values()]
SECRET = "what nobody may read"


class Watch:
    """What Python does at its borders: the files that it opens, and whom it talks to."""

    def __init__(self) -> None:
        self.is_on = False
        self.files: set[str] = set()
        self.addresses: list[object] = []
        sys.addaudithook(self._note)  # which stays for ever

    def _note(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.is_on:
            return
        if event == "open" and isinstance(arguments[0], str | bytes):
            self.files.add(os.path.realpath(os.fsdecode(arguments[0])))
        if event in ("socket.connect", "socket.sendto", "socket.getaddrinfo"):
            self.addresses.append(arguments)

    def opened_below(self, folder: Path) -> list[str]:
        return sorted(file for file in self.files if Path(file).is_relative_to(folder.resolve()))


@pytest.fixture(scope="module")
def one_watch() -> Watch:
    return Watch()


@pytest.fixture
def watch(one_watch: Watch) -> Iterator[Watch]:
    one_watch.files.clear()
    one_watch.addresses.clear()
    one_watch.is_on = True
    yield one_watch
    one_watch.is_on = False


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the app is given, with one model; beside it one that it is not given."""
    st.cache_resource.clear()
    for place in ("given", "outside"):
        write_checkpoint(tmp_path / place / "tiny", metrics={"languages": ["English", "German"]})
    write_timeline(core.load(tmp_path / "outside/tiny").checkpoint, 3)
    write_history(tmp_path / "outside" / "tiny", reports())
    (tmp_path / "outside" / "tiny" / "card.md").write_text(SECRET)
    (tmp_path / "outside" / "table.json").write_text(write_json(made_up_table().to_json()))
    monkeypatch.setenv(CHECKPOINTS, str(tmp_path / "given"))
    monkeypatch.setenv(RUNS, str(tmp_path / "given" / ".runs"))
    return tmp_path / "given"


@pytest.mark.app
@pytest.mark.parametrize("page", EVERY_PAGE)
def test_no_page_talks_to_anybody(root: Path, watch: Watch, page: str) -> None:
    drawn = opened(page, {"text": SENTENCE})
    assert not drawn.exception
    assert watch.opened_below(root)
    assert watch.addresses == []


OUTSIDE = ("../outside/tiny", "{}/outside/tiny", "tiny/../../outside/tiny")


@pytest.mark.app
@pytest.mark.parametrize("page", EVERY_PAGE)
def test_no_link_opens_what_was_not_given(root: Path, watch: Watch, page: str) -> None:
    """Not in any field, and not as the name of a model."""
    values = itertools.cycle(value.format(root.parent) for value in OUTSIDE)
    opened(
        page, {**dict(zip(field_names(), values, strict=False)), "text": SENTENCE, "model": "tiny"}
    )
    opened(page, {"text": SENTENCE, "model": next(values)})
    assert watch.opened_below(root)
    assert watch.opened_below(root.parent / "outside") == []


LINKS = {
    "a card": ("tiny/card.md", "outside/tiny/card.md"),
    "scores": ("tiny/metrics.json", "outside/tiny/metrics.json"),
    "weights": ("tiny/model.safetensors", "outside/tiny/model.safetensors"),
    "a timeline": ("tiny/timeline", "outside/tiny/timeline"),
    "a result that is to be written": ("tiny/sweep.json", "outside/new.json"),
}


def put_link(root: Path, name: str, target: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).unlink(missing_ok=True)
    (root / name).symlink_to(root.parent / target)


@pytest.mark.parametrize("case", LINKS)
def test_a_model_whose_files_are_elsewhere_is_refused(root: Path, watch: Watch, case: str) -> None:
    write_checkpoint(root / "other")
    name, target = LINKS[case]
    put_link(root, name, target)
    problems = {item.name: item.problem or "" for item in listed((root,))}
    assert problems["other"] == ""
    said = f"{Path(name).name} is a link that leads out of the checkpoint"
    assert problems["tiny"].startswith(said)
    with pytest.raises(ValueError, match=re.escape(said)):
        core.load(root / "tiny")
    assert watch.opened_below(root.parent / "outside") == []


def test_a_step_of_the_timeline_that_is_elsewhere_is_refused(root: Path) -> None:
    put_link(root, "tiny/timeline/0000003.safetensors", "outside/tiny/timeline/0000003.safetensors")
    with pytest.raises(ValueError, match=r"timeline/0000003\.safetensors is a link that leads out"):
        core.load(root / "tiny", step=3)


def test_links_inside_of_a_model_and_of_hugging_faces_cache_are_followed(root: Path) -> None:
    (root / "tiny" / "card.md").rename(root / "tiny" / "text")
    (root / "tiny" / "card.md").symlink_to("text")
    cached = root / "models--o--n" / "snapshots" / "abc"
    cached.parent.mkdir(parents=True)
    (root / "tiny").rename(root / "models--o--n" / "blobs")
    cached.mkdir()
    for file in (root / "models--o--n" / "blobs").iterdir():
        (cached / file.name).symlink_to(f"../../blobs/{file.name}")
    assert core.load(cached).translate([SENTENCE])


def test_nothing_is_listed_through_a_link(root: Path, watch: Watch) -> None:
    """A model, a training, Table 3 and an experiment, each by a link to its folder and to its file."""
    for name, target in {
        "linked": "outside/tiny",
        "history/history.jsonl": "outside/tiny/history.jsonl",
        ".runs/run": "outside/tiny",
        ".runs/run2/history.jsonl": "outside/tiny/history.jsonl",
        "table3/table.json": "outside/table.json",
        f"score/{RESULTS}": f"outside/{RESULTS}",
    }.items():
        put_link(root, name, target)
    assert [item.name for item in listed((root,)) if item.problem is None] == ["tiny"]
    assert [item.name for item in histories((root,))] == []
    assert not any(row.measured for row in read_family(root).ours.rows)
    assert experiments() == []
    assert watch.opened_below(root.parent / "outside") == []


MARKUP = '**b** [x](http:∕∕example.org) ![x](y) <img src=x onerror="alert(1)"> :red[c] `e'
CARD = '# A card\n\n**bold**\n\n![y](http://example.org/y.png) <img src=x onerror="alert(1)">'


def live_markup(page: AppTest) -> list[str]:
    """Texts of a page in which a stranger's words have become elements."""
    kinds = ("markdown", "caption", "error", "warning", "info", "success", "subheader", "title")
    elements = [each for kind in kinds for each in page.get(kind)]
    texts = [each.value for each in elements if not getattr(each, "allow_html", False)]
    texts += [each.label for each in page.expander]
    texts += [each.help or "" for each in (*elements, *page.selectbox) if hasattr(each, "help")]
    plain = [re.sub(r"\\.|(`+)(?!`).*?(?<!`)\1(?!`)", "", text) for text in texts]  # nor code
    found = [text for text in plain if re.search(r"\[x\]|!\[|:red\[c", text)]
    html = markup(page) + [each.value for each in elements if getattr(each, "allow_html", False)]
    return found + [body for body in html if "<img" in body]


@pytest.mark.app
@pytest.mark.parametrize("page", EVERY_PAGE)
def test_a_strangers_words_are_text(root: Path, page: str) -> None:
    """The name of a model and of one that cannot be loaded, its languages, its examples, its card."""
    metrics = {"languages": [MARKUP, MARKUP], "examples": [MARKUP]}
    write_checkpoint(root / MARKUP, metrics=metrics)
    (root / MARKUP / "card.md").write_text(CARD)
    write_history(root / MARKUP, reports())
    (root / f"{MARKUP} broken").mkdir()
    (root / f"{MARKUP} broken" / "config.json").write_text("[]")
    drawn = opened(page, {"text": MARKUP, "model": MARKUP})
    assert not drawn.exception
    assert live_markup(drawn) == []


@pytest.mark.app
def test_a_card_is_set_and_fetches_nothing(root: Path) -> None:
    (root / "tiny" / "card.md").write_text(CARD)
    drawn = opened("heads", {"text": SENTENCE})
    (card,) = [each for each in drawn.markdown if "# A card" in each.value]
    assert "**bold**" in card.value
    assert r"!\[y](http" in card.value
    assert not card.allow_html


@pytest.mark.app
def test_where_no_model_can_be_loaded_names_are_text_too(root: Path) -> None:
    (root / "tiny" / "config.json").write_text("[]")
    (root / "tiny").rename(root / MARKUP)
    drawn = opened("heads", {"text": SENTENCE})
    assert any("cannot be used" in each.value for each in drawn.error)
    assert live_markup(drawn) == []


BEYOND: dict[str, tuple[str, str, Any, str, float]] = {
    "beam size": ("slider", "Beam size", 1_016, "beam_size", 16),
    "α": ("slider", "α", 1e6, "alpha", 2.0),
    "seed": ("number_input", "Seed", 10**12, "seed", 999_999_999),
}
"""A control, a value that its widget does not offer, the link's field, and the most."""


@pytest.mark.app
@pytest.mark.parametrize("case", BEYOND)
def test_what_no_control_offers_is_not_computed(root: Path, case: str) -> None:
    """A browser that is not ours may send it."""
    kind, label, value, field, most = BEYOND[case]
    drawn = opened(
        "translate", {"text": SENTENCE, "method": "sample" if case == "seed" else "beam"}
    )
    (control,) = [each for each in drawn.get(kind) if each.label == label]
    control.set_value(value).run()
    assert not drawn.exception
    assert float(dict(drawn.query_params).get(field, ["0"])[0]) <= most


@pytest.mark.app
def test_a_text_longer_than_its_box_is_cut(root: Path) -> None:
    drawn = opened("translate", {"text": SENTENCE})
    (box,) = [each for each in drawn.text_input if each.label.endswith("sentence")]
    box.set_value("a" * (5_001))
    next(each for each in drawn.button if each.label == "Translate").click().run()
    assert not drawn.exception
    said = [each.value.replace("\\", "") for each in (*drawn.warning, *drawn.error)]
    assert len(said) == 1
    assert "the source has 5000 pieces" in said[0]
