"""Encoder heads against dependency trees: one relation at a time, and whole trees."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.analysis.heads.word_attention import weights_between
from core.analysis.roles.count_text import Tallies
from core.analysis.roles.tally import Tally, count
from core.analysis.trace.capture import weights_of
from core.analysis.trace.capture_corpus import capture_batch
from core.checkpoint.folder import Checkpoint
from core.checkpoint.text_tasks import over_batches
from core.config import ModelConfig
from core.model.transformer import attention_tap
from core.system.executor import WorkExecutor
from core.text.batches import TextBatch
from core.text.treebank import ROOT, Tree

RELATIONS = (
    "nsubj", "obj", "amod", "advmod", "det", "case", "nmod", "obl", "aux", "cop", "mark", "compound",
    "conj", "cc", "nummod",
)  # fmt: skip
"""Of Universal Dependencies; Voita et al. 2019 take the first four."""
OFFSETS = (-5, -4, -3, -2, -1, 1, 2, 3, 4, 5)
"""Each trivial rule names the word at one distance."""
TO_HEAD, TO_DEPENDENT = "{}: from the dependent to its head", "{}: from the head to its dependent"


@dataclass(frozen=True, slots=True)
class TreeCounts:
    """Undirected attachment of each head against the trees, sentence by sentence."""

    hits: NDArray[np.float64]  # n N H
    baseline: NDArray[np.float64]  # n: each word attached to the next
    chances: NDArray[np.float64]  # n

    def put(self, sentences: Sequence[int], part: "TreeCounts") -> None:
        """Copy the counts of some sentences, one a row of `part`."""
        self.hits[sentences] = part.hits
        self.baseline[sentences] = part.baseline
        self.chances[sentences] = part.chances


def relation_names() -> list[str]:
    return [form.format(relation) for relation in RELATIONS for form in (TO_HEAD, TO_DEPENDENT)]


def count_trees(
    checkpoint: Checkpoint, trees: Sequence[Tree], executor: WorkExecutor | None = None
) -> tuple[Tallies, TreeCounts]:
    """Every encoder head on every tree; punctuation and words without pieces are left out of whole
    trees.

    Args:
        executor: where the trees are read; by default, in this process. The result is the same.
    """
    sources = checkpoint.vocabulary.source.encode_lines([tree.text for tree in trees])
    tally, counts = _empty(checkpoint.config, len(trees))
    counted = partial(_count_batch, trees=tuple(trees))
    for indices, (of_batch, whole) in over_batches(
        counted, checkpoint, sources, [[]] * len(trees), executor
    ):
        tally.put(indices.tolist(), of_batch)
        counts.put(indices.tolist(), whole)
    return {("syntactic", "encoder"): tally}, counts


def _empty(config: ModelConfig, n: int) -> tuple[Tally, TreeCounts]:
    """For n trees, of which nothing is counted yet."""
    shape = (config.n_encoder_layers, config.n_heads)
    tally = Tally.empty(n, relation_names(), shape, n_rules=len(OFFSETS))
    return tally, TreeCounts(np.zeros((n, *shape)), np.zeros(n), np.zeros(n))


def _count_batch(
    checkpoint: Checkpoint, batch: TextBatch, *, trees: Sequence[Tree]
) -> tuple[Tally, TreeCounts]:
    """One row for each sentence of the batch."""
    tally, counts = _empty(checkpoint.config, len(batch.indices))
    for row, (words, weights) in enumerate(_between_words(checkpoint, batch, trees)):
        tree = trees[batch.indices[row]]
        _relations(tally, row, tree, words, weights)
        _whole_tree(counts, row, tree, words, weights)
    return tally, counts


def _between_words(
    checkpoint: Checkpoint, batch: TextBatch, trees: Sequence[Tree]
) -> Iterator[tuple[set[int], NDArray[Any]]]:
    """Of each tree, its words that have pieces, and the weights between its words: N H w w."""
    model, vocabulary = checkpoint.model, checkpoint.vocabulary
    seen = capture_batch(model, batch, [attention_tap("encoder", "*")]).seen
    for row, (index, source) in enumerate(zip(batch.indices, batch.sources, strict=True)):
        pieces = vocabulary.source.read([*source, checkpoint.config.end_id]).pieces
        word_of = trees[index].words_of(pieces)
        weights = weights_of(model, seen, row, kinds=("encoder",))["encoder"]
        own = weights[..., : len(pieces), : len(pieces)]
        between = weights_between(own, word_of, len(trees[index].words))
        yield {word for word in word_of if word >= 0}, between


def _relations(tally: Tally, row: int, tree: Tree, words: set[int], weights: NDArray[Any]) -> None:
    tops, at, n_words = weights.argmax(-1), np.arange(len(tree.words)), len(tree.words)
    rules = [
        np.where((at + offset >= 0) & (at + offset < n_words), at + offset, -1)
        for offset in OFFSETS
    ]
    for relation in RELATIONS:
        to_head = np.zeros((n_words, n_words), bool)
        for dependent, word in enumerate(tree.words):
            if word.relation == relation and word.head != ROOT and {dependent, word.head} <= words:
                to_head[dependent, word.head] = True
        for form, targets in ((TO_HEAD, to_head), (TO_DEPENDENT, to_head.T)):
            tally.add(row, form.format(relation), count(tops, targets, baselines=rules))


def _whole_tree(
    counts: TreeCounts, index: int, tree: Tree, words: set[int], weights: NDArray[Any]
) -> None:
    kept = [n for n in sorted(words) if tree.words[n].relation != "punct"]
    number = {word: at for at, word in enumerate(kept)}
    gold = [(number[n], number[tree.words[n].head]) for n in kept if tree.words[n].head in number]
    if not gold:
        return
    shape = weights.shape[:2]
    between = weights[..., kept, :][..., kept].reshape(-1, len(kept), len(kept))
    parents = spanning_trees(between + between.swapaxes(-1, -2))
    children, heads = (np.array(side) for side in zip(*gold, strict=True))
    hits = (parents[:, children] == heads) | (parents[:, heads] == children)
    counts.hits[index] = hits.sum(-1).reshape(shape)
    counts.baseline[index] = np.sum(np.abs(children - heads) == 1)
    counts.chances[index] = len(gold)


def spanning_trees(weights: NDArray[np.floating[Any]]) -> NDArray[np.intp]:
    """The maximum spanning tree of each symmetric matrix, by Prim's algorithm: M w w -> M w.

    Returns:
        The parent of each node; of the first, which is the root, -1.
    """
    n_trees, n = weights.shape[:2]
    every = np.arange(n_trees)
    is_in = np.zeros((n_trees, n), bool)
    is_in[:, 0] = True
    nearest, parents = weights[:, 0].astype(float), np.zeros((n_trees, n), np.intp)
    parents[:, 0] = -1
    for _ in range(n - 1):
        new = np.where(is_in, -np.inf, nearest).argmax(1)
        is_in[every, new] = True
        is_nearer = (weights[every, new] > nearest) & ~is_in
        nearest = np.where(is_nearer, weights[every, new], nearest)
        parents = np.where(is_nearer, new[:, None], parents)
    return parents
