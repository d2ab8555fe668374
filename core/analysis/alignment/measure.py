"""Which head, or layer, aligns words best: against gold alignments, and against itself in both directions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.analysis.alignment.gold import GoldAlignment, check_links
from core.analysis.alignment.links import WordLink, linked, links_of, mutual
from core.analysis.alignment.words import (
    READINGS,
    VALUES,
    Reading,
    WordMatrices,
    over_word_matrices,
)
from core.analysis.head_place import HeadPlace
from core.analysis.heads.word_attention import AlignmentStep
from core.checkpoint.folder import Checkpoint
from core.evaluation.ratios import Estimate, Ratios, ratios
from core.system.executor import WorkExecutor

LEAST_WORDS = 2
"""Of each side of a pair that shows whether a head agrees with itself: with one, all do."""


@dataclass(frozen=True, slots=True)
class HeadChoice:
    """A head of cross-attention, or a whole layer, and how it is read."""

    reading: Reading
    layer: int  # from 0
    head: int | None  # from 0; None for the layer as a whole

    @property
    def place(self) -> tuple[int, int]:
        """Its index in an array N (H + 1), where a layer as a whole is last."""
        return self.layer, -1 if self.head is None else self.head

    @property
    def label(self) -> str:
        """`L1H6`, or `L1` for a layer."""
        if self.head is None:
            return f"L{self.layer + 1}"
        return HeadPlace("cross", self.layer, self.head).short


@dataclass(frozen=True, slots=True)
class Alignment:
    """How well every cross-attention head, and every layer, aligns the words of a text."""

    agreements: Mapping[Reading, Ratios]
    """N (H + 1), the last of each layer is the layer as a whole: the share of target words whose
    source word, by the largest number of the target word's row, has that target word as its own, by
    the largest number of its column. 0 (no link is mutual) to 1."""
    error_rates: Mapping[Reading, Ratios] | None
    """N (H + 1): alignment error rates, 0 (perfect) to 1; None without gold alignments."""
    n_sentences: int

    @property
    def best(self) -> HeadChoice:
        """The single head that aligns best by its attention weights, and at which step."""
        return self.best_of([("weights", "produced"), ("weights", "consumed")])

    def best_of(self, readings: Sequence[Reading], *, layers: bool = False) -> HeadChoice:
        """The best single head, or whole layer, among these readings."""
        found = max(
            readings, key=lambda reading: float(self._goodness(reading, layers=layers).max())
        )
        goodness = self._goodness(found, layers=layers)
        layer, head = np.unravel_index(goodness.argmax(), goodness.shape)
        return HeadChoice(found, int(layer), None if layers else int(head))

    def _goodness(self, reading: Reading, *, layers: bool) -> NDArray[np.float64]:
        """N H, or N 1 of whole layers; more is better."""
        error_rates = self.error_rates
        values = (
            self.agreements[reading].values if error_rates is None else -error_rates[reading].values
        )
        return values[:, -1:] if layers else values[:, :-1]

    def of(self, choice: HeadChoice) -> tuple[Estimate | None, Estimate]:
        """The error rate, if there is gold, and the agreement of one head or layer."""
        at, rates = choice.place, self.error_rates
        rate = rates[choice.reading].at(at) if rates is not None else None
        return rate, self.agreements[choice.reading].at(at)

    def to_json(self) -> dict[str, Any]:
        """What metrics.json holds: the best head, and every head and layer. Layers and heads count
        from 1, as on screen; `layers` has [rate or share, low, high] for each layer."""
        best = self.best
        rate, agreement = self.of(best)
        name = "agreement" if rate is None else "alignment_error_rate"
        by_reading = self.agreements if self.error_rates is None else self.error_rates
        return {
            "rows": best.reading[1],
            "layer": best.layer + 1,
            "head": (best.head or 0) + 1,
            name: round((rate or agreement).value, 4),
            "agreements" if rate is None else "error_rates": {
                step: by_reading["weights", step].values[:, :-1].round(4).tolist()
                for step in _steps(by_reading)
            },
            "layers": {
                values: {
                    step: [
                        by_reading[values, step].at((n, -1)).rounded() for n in range(self.n_layers)
                    ]
                    for step in _steps(by_reading)
                }
                for values in VALUES
            },
            "n_sentences": self.n_sentences,
        }

    @property
    def n_layers(self) -> int:
        return len(self.agreements[READINGS[0]].values)


def _steps(by_reading: Mapping[Reading, Any]) -> list[AlignmentStep]:
    return list(dict.fromkeys(step for _, step in by_reading))


def measure_alignment(
    checkpoint: Checkpoint,
    sources: Sequence[str],
    targets: Sequence[str],
    gold: Sequence[GoldAlignment] | None = None,
    *,
    executor: WorkExecutor | None = None,
) -> Alignment:
    """Align a tokenised text with every head and layer, the targets forced.

    Each target word links to the source word with the largest number, or to none if special tokens
    have it. AER = 1 - (|A∩S| + |A∩P|) / (|A| + |S|), counted over the whole text (Och & Ney 2003, in
    the procedure of Kobayashi et al. 2020). Intervals are bootstrapped over sentences.

    Args:
        executor: where it is measured; by default, in this process. The result is the same.

    Raises:
        ValueError: if the sides are not equally long, a gold link lies beyond its sentence, or,
            without gold, no pair has several words on both sides.
    """
    if len({len(sources), len(targets), len(sources if gold is None else gold)}) > 1:
        alignments = "" if gold is None else f", {len(gold)} alignments"
        raise ValueError(
            f"{len(sources)} sources, {len(targets)} targets{alignments}; give one of each for a sentence"
        )
    for number, links in enumerate(gold or (), 1):
        check_links(links, sources[number - 1], targets[number - 1], f"sentence {number}")
    config, n = checkpoint.config, len(sources)
    shape = (n, config.n_decoder_layers, config.n_heads + 1)
    hits, n_links, n_mutual = ({reading: np.zeros(shape) for reading in READINGS} for _ in range(3))
    n_words = np.zeros((n, 1, 1))
    for index, pair in over_word_matrices(_links, checkpoint, sources, targets, executor=executor):
        is_telling = min(pair.n_target, pair.n_source) >= LEAST_WORDS
        n_words[index] = pair.n_target if is_telling else 0
        for reading, columns in pair.columns.items():
            n_links[reading][index] = (columns < pair.n_source).sum(-1)
            if is_telling:
                n_mutual[reading][index] = pair.n_mutual[reading]
            if gold:
                table = _gold_table(gold[index], pair.n_target, pair.n_source)
                hits[reading][index] = table[np.arange(pair.n_target), columns].sum(-1)
    if gold is None and not n_words.any():
        raise ValueError("no sentence pair has several words on both sides; give another text")
    return Alignment(
        {reading: ratios((n_mutual[reading], n_words)) for reading in READINGS},
        None if gold is None else _error_rates(gold, hits, n_links),
        len(sources) if gold is not None else int(np.count_nonzero(n_words)),
    )


@dataclass(frozen=True, slots=True)
class _Links:
    """The links of one sentence pair, by every head and layer."""

    n_target: int
    n_source: int
    columns: Mapping[Reading, NDArray[np.intp]]
    """N (H + 1) t: the source word of each target word; `n_source` where it has none."""
    n_mutual: Mapping[Reading, NDArray[np.intp]]
    """N (H + 1): how many links are mutual."""


def _links(matrices: WordMatrices) -> _Links:
    n_target, n_columns = next(iter(matrices.values())).shape[-2:]
    return _Links(
        n_target=n_target,
        n_source=n_columns - 1,
        columns={reading: linked(matrix) for reading, matrix in matrices.items()},
        n_mutual={reading: mutual(matrix).sum(-1) for reading, matrix in matrices.items()},
    )


def text_links(
    checkpoint: Checkpoint,
    sources: Sequence[str],
    targets: Sequence[str],
    choice: HeadChoice,
    *,
    executor: WorkExecutor | None = None,
) -> list[list[WordLink]]:
    """The links of each pair, by one head or layer; none where a side has no words."""
    links: list[list[WordLink]] = [[] for _ in sources]
    chosen, values = partial(_chosen_links, choice=choice), [choice.reading[0]]
    for index, of_pair in over_word_matrices(
        chosen, checkpoint, sources, targets, values, executor
    ):
        links[index] = of_pair
    return links


def _chosen_links(matrices: WordMatrices, *, choice: HeadChoice) -> list[WordLink]:
    return links_of(matrices[choice.reading][choice.place])


def _gold_table(gold: GoldAlignment, n_target: int, n_source: int) -> NDArray[np.float64]:
    """t (s + 1): 2 where a link is sure, 1 where it is only possible."""
    table = np.zeros((n_target, n_source + 1))
    for links in (gold.sure, gold.possible):
        for s, t in links:
            if s < n_source and t < n_target:
                table[t, s] += 1
    return table


def _error_rates(
    gold: Sequence[GoldAlignment],
    hits: Mapping[Reading, NDArray[np.float64]],
    n_links: Mapping[Reading, NDArray[np.float64]],
) -> dict[Reading, Ratios]:
    n_sure = np.array([len(links.sure) for links in gold], float)[:, None, None]
    return {
        reading: ratios((n_links[reading] + n_sure - hits[reading], n_links[reading] + n_sure))
        for reading in READINGS
    }
