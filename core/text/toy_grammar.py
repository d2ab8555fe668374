"""Parallel text that the project makes itself: a small grammar of English and German.

Every sentence is built in both languages at once, with articles, adjective endings and verb
positions right, so a small model learns it in minutes and its attention can be checked by eye.
"""

import random
from collections.abc import Iterator

# English noun, German noun, gender
_PEOPLE = (
    ("man", "Mann", "m"), ("woman", "Frau", "f"), ("child", "Kind", "n"), ("girl", "Mädchen", "n"),
    ("boy", "Junge", "m"), ("teacher", "Lehrerin", "f"), ("cook", "Koch", "m"),
    ("doctor", "Ärztin", "f"), ("farmer", "Bauer", "m"), ("dog", "Hund", "m"), ("cat", "Katze", "f"),
    ("horse", "Pferd", "n"),
)  # fmt: skip
_THINGS = (
    ("table", "Tisch", "m"), ("lamp", "Lampe", "f"), ("book", "Buch", "n"), ("letter", "Brief", "m"),
    ("door", "Tür", "f"), ("house", "Haus", "n"), ("bicycle", "Fahrrad", "n"), ("ball", "Ball", "m"),
    ("flower", "Blume", "f"), ("apple", "Apfel", "m"), ("picture", "Bild", "n"),
    ("bridge", "Brücke", "f"),
)  # fmt: skip
_ADJECTIVES = (
    ("old", "alt"), ("small", "klein"), ("red", "rot"), ("new", "neu"), ("green", "grün"),
    ("beautiful", "schön"), ("quiet", "ruhig"), ("big", "groß"), ("yellow", "gelb"),
)  # fmt: skip
# English third person, English infinitive, German third person, German infinitive
_VERBS = (
    ("sees", "see", "sieht", "sehen"), ("finds", "find", "findet", "finden"),
    ("draws", "draw", "zeichnet", "zeichnen"), ("buys", "buy", "kauft", "kaufen"),
    ("carries", "carry", "trägt", "tragen"), ("looks for", "look for", "sucht", "suchen"),
    ("paints", "paint", "malt", "malen"), ("loves", "love", "liebt", "lieben"),
)  # fmt: skip
_TIMES = (
    ("today", "heute"), ("tomorrow", "morgen"), ("in the evening", "am Abend"), ("often", "oft"),
    ("now", "jetzt"),
)  # fmt: skip
_THE = {"m": ("der", "den"), "f": ("die", "die"), "n": ("das", "das")}
_A = {"m": ("ein", "einen"), "f": ("eine", "eine"), "n": ("ein", "ein")}
_ENDING_AFTER_A = {"m": ("er", "en"), "f": ("e", "e"), "n": ("es", "es")}
_ENDING_AFTER_THE = {"m": ("e", "en"), "f": ("e", "e"), "n": ("e", "e")}


def sentence_pairs(n: int, seed: int = 1) -> Iterator[tuple[str, str]]:
    """`n` English-German pairs, the same ones for the same seed."""
    choose = random.Random(seed)
    for _ in range(n):
        english, german = choose.choice((_statement, _statement, _wish, _question))(choose)
        yield english[0].upper() + english[1:], german[0].upper() + german[1:]


def _noun_phrase(
    choose: random.Random, nouns: tuple[tuple[str, str, str], ...], case: int
) -> tuple[str, str]:
    english, german, gender = choose.choice(nouns)
    definite = choose.random() < 0.5
    article = (_THE if definite else _A)[gender][case]
    if choose.random() < 0.5:
        adjective, stem = choose.choice(_ADJECTIVES)
        ending = (_ENDING_AFTER_THE if definite else _ENDING_AFTER_A)[gender][case]
        english, german = f"{adjective} {english}", f"{stem}{ending} {german}"
    indefinite = "an" if english[0] in "aeiou" else "a"
    return f"{'the' if definite else indefinite} {english}", f"{article} {german}"


def _statement(choose: random.Random) -> tuple[str, str]:
    (who, wer), (what, was) = _noun_phrase(choose, _PEOPLE, 0), _noun_phrase(choose, _THINGS, 1)
    verb, _, verb_de, _ = choose.choice(_VERBS)
    if choose.random() < 0.5:
        return f"{who} {verb} {what}.", f"{wer} {verb_de} {was}."
    when, wann = choose.choice(_TIMES)
    return f"{who} {verb} {what} {when}.", f"{wann} {verb_de} {wer} {was}."


def _wish(choose: random.Random) -> tuple[str, str]:
    (who, wer), (what, was) = _noun_phrase(choose, _PEOPLE, 0), _noun_phrase(choose, _THINGS, 1)
    _, verb, _, verb_de = choose.choice(_VERBS)
    return f"{who} wants to {verb} {what}.", f"{wer} will {was} {verb_de}."


def _question(choose: random.Random) -> tuple[str, str]:
    (who, wer), (what, was) = _noun_phrase(choose, _PEOPLE, 0), _noun_phrase(choose, _THINGS, 1)
    _, verb, verb_de, _ = choose.choice(_VERBS)
    return f"does {who} {verb} {what}?", f"{verb_de} {wer} {was}?"
