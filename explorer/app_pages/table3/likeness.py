"""Whether a sentence is like the image captions that the models of Table 3 learnt from."""

from core.analysis.trace.trace import Trace, mean_probability
from core.text.pieces import PiecedText
from explorer.choice.examples import CAPTION

REFERENCES = {
    CAPTION: "Ein Mann in einer roten Jacke fährt mit dem Fahrrad die Straße entlang.",
    "Two children are playing football in the park.": "Zwei Kinder spielen im Park Fußball.",
}
"""Sentences written for this project as captions are, with a person's translation."""

MOST_CUT = 1 / 3
"""Of 19 in 20 captions (multi30k-val) the family's vocabulary cuts no larger share of the words."""
LEAST_SURE = 0.58
"""Base gives three in four captions (150 of multi30k-val) more per piece than this."""


def unlike_captions(trace: Trace) -> tuple[str, ...]:
    """Sentences on what sets a source text apart from the captions; none if nothing does.

    Args:
        trace: of base, whose vocabulary all variants share.
    """
    found = []
    cut, n_words = _cut_words(trace.source)
    if n_words and len(cut) > MOST_CUT * n_words:
        shown = ", ".join(f"“{word}”" for word in cut[:3]) + (" and others" if cut[3:] else "")
        found.append(
            "This sentence is unlike the image captions that these models learnt from: "
            f"{len(cut)} of its {n_words} words ({shown}) are not whole in their vocabulary."
        )
    mean = mean_probability(trace)
    if mean < LEAST_SURE:
        found.append(
            f"Base is unsure here: it gives its own translation {mean:.0%} per piece. These models "
            "know image captions and hardly any other text."
        )
    return tuple(found)


def _cut_words(text: PiecedText) -> tuple[list[str], int]:
    """The words of several pieces that hold a letter, and the number of all words."""
    n_pieces = [0] * len(text.words)
    for piece in text.pieces:
        if piece.word >= 0 and any(character.isalnum() for character in piece.surface):
            n_pieces[piece.word] += 1
    cut = [word.text for word, n in zip(text.words, n_pieces, strict=True) if n > 1]
    return [word.strip(".,;:!?") for word in cut], len(text.words)
