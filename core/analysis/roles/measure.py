"""Score every head in every role, with intervals over sentences."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.analysis.alignment.gold import GoldAlignment
from core.analysis.head_place import HeadPlace
from core.analysis.roles.count_text import (
    Tallies,
    count_alignment,
    count_text,
    piece_counts,
)
from core.analysis.roles.count_trees import TreeCounts, count_trees
from core.analysis.roles.roles import Name, Played, Roles, RoleScore, TreeScore
from core.analysis.roles.tally import Tally
from core.checkpoint.folder import Checkpoint
from core.checkpoint.weights import weights_hash
from core.decoding.search import max_source_pieces
from core.evaluation.ratios import ratios
from core.system.executor import WorkExecutor
from core.text.treebank import Tree

LEAST_CHANCES = 30
"""Queries; what could happen less often is not scored."""
N_SENTENCES = 3
"""Sentences kept of those in which a head plays its role most, and least."""
LEAST_CHANCES_SHOWN = 2
"""In a sentence that is kept."""


@dataclass(frozen=True, slots=True)
class RoleText:
    """A text to measure on, as far as it is annotated."""

    name: str
    pairs: Sequence[tuple[str, str]] = ()
    trees: Sequence[Tree] = ()
    gold: Sequence[GoldAlignment] = ()
    """Of the pairs."""


def measure_roles(
    checkpoint: Checkpoint,
    text: RoleText,
    *,
    treebank: RoleText | None = None,
    aligned: RoleText | None = None,
    examples: RoleText | None = None,
    executor: WorkExecutor | None = None,
) -> Roles:
    """Score all heads of a checkpoint.

    Args:
        text: pairs, for the roles that need no annotation.
        treebank: trees, for syntactic heads; without it they are not scored.
        aligned: pairs with gold links, for aligners; without it they are not scored.
        examples: the sentences among which those are kept where a head plays its role most and
            least; without it, those of the text. It needs trees and gold links for roles that do.
        executor: where texts are read; by default, in this process. The result is the same.
    """
    text = fitting(checkpoint, text)
    treebank, aligned, examples = (
        fitting(checkpoint, each) if each else None for each in (treebank, aligned, examples)
    )
    frequency = piece_counts(checkpoint, [source for source, _ in text.pairs])
    tallies, trees = _tallies(checkpoint, text, treebank, aligned, frequency, executor)
    shown = tallies
    if examples:
        shown, _ = _tallies(checkpoint, examples, examples, examples, frequency, executor)
    scores: dict[HeadPlace, list[RoleScore]] = {}
    kept = _Kept({})
    for (name, kind), tally in tallies.items():
        texts = _texts(name, examples or text, treebank, aligned)
        for (layer, head), score in _scored(name, tally).items():
            place = HeadPlace(kind, layer, head)
            counted = shown.get((name, kind)) if score.is_held else None
            told = kept.with_sentences(score, place, counted, texts)
            scores.setdefault(place, []).append(told)
    measured = [each for each in (text, treebank, aligned) if each]
    return Roles(
        scores={place: tuple(scores[place]) for place in sorted(scores)},
        trees=_tree_scores(trees) if trees else {},
        tree_baseline=_share(trees.baseline, trees.chances) if trees else None,
        sentences=tuple(kept.index),
        kept_from=(examples or text).name,
        texts={each.name: len(each.pairs or each.trees) for each in measured},
        weights_hash=weights_hash(checkpoint.model),
    )


def fitting(checkpoint: Checkpoint, text: RoleText) -> RoleText:
    """The sentences that the model has positions for, with text on both sides.

    Raises:
        ValueError: if none is left; the message names the text.
    """
    vocabulary, most = checkpoint.vocabulary, max_source_pieces(checkpoint.config)
    n = len(text.pairs or text.trees)
    sides = [
        *([vocabulary.source.encode_lines([pair[0] for pair in text.pairs]),
           vocabulary.target.encode_lines([pair[1] for pair in text.pairs])] if text.pairs else []),
        *([vocabulary.source.encode_lines([tree.text for tree in text.trees])] if text.trees else []),
    ]  # fmt: skip
    kept = [at for at in range(n) if all(0 < len(side[at]) <= most for side in sides)]
    if not kept:
        raise ValueError(f"{text.name} has no sentence that this model can read; give another text")
    return RoleText(
        text.name,
        [text.pairs[at] for at in kept] if text.pairs else (),
        [text.trees[at] for at in kept] if text.trees else (),
        [text.gold[at] for at in kept] if text.gold else (),
    )


def _tallies(
    checkpoint: Checkpoint,
    text: RoleText,
    treebank: RoleText | None,
    aligned: RoleText | None,
    frequency: Mapping[int, int],
    executor: WorkExecutor | None,
) -> tuple[Tallies, TreeCounts | None]:
    tallies, trees = count_text(checkpoint, text.pairs, frequency, executor), None
    if aligned and aligned.gold:
        tallies |= count_alignment(checkpoint, aligned.pairs, aligned.gold, executor)
    if treebank and treebank.trees:
        of_trees, trees = count_trees(checkpoint, treebank.trees, executor)
        tallies |= of_trees
    return tallies, trees


def _texts(
    name: str, text: RoleText, treebank: RoleText | None, aligned: RoleText | None
) -> Sequence[tuple[str, str]]:
    """The sentences that the rows of a tally stand for."""
    of = {"syntactic": treebank, "aligner": aligned}.get(name) if not text.trees else text
    chosen = of or text
    return chosen.pairs or [(tree.text, "") for tree in chosen.trees]


@dataclass(frozen=True, slots=True)
class _Kept:
    """Sentences that are stored, each once."""

    index: dict[tuple[str, str], int]

    def with_sentences(
        self,
        score: RoleScore,
        place: HeadPlace,
        tally: Tally | None,
        texts: Sequence[tuple[str, str]],
    ) -> RoleScore:
        """The score with the sentences in which the head plays its role most, and least.

        Args:
            tally: of `texts`; None if none are to be kept.
        """
        if tally is None or len(tally.hits) != len(texts):
            return score
        c = tally.names.index(score.what)
        hits, chances = tally.hits[:, c, place.layer, place.head], tally.chances[:, c]
        often = np.flatnonzero(chances >= LEAST_CHANCES_SHOWN)
        usable = (often if len(often) else np.flatnonzero(chances)).tolist()
        order = sorted(usable, key=lambda n: (-hits[n] / chances[n], -chances[n], n))
        n_least = min(N_SENTENCES, max(len(order) - N_SENTENCES, 0))

        def played(numbers: Sequence[int]) -> tuple[Played, ...]:
            places = [self.index.setdefault(texts[n], len(self.index)) for n in numbers]
            return tuple(
                Played(at, int(hits[n]), int(chances[n]))
                for at, n in zip(places, numbers, strict=True)
            )

        least = order[len(order) - n_least :][::-1]
        return dataclasses.replace(score, most=played(order[:N_SENTENCES]), least=played(least))


def _scored(name: Name, tally: Tally) -> dict[tuple[int, int], RoleScore]:
    """The score of every head, for what sets it farthest above baseline and control."""
    chances = tally.chances.sum(0)  # C
    often = np.flatnonzero(chances >= LEAST_CHANCES)
    if not len(often):
        return {}
    rules = tally.baselines.sum(0).argmax(-1)  # C: the best rule, over the whole text
    baselines = np.take_along_axis(tally.baselines, rules[None, :, None], -1)[..., 0]  # n C
    margin = tally.hits.sum(0) - np.maximum(
        baselines.sum(0)[:, None, None], tally.control.sum(0)
    )  # C N H
    chosen = often[(margin[often] / chances[often, None, None]).argmax(0)]  # N H
    at = (slice(None), chosen, *np.indices(chosen.shape))
    hits, control = tally.hits[at], tally.control[at]  # n N H
    own_chances, own_baseline = tally.chances[:, chosen], baselines[:, chosen]
    score = ratios((hits, own_chances))
    above_baseline = ratios(((hits - own_baseline), own_chances))
    above_control = ratios(((hits - control), own_chances))
    found = {}
    for place in np.ndindex(chosen.shape):
        found[place[0], place[1]] = RoleScore(
            name=name,
            what=tally.names[chosen[place]],
            score=score.at(place),
            baseline=_share(own_baseline[:, *place], own_chances[:, *place]),
            control=_share(control[:, *place], own_chances[:, *place]),
            above_baseline=above_baseline.at(place),
            above_control=above_control.at(place),
            n_chances=int(chances[chosen[place]]),
        )
    return found


def _share(hits: NDArray[np.float64], chances: NDArray[np.float64]) -> float:
    total = float(chances.sum())
    return float(hits.sum()) / total if total else 0.0


def _tree_scores(trees: TreeCounts) -> dict[HeadPlace, TreeScore]:
    chances = trees.chances[:, None, None]
    score = ratios((trees.hits, chances))
    above = ratios((trees.hits - trees.baseline[:, None, None], chances))
    return {
        HeadPlace("encoder", layer, head): TreeScore(
            score.at((layer, head)), above.at((layer, head))
        )
        for layer, head in np.ndindex(trees.hits.shape[1:])
    }
