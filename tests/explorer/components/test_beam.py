"""The tree of hypotheses: where each node stands, and what it says."""

from collections import defaultdict
from typing import Any

import pytest

from core.config import SearchConfig
from core.decoding.result import Node, SearchResult
from core.decoding.search import search
from core.model import Transformer
from explorer.components.beam.component import beam_payload, tree_rows
from tests.core.helpers import sentences
from tests.explorer.trees import beam_of

TREES = [(1, 1), (1, 5), (7, 1), (13, 4), (60, 8)]
LONE_ROOT = SearchResult(hypotheses=(), tree=(Node(-1, 2, 0, 0.0, 0.0, 0.0, False),), ends=())


def names(found: SearchResult) -> dict[int, str]:
    return {node.token: f"▁{node.token}" for node in found.tree}


@pytest.mark.parametrize("size", TREES)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_two_nodes_of_a_step_share_a_row(size: tuple[int, int], seed: int) -> None:
    found = beam_of(*size, seed=seed)
    rows = defaultdict(set)
    for node, row in zip(found.tree, tree_rows(found), strict=True):
        assert row not in rows[node.depth]
        rows[node.depth].add(row)


@pytest.mark.parametrize("size", TREES)
def test_the_winner_runs_straight_along_the_top(size: tuple[int, int]) -> None:
    found = beam_of(*size)
    payload = beam_payload(found, names(found))
    assert {payload["nodes"][index]["row"] for index in payload["winner"]} == {0}
    assert payload["winner"][0] == 0
    assert payload["winner"][-1] == found.ends[0]
    assert [payload["nodes"][i]["depth"] for i in payload["winner"]] == list(range(size[0] + 1))


def test_on_the_best_path_bytes_are_called_by_their_character() -> None:
    tokens = [2, 10, 11, 12, 3]
    best = [Node(n - 1, token, n, 0.0, 0.0, 0.0, token == 3) for n, token in enumerate(tokens)]
    found = SearchResult((), (*best, Node(0, 12, 1, -1.0, -1.0, -1.0, False)), ends=(4,))
    of = {2: "<s>", 3: "</s>", 10: "<0xE2>", 11: "<0x82>", 12: "<0xAC>"}
    texts = [node["text"] for node in beam_payload(found, of)["nodes"]]
    assert texts == ["<s>", "€ 1/3", "€ 2/3", "€ 3/3", "</s>", "<0xAC>"]


def test_free_rows_are_used_again() -> None:
    found = beam_of(60, 8)
    n_leaves = len(set(range(len(found.tree))) - {node.parent for node in found.tree})
    assert max(tree_rows(found)) < n_leaves / 4


class CountedTree(tuple[Node, ...]):
    """A tree that counts how often a node is looked up."""

    n_reads = 0

    def __getitem__(self, index: Any) -> Any:
        self.n_reads += 1
        return super().__getitem__(index)


@pytest.mark.parametrize(("depth", "width"), [(15, 8), (60, 8), (240, 8), (60, 32)])
def test_the_work_of_a_layout_grows_with_the_tree_alone(depth: int, width: int) -> None:
    """So many looks a node, however long the sentence and wide the beam."""
    found = beam_of(depth, width)
    tree = CountedTree(found.tree)
    tree_rows(SearchResult(hypotheses=(), tree=tree, ends=found.ends))
    assert len(tree) < tree.n_reads < 8 * len(tree)


def test_a_real_search_fits(model: Transformer) -> None:
    """Records of core have what the component asks for, and each end gets its place once."""
    found = search(model, sentences(5), SearchConfig(beam_size=3, max_target_pieces=7), [()])[0]
    nodes = beam_payload(found, names(found))["nodes"]
    places = {index: node["rank"] for index, node in enumerate(nodes) if node["rank"]}
    assert places == {end: place for place, end in enumerate(found.ends, start=1)}
    assert all(nodes[end]["is_end"] for end in found.ends)
    for node, drawn in zip(found.tree, nodes, strict=True):
        assert drawn["log_probability"] == node.log_probability_nats
        assert (drawn["total"], drawn["score"]) == (node.total_nats, node.score)


def test_a_search_that_has_not_begun_is_a_root() -> None:
    payload = beam_payload(LONE_ROOT, {2: "<s>"})
    assert [node["text"] for node in payload["nodes"]] == ["<s>"]
    assert payload["winner"] == []


@pytest.mark.parametrize("chosen", [-1, 1])
def test_a_node_that_is_not_there_is_refused(chosen: int) -> None:
    with pytest.raises(ValueError, match=f"chosen={chosen} is not a node of a tree of 1 nodes"):
        beam_payload(LONE_ROOT, {2: "<s>"}, chosen=chosen)
