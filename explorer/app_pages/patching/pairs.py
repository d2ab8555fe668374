"""Pairs of English sentences that differ in one word, and so in one thing that German marks."""

PAIRS = {
    "Gender of an object: einen, eine": ("I have a dog.", "I have a cat."),
    "Gender of a subject: die, das": ("The woman is old.", "The house is old."),
    "Number: der, die": (
        "The dog is running through the snow.",
        "The dogs are running through the snow.",
    ),
    "Negation": ("Tom is not happy.", "Tom is very happy."),
    "A pronoun: ihn, sie": ("I do not know him.", "I do not know her."),
    "A colour": (
        "A man with a red hat is riding a horse.",
        "A man with a blue hat is riding a horse.",
    ),
}
"""What differs, and the two sentences; they have as many pieces in the bundled vocabulary."""


def partner(text: str) -> str:
    """The other sentence of a pair; empty if the text is in none."""
    for one, other in PAIRS.values():
        if text in (one, other):
            return other if text == one else one
    return ""
