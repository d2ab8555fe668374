"""A search tree as a beam would leave it, of any size, with made-up numbers."""

import numpy as np

from core.decoding.result import Node, SearchResult


def beam_of(depth: int, width: int, seed: int = 1) -> SearchResult:
    """`width` survivors a step, each step's from the best continuations of the last."""
    random = np.random.default_rng(seed)
    tree = [Node(-1, 0, 0, 0.0, 0.0, 0.0, False)]
    front = [0]
    for step in range(1, depth + 1):
        losses = random.exponential(1.2, (len(front), width))
        continuations = sorted(
            (tree[parent].total_nats - loss, parent, -loss)
            for parent, row in zip(front, losses.tolist(), strict=True)
            for loss in row
        )[: -width - 1 : -1]
        front = list(range(len(tree), len(tree) + len(continuations)))
        tree += [
            Node(parent, len(tree) + i, step, loss, total, total / step, step == depth)
            for i, (total, parent, loss) in enumerate(continuations)
        ]
    return SearchResult(hypotheses=(), tree=tuple(tree), ends=tuple(front))
