"""What a reader should know before believing a translation: unlike input, suspicious output.

Works on a `Trace`, without torch.
"""

from collections.abc import Sequence

from core.analysis.trace.trace import Trace, mean_probability
from core.text.marian import UNKNOWN
from core.text.pieces import PiecedText

MOST_WORDS = 40
"""Longer sentences are rare in the training texts of small models."""
LETTERS_A_PIECE = 1.5
SHORTEST_SPELT = 4
"""Words of fewer letters may well be cut into letters."""
LEAST_SHARE_OF_WORDS = 0.4
LEAST_WORDS_TO_SHORTEN = 5
LEAST_PROBABILITY = 0.4
MOST_REPEATS = 3
MOST_REPEATED_PIECES = 4
"""Within words: a "Tonton" is none, a "Tontontonton" is one."""


def warnings_of(trace: Trace) -> tuple[str, ...]:
    """Plain sentences on the input and the output of a trace; none where nothing is unusual."""
    return (*_of_input(trace), *_of_output(trace))


def _of_input(trace: Trace) -> list[str]:
    found = []
    n_unknown = sum(piece.name == UNKNOWN for piece in trace.source.pieces)
    if n_unknown:
        parts = (
            "1 part of the sentence is"
            if n_unknown == 1
            else f"{n_unknown} parts of the sentence are"
        )
        found.append(f"{parts} not in the model's vocabulary: it reads {UNKNOWN} there.")
    unseen = _words_with(trace.source, trace.is_new_in_source)
    if unseen:
        found.append(f"Training never showed the model pieces of {_quoted(unseen)}.")
    spelt = _spelt_words(trace.source)
    if spelt:
        found.append(
            f"{_quoted(spelt)} {'fall' if len(spelt) > 1 else 'falls'} into letters and fragments: "
            "such words were rare in training."
        )
    if len(trace.source.words) > MOST_WORDS:
        found.append(
            f"The sentence has {len(trace.source.words)} words; so long ones were rare in training."
        )
    return found


def _of_output(trace: Trace) -> list[str]:
    found = []
    words = [word.text.strip(".,!?") for word in trace.target.words]
    repeated = " ".join(_repeated(words, MOST_REPEATS)) or "".join(
        _repeated(_letters(trace), MOST_REPEATED_PIECES)
    )
    if repeated:
        found.append(f"The translation repeats {_quoted([repeated])}: the model seems to be lost.")
    n_source, n_target = len(trace.source.words), sum(map(bool, words))
    if n_source >= LEAST_WORDS_TO_SHORTEN and n_target < LEAST_SHARE_OF_WORDS * n_source:
        found.append(
            f"The translation has {n_target or 'no'} {'word' if n_target < 2 else 'words'} "
            f"for {n_source}: something was probably left out."
        )
    mean = mean_probability(trace)
    if mean < LEAST_PROBABILITY:
        found.append(f"The model was unsure: {mean:.0%} per piece on average.")
    return found


def _words_with(text: PiecedText, marked: Sequence[bool]) -> list[str]:
    """The words that hold a marked piece."""
    words = {piece.word for piece, mark in zip(text.pieces, marked, strict=True) if mark}
    return [text.words[word].text for word in sorted(words) if word >= 0]


def _spelt_words(text: PiecedText) -> list[str]:
    """Words of several letters with hardly more letters than pieces; digits often stand alone."""
    n_pieces = [0] * len(text.words)
    for piece in text.pieces:
        if piece.word >= 0:
            n_pieces[piece.word] += 1
    return [
        word.text
        for word, n in zip(text.words, n_pieces, strict=True)
        if len(word.text) >= SHORTEST_SPELT
        and len(word.text) < LETTERS_A_PIECE * n
        and any(map(str.isalpha, word.text))
    ]


def _letters(trace: Trace) -> list[str]:
    """What the pieces of the translation write, without spaces."""
    return [piece.surface for piece in trace.target.pieces if piece.kind != "special"]


def _repeated(parts: Sequence[str], n_times: int) -> Sequence[str]:
    """The first part, or run of up to three, that stands so many times in a row, as written.

    Capitals make no difference.
    """
    folded = [part.casefold() for part in parts]
    for size in (1, 2, 3):
        for first in range(len(parts) - n_times * size + 1):
            part = folded[first : first + size]
            has_letters = any(map(str.isalpha, "".join(part)))
            if has_letters and folded[first : first + n_times * size] == part * n_times:
                return parts[first : first + size]
    return ()


def _quoted(words: Sequence[str]) -> str:
    """Each in an isolate, so that a word from right to left does not turn the sentence around."""
    shown = [f"“\u2068{word}\u2069”" for word in words[:3]]
    return ", ".join(shown) + (f" and {len(words) - 3} more" if len(words) > 3 else "")
