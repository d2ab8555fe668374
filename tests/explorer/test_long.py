"""The longest source that the search takes, on every page."""

import pytest

from core.text.vocabulary import JointVocabulary
from explorer.app_pages.registry import PAGES, url_path
from tests.checkpoints import SENTENCE, grammar_tokenizer
from tests.explorer.pages import Open, open_page

__all__ = ["open_page"]


def longest_text(tokenizer: JointVocabulary, n_pieces: int) -> str:
    """Sentences and single letters that make exactly so many pieces, `</s>` included."""
    text = SENTENCE
    while len(tokenizer.encode(f"{text} {SENTENCE}")) < n_pieces:
        text += f" {SENTENCE}"
    while len(tokenizer.encode(text)) < n_pieces - 1:
        text += " dog"
    assert len(tokenizer.encode(text)) == n_pieces - 1
    return text


@pytest.mark.slow
@pytest.mark.parametrize("page", [url_path(file) for file in PAGES.values()])
def test_512_pieces_are_shown(open_page: Open, page: str) -> None:
    text = longest_text(grammar_tokenizer(), 512)
    shown = open_page(page="" if page == "translate" else page, text=text, method="greedy")
    assert not shown.exception
    assert not shown.error
    asked = [box.value for box in shown.text_input if box.key == "sentence_text"]
    assert all(value == text for value in asked)  # Table 3 asks once a row is trained
