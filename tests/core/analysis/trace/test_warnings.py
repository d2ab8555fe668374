"""What is unusual about an input or an output is said in words, and nothing else is."""

import dataclasses
import math

import pytest

from core.analysis.trace.trace import Trace
from core.analysis.trace.warnings import MOST_WORDS, warnings_of
from core.model import Transformer
from core.text.pieces import Word
from core.text.vocabulary import JointVocabulary
from tests.core.tracing import model_for, traced_by


@pytest.fixture(scope="module")
def usual(tokenizer: JointVocabulary) -> Trace:
    """A trace that nothing is to be said about: likely, of a few known words."""
    traced = traced_by(model_for(tokenizer), tokenizer)
    steps = tuple(
        dataclasses.replace(step, log_probability_nats=math.log(0.9)) for step in traced.steps
    )
    best = dataclasses.replace(
        traced.best, steps=steps, log_probability_nats=len(steps) * math.log(0.9)
    )
    found = dataclasses.replace(traced.found, hypotheses=(best,))
    n = len(traced.source.pieces)
    return with_source_words(
        dataclasses.replace(traced, found=found, is_new_in_source=(False,) * n), 7
    )


def with_source_words(trace: Trace, n: int) -> Trace:
    """As many words of two letters, none of which a piece belongs to."""
    words = tuple(Word("ab", 0, 2) for _ in range(n))
    pieces = tuple(dataclasses.replace(piece, word=-1) for piece in trace.source.pieces)
    return dataclasses.replace(
        trace, source=dataclasses.replace(trace.source, words=words, pieces=pieces)
    )


def with_target(trace: Trace, *words: str) -> Trace:
    target = dataclasses.replace(trace.target, words=tuple(Word(word, 0, 1) for word in words))
    return dataclasses.replace(trace, target=target)


def test_nothing_is_said_of_a_usual_sentence(usual: Trace) -> None:
    assert warnings_of(usual) == ()


def test_pieces_that_training_never_showed_are_named_by_their_words(
    tokenizer: JointVocabulary,
) -> None:
    traced = traced_by(model_for(tokenizer), tokenizer)
    marked = tuple(piece.word == 1 for piece in traced.source.pieces)
    said = warnings_of(dataclasses.replace(traced, is_new_in_source=marked))
    assert any("never showed the model pieces of “\u2068old\u2069”." in each for each in said)
    assert not any("“\u2068man\u2069”" in each and "never" in each for each in said)


def test_a_word_that_is_spelt_is_named(model: Transformer, tokenizer: JointVocabulary) -> None:
    source = tokenizer.read([*tokenizer.encode("WXYZQ man"), 3])
    traced = traced_by(model_for(tokenizer), tokenizer)
    said = warnings_of(
        dataclasses.replace(traced, source=source, is_new_in_source=(False,) * len(source.pieces))
    )
    assert any("“\u2068WXYZQ\u2069” falls into letters and fragments" in each for each in said)
    assert not any("man" in each for each in said)


@pytest.mark.parametrize(("n", "is_long"), [(MOST_WORDS, False), (MOST_WORDS + 1, True)])
def test_a_long_sentence(usual: Trace, n: int, is_long: bool) -> None:
    long = with_target(with_source_words(usual, n), *(f"w{i}" for i in range(n)))
    assert bool(warnings_of(long)) == is_long
    if is_long:
        assert warnings_of(long) == (
            f"The sentence has {n} words; so long ones were rare in training.",
        )


@pytest.mark.parametrize(
    ("words", "repeated"),
    [
        (("da", "da", "da", "x"), "da"),
        (("Da", "da,", "da."), "Da"),
        (("x", "a", "b", "a", "b", "a", "b"), "a b"),
        (("da", "da", "x", "da"), None),
    ],
)
def test_repeats(usual: Trace, words: tuple[str, ...], repeated: str | None) -> None:
    said = [each for each in warnings_of(with_target(usual, *words)) if "repeats" in each]
    expected = f"The translation repeats “\u2068{repeated}\u2069”: the model seems to be lost."
    assert said == ([expected] if repeated else [])


def test_repeats_within_a_word(usual: Trace) -> None:
    target = with_target(usual, "TONTONTONTON").target
    pieces = tuple(
        dataclasses.replace(target.pieces[0], kind="text", surface=each)
        for each in "xTONtonTONTONy"
    )
    found = dataclasses.replace(usual, target=dataclasses.replace(target, pieces=pieces))
    said = "The translation repeats “\u2068TON\u2069”: the model seems to be lost."
    assert said in warnings_of(found)
    digits = tuple(dataclasses.replace(pieces[0], surface="0") for _ in range(9))
    thousands = dataclasses.replace(target, pieces=digits)
    assert not any(
        "repeats" in said for said in warnings_of(dataclasses.replace(usual, target=thousands))
    )
    fewer = dataclasses.replace(usual, target=dataclasses.replace(target, pieces=pieces[3:]))
    assert said not in warnings_of(fewer)


@pytest.mark.parametrize(
    ("words", "said"),
    [(".", "no word"), ("a", "1 word"), ("ab", "2 words"), ("abc", None), ("ab.", "2 words")],
)
def test_a_short_translation(usual: Trace, words: str, said: str | None) -> None:
    of_length = [
        each for each in warnings_of(with_target(usual, *words)) if "probably left out" in each
    ]
    expected = f"The translation has {said} for 7: something was probably left out."
    assert of_length == ([expected] if said else [])


def test_an_unsure_model(usual: Trace) -> None:
    steps = usual.steps
    best = dataclasses.replace(usual.best, log_probability_nats=len(steps) * math.log(0.25))
    unsure = dataclasses.replace(usual, found=dataclasses.replace(usual.found, hypotheses=(best,)))
    assert warnings_of(unsure) == ("The model was unsure: 25% per piece on average.",)


@pytest.mark.parametrize(
    ("n", "said"), [(1, "1 part of the sentence is"), (3, "3 parts of the sentence are")]
)
def test_what_the_vocabulary_lacks_is_counted(usual: Trace, n: int, said: str) -> None:
    pieces = tuple(
        dataclasses.replace(piece, name="<unk>", kind="special") if number < n else piece
        for number, piece in enumerate(usual.source.pieces)
    )
    source = dataclasses.replace(usual.source, pieces=pieces)
    (warning,) = warnings_of(dataclasses.replace(usual, source=source))
    assert warning == f"{said} not in the model's vocabulary: it reads <unk> there."
