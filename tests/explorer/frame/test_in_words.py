"""The translation in words: every word, the source word it came from, and what a change made new."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from core.analysis.heads.word_attention import AlignedWord
from core.analysis.trace.trace import Trace
from explorer.frame.in_words import gloss
from tests.checkpoints import SENTENCE, write_checkpoint
from tests.explorer.apart import traced
from tests.explorer.pages import Shelf, shelf
from tests.explorer.readings import components

__all__ = ["shelf"]
PAGES = ["", "heads", "inside", "positions", "anatomy", "ablate"]


@pytest.fixture(scope="module")
def folder(shelf: Shelf) -> Path:
    write_checkpoint(shelf.root / "prompt")
    return shelf.root / "prompt"


def glosses(trace: Trace) -> list[str]:
    """The source word with most weight of the head that covers the source best, read literally."""
    words = trace.weights["cross"][..., :-1]
    layer, head = np.unravel_index(words.max(-2).mean(-1).argmax(), words.shape[:2])
    found = []
    for word in range(len(trace.target.words)):
        rows = [row for row, piece in enumerate(trace.target.pieces) if piece.word == word]
        of_word = np.zeros(len(trace.source.words))
        for column, piece in enumerate(trace.source.pieces):
            if piece.word >= 0:
                of_word[piece.word] += trace.weights["cross"][layer, head][rows, column].mean()
        found.append(trace.source.words[int(of_word.argmax())].text.strip(".,;:!?"))
    return found


def test_a_gloss_leaves_the_punctuation_beside_a_word_out() -> None:
    source = SimpleNamespace(words=[SimpleNamespace(text="The"), SimpleNamespace(text="“dogs!”")])
    word = AlignedWord("Hunde", 0.5, source_word=1, source_weight=0.5)
    assert gloss(SimpleNamespace(source=source), word) == "dogs"


@pytest.mark.parametrize("page", PAGES)
def test_every_page_has_the_sentence_and_its_translation_in_words(
    shelf: Shelf, folder: Path, page: str
) -> None:
    trace = traced(folder)
    data = components(shelf(page, text=SENTENCE, model="prompt"), "sentence_in_words")[0]
    assert data["source"]["words"] == [word.text for word in trace.source.words]
    (line,) = data["translations"]
    assert [word["text"] for word in line["words"]] == [word.text for word in trace.target.words]
    assert line["text"] == trace.target.text
    assert [word["gloss"] for word in line["words"]] == glosses(trace)
    assert not any(word["is_changed"] for word in line["words"])


def test_under_a_change_what_is_new_is_marked(shelf: Shelf, folder: Path) -> None:
    change = "dec.L1=skip"
    page = shelf("ablate", text=SENTENCE, model="prompt", ablation=change)
    data = components(page, "sentence_in_words")[0]
    before, after = data["translations"]
    assert before["text"] == traced(folder).target.text
    assert after["text"] == traced(folder, change).target.text
    kept = [word["text"] for word in after["words"] if not word["is_changed"]]
    new = [word["text"] for word in after["words"] if word["is_changed"]]
    assert new
    left = iter(before["text"].split())
    assert all(word in left for word in kept), "what is not marked stands in the first, in order"
