"""A sentence that is unlike the captions is said to be so."""

from core.analysis.trace.trace import Trace
from explorer.app_pages.table3.likeness import REFERENCES, unlike_captions
from explorer.choice.examples import CAPTION
from tests.explorer.apart import traced
from tests.test_table3 import FOLDER

BASE = FOLDER / "base"


def of(text: str) -> Trace:
    return traced(BASE, text=text)


def test_captions_are_like_captions() -> None:
    for text in (*REFERENCES, "Two dogs run through the snow.", "A girl is eating ice cream."):
        assert unlike_captions(of(text)) == ()
    assert CAPTION in REFERENCES


def test_words_that_the_vocabulary_cuts_are_counted_and_named() -> None:
    (cut, unsure) = unlike_captions(of("I don't know why he didn't call me yesterday."))
    assert "6 of its 9 words (“don't”, “know”, “why” and others) are not whole" in cut
    assert "27% per piece" in unsure


def test_a_translation_that_base_is_unsure_of_is_told() -> None:
    (unsure,) = unlike_captions(of("The woman who lives next door has three dogs."))
    assert "Base is unsure here: it gives its own translation 56% per piece" in unsure
