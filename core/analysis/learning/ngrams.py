"""An n-gram model of a text, to ask how much a translation sounds like the language."""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

START, END = "<s>", "</s>"


class NgramModel:
    """Interpolated Witten-Bell smoothing (Chen & Goodman 1999, section 2.6) over words.

    The lowest order is mixed with an even distribution over the words seen and one for all others, so
    no probability is 0.
    """

    def __init__(self, order: int, sentences: Sequence[Sequence[str]]) -> None:
        if order < 1:
            raise ValueError(f"order={order} must be at least 1")
        self.order = order
        self._counts: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
        for sentence in sentences:
            words = [*[START] * (order - 1), *sentence, END]
            for place in range(order - 1, len(words)):
                for n in range(order):
                    self._counts[tuple(words[place - n : place])][words[place]] += 1
        self._n_words = len(self._counts[()]) + 1

    def probability(self, word: str, context: Sequence[str]) -> float:
        """P(word | the last `order` - 1 words of the context)."""
        found = 1 / self._n_words
        for n in range(min(self.order - 1, len(context)) + 1):
            counts = self._counts.get(tuple(context[len(context) - n :]))
            if counts:
                n_kinds, total = len(counts), counts.total()
                found = (counts[word] + n_kinds * found) / (total + n_kinds)
        return found

    def log_probability_nats(self, sentence: Sequence[str]) -> tuple[float, int]:
        """Of a sentence with its end, and the number of words, the end counted."""
        words = [*[START] * (self.order - 1), *sentence, END]
        total = 0.0
        for place in range(self.order - 1, len(words)):
            context = words[place - self.order + 1 : place] if self.order > 1 else []
            total += math.log(self.probability(words[place], context))
        return total, len(sentence) + 1
