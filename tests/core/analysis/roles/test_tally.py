"""Hits, rules and controls, by hand."""

import numpy as np
import pytest

from core.analysis.roles.count_trees import spanning_trees
from core.analysis.roles.tally import count

TOPS = np.array([[[0, 2, 2, -1]]])  # N H q: one head, four queries


def test_only_queries_with_a_named_key_count():
    targets = np.zeros((4, 3), bool)
    targets[0, 0] = targets[1, 1] = targets[2, 2] = True
    counted = count(TOPS, targets)
    assert counted.chances == 3
    assert counted.hits == [[2]]  # query 0 and 2


def test_rows_are_dealt_to_the_other_queries():
    """Rows found 0, 2, 2. Query 0 names 0: neither other row; 1 names 1: none; 2 names 2: one of two."""
    targets = np.eye(4, 3, dtype=bool)
    np.testing.assert_allclose(count(TOPS, targets).control, [[0 + 0 + 1 / 2]])


def test_columns_are_shuffled_among_visible_keys():
    targets = np.zeros((4, 3), bool)
    targets[1, :2] = targets[3, 0] = True
    visible = np.ones((4, 3), bool)
    visible[3, 1:] = False
    counted = count(TOPS, targets, visible=visible)
    np.testing.assert_allclose(counted.control, [[2 / 3 + 1]])
    np.testing.assert_allclose(counted.baselines, [2 / 3 + 1])


def test_each_rule_has_its_own_hits():
    targets = np.eye(4, 3, dtype=bool)
    counted = count(TOPS, targets, baselines=[np.array([0, 1, 0, 0]), np.full(4, -1)])
    np.testing.assert_allclose(counted.baselines, [2, 0])


def test_spanning_trees_are_the_heaviest():
    """Against all trees of four nodes (Cayley: 16), drawn with random weights."""
    random = np.random.default_rng(1)
    weights = random.random((20, 4, 4))
    weights += weights.swapaxes(-1, -2)
    parents = spanning_trees(weights)
    codes = [(a, b) for a in range(4) for b in range(4)]
    for matrix, found in zip(weights, parents, strict=True):
        assert found[0] == -1
        total = sum(matrix[child, found[child]] for child in range(1, 4))
        best = max(sum(matrix[a, b] for a, b in _edges(code)) for code in codes)
        assert total == pytest.approx(best)


def _edges(code: tuple[int, int]) -> list[tuple[int, int]]:
    """The tree of a Prüfer code of length 2."""
    degree = [1 + code.count(node) for node in range(4)]
    edges = []
    for node in code:
        leaf = next(each for each in range(4) if degree[each] == 1)
        edges.append((leaf, node))
        degree[leaf] -= 1
        degree[node] -= 1
    return [*edges, tuple(each for each in range(4) if degree[each] == 1)]
