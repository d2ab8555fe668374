"""Do heads align words? Cross-attention against gold word alignments (Och & Ney 2003), and where
there are none, against itself read in both directions.

A gold file has one line a sentence pair: `i-j` for a sure link of source word i and target word j,
`ipj` for a possible one, words counted from 1 (the RWTH and Hansards sets).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.analysis.head_place import HeadPlace
from core.analysis.heads.word_attention import AlignmentStep, word_weights
from core.analysis.trace.capture import weights_of
from core.analysis.trace.capture_corpus import capture_corpus
from core.model import Transformer
from core.model.transformer import attention_tap
from core.text.parallel import DataError, read_lines
from core.text.vocabulary import Vocabulary, encode_pairs

Link = tuple[int, int]  # source word, target word, from 0


@dataclass(frozen=True, slots=True)
class GoldAlignment:
    sure: frozenset[Link]
    possible: frozenset[Link]  # holds the sure links too


ByStep = dict[AlignmentStep, NDArray[np.float64]]
"""A number of each cross-attention head, read at either step: each N H."""
LEAST_WORDS = 2
"""Of each side of a pair that shows whether a head agrees with itself."""
STEPS: tuple[AlignmentStep, ...] = ("produced", "consumed")


@dataclass(frozen=True, slots=True)
class HeadAlignment:
    """Alignment error rates of all cross-attention heads, and the best head."""

    error_rates: ByStep  # from 0 (perfect) to 1
    n_sentences: int

    @property
    def best(self) -> tuple[AlignmentStep, HeadPlace]:
        """The head with the lowest error rate, and the step at which it is read."""
        return _highest({step: -rates for step, rates in self.error_rates.items()})

    def to_json(self) -> dict[str, Any]:
        """Layers and heads count from 1, as on screen."""
        rows, place = self.best
        return {
            "rows": rows,
            "layer": place.layer_number,
            "head": place.head_number,
            "alignment_error_rate": round(
                float(self.error_rates[rows][place.layer, place.head]), 4
            ),
            "error_rates": {r: e.round(4).tolist() for r, e in self.error_rates.items()},
            "n_sentences": self.n_sentences,
        }


@dataclass(frozen=True, slots=True)
class HeadAgreement:
    """How often each cross-attention head agrees with itself in both directions.

    The share of target words whose source word, by the largest weight of the target word's row, has
    that target word as its own, by the largest weight of its column.
    """

    shares: ByStep  # from 0 to 1 (every link is mutual)
    n_sentences: int

    @property
    def best(self) -> tuple[AlignmentStep, HeadPlace]:
        """The head that agrees most, and the step at which it is read."""
        return _highest(self.shares)

    def to_json(self) -> dict[str, Any]:
        """Layers and heads count from 1, as on screen."""
        rows, place = self.best
        return {
            "rows": rows,
            "layer": place.layer_number,
            "head": place.head_number,
            "agreement": round(float(place.of({"cross": self.shares[rows]})), 4),
            "agreements": {step: shares.round(4).tolist() for step, shares in self.shares.items()},
            "n_sentences": self.n_sentences,
        }


def _highest(values: ByStep) -> tuple[AlignmentStep, HeadPlace]:
    step = max(STEPS, key=lambda each: float(values[each].max()))
    layer, head = np.unravel_index(values[step].argmax(), values[step].shape)
    return step, HeadPlace("cross", int(layer), int(head))


def read_gold(file: Path) -> list[GoldAlignment]:
    """Raises DataError, naming the line, if a link is neither `i-j` nor `ipj`."""
    alignments = []
    for number, line in enumerate(read_lines(file), start=1):
        links: dict[str, set[Link]] = {"-": set(), "p": set()}
        for link in line.split():
            match = re.fullmatch(r"([1-9]\d*)([-p])([1-9]\d*)", link)
            if not match:
                raise DataError(f"{file}, line {number}: {link!r} is not a link; write 3-4 or 3p4")
            links[match[2]].add((int(match[1]) - 1, int(match[3]) - 1))
        sure = frozenset(links["-"])
        alignments.append(GoldAlignment(sure, sure | links["p"]))
    return alignments


def check_links(gold: GoldAlignment, source: str, target: str, where: str) -> None:
    """Check that a tokenised sentence pair has the words that its gold links join.

    Args:
        where: what the message calls the pair.

    Raises:
        DataError: if a link names a word beyond the end of a sentence.
    """
    n_source, n_target = len(source.split()), len(target.split())
    for s, t in sorted(gold.possible):
        if s >= n_source or t >= n_target:
            raise DataError(
                f"{where}: the gold link of words {s + 1} and {t + 1} is beyond the sentence, which has "
                f"{n_source} source and {n_target} target words; give the text that was aligned"
            )


def head_alignment(
    model: Transformer,
    vocabulary: Vocabulary,
    sources: Sequence[str],
    targets: Sequence[str],
    gold: Sequence[GoldAlignment],
) -> HeadAlignment:
    """Alignment error rate of each cross-attention head on tokenised text with gold alignments.

    Each target word links to the source word with the largest weight (gold translations are
    forced). AER = 1 - (|A∩S| + |A∩P|) / (|A| + |S|), counted over the whole text.

    Raises:
        ValueError: if the three are not equally long, or a gold link lies beyond its sentence.
    """
    if not len(sources) == len(targets) == len(gold):
        raise ValueError(
            f"{len(sources)} sources, {len(targets)} targets, {len(gold)} alignments; "
            "there must be one of each for a sentence"
        )
    for number, (source, target, links) in enumerate(zip(sources, targets, gold, strict=True), 1):
        check_links(links, source, target, f"sentence {number}")
    hits = _zeros(model)
    n_links = sum(len(links.sure) for links in gold)
    for index, by_step in _words(model, vocabulary, sources, targets):
        for step, weights in by_step.items():
            linked = weights.argmax(-1)  # N H target words
            for target_word in range(linked.shape[-1]):
                hits[step] += _hits(linked[..., target_word], target_word, gold[index])
        n_links += by_step["produced"].shape[-2]
    return HeadAlignment({r: 1.0 - h / max(n_links, 1) for r, h in hits.items()}, len(gold))


def head_agreement(
    model: Transformer, vocabulary: Vocabulary, sources: Sequence[str], targets: Sequence[str]
) -> HeadAgreement:
    """How often each cross-attention head agrees with itself in both directions, over a text.

    Special tokens are left out, and pairs with a side of one word, where every head agrees. It needs no
    gold alignments, so any text and language will do.

    Raises:
        ValueError: if the two are not equally long, or no pair has several words on both sides.
    """
    if len(sources) != len(targets):
        raise ValueError(f"{len(sources)} sources, but {len(targets)} targets; give one for each")
    mutual, n_words, n_sentences = _zeros(model), 0, 0
    for _, by_step in _words(model, vocabulary, sources, targets):
        if min(by_step["produced"].shape[-2:]) < LEAST_WORDS:
            continue
        for step, weights in by_step.items():
            mutual[step] += _n_mutual(weights)
        n_words += by_step["produced"].shape[-2]
        n_sentences += 1
    if not n_words:
        raise ValueError("no sentence pair has several words on both sides; give another text")
    return HeadAgreement({step: found / n_words for step, found in mutual.items()}, n_sentences)


def _n_mutual(weights: NDArray[Any]) -> NDArray[np.float64]:
    """The target words whose link is mutual: N H t s -> N H."""
    to_source, to_target = weights.argmax(-1), weights.argmax(-2)  # N H t, N H s
    back = np.take_along_axis(to_target, to_source, -1)
    return np.asarray((back == np.arange(back.shape[-1])).sum(-1), np.float64)


def _zeros(model: Transformer) -> ByStep:
    shape = (model.config.n_decoder_layers, model.config.n_heads)
    return {step: np.zeros(shape) for step in STEPS}


def _words(
    model: Transformer, vocabulary: Vocabulary, sources: Sequence[str], targets: Sequence[str]
) -> Iterator[tuple[int, dict[AlignmentStep, NDArray[Any]]]]:
    """Index of each pair, and the weights between its words, N H t s, with the target forced.

    A pair with a side that has no words, or nothing but special tokens, is left out.
    """
    ids = encode_pairs(vocabulary, list(zip(sources, targets, strict=True)))
    full = [i for i, pair in enumerate(zip(*ids, strict=True)) if all(pair)]
    source_ids, target_ids = ([side[i] for i in full] for side in ids)
    for captured in capture_corpus(model, source_ids, target_ids, [attention_tap("cross", "*")]):
        for row, index in enumerate(captured.indices):
            keys = vocabulary.source.read([*source_ids[index], model.config.end_id])
            read = vocabulary.target.read(target_ids[index])
            if not keys.words or not read.words:
                continue
            pieces, n_keys = read.pieces, len(keys.pieces)
            weights = weights_of(model, captured.seen, row, kinds=("cross",))["cross"]
            by_step: dict[AlignmentStep, NDArray[Any]] = {
                "produced": weights[:, :, : len(pieces), :n_keys],
                "consumed": weights[:, :, 1 : len(pieces) + 1, :n_keys],
            }
            yield (
                full[index],
                {
                    step: word_weights(of_step, pieces, keys.pieces)
                    for step, of_step in by_step.items()
                },
            )


def _hits(linked: NDArray[Any], target_word: int, gold: GoldAlignment) -> NDArray[np.float64]:
    """How often each head's link is sure, plus how often it is possible: N H."""
    sure = [s for s, t in gold.sure if t == target_word]
    possible = [s for s, t in gold.possible if t == target_word]
    return np.isin(linked, sure).astype(float) + np.isin(linked, possible)
