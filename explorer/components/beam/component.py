"""The tree of hypotheses that a search really explored, from left to right."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import streamlit as st

from explorer.components import source
from explorer.figures.colours import ROLES
from explorer.figures.head import piece_label, piece_labels

SCRIPT, STYLE = (
    source("common.js", "beam/component.js"),
    source("common.css", "beam/component.css"),
)

_mount = st.components.v2.component("beam_tree", js=SCRIPT, css=STYLE)


class TreeNode(Protocol):
    """One token of the tree; node 0 is `<s>`, and a parent stands before its children."""

    @property
    def parent(self) -> int: ...
    @property
    def token(self) -> int: ...
    @property
    def depth(self) -> int: ...
    @property
    def log_probability_nats(self) -> float: ...
    @property
    def total_nats(self) -> float: ...
    @property
    def score(self) -> float: ...
    @property
    def is_end(self) -> bool: ...


class SearchedTree(Protocol):
    """A search's tree, and the end node of each finished hypothesis, best first."""

    @property
    def tree(self) -> Sequence[TreeNode]: ...
    @property
    def ends(self) -> Sequence[int]: ...


def beam_payload(
    found: SearchedTree, names: Mapping[int, str], *, chosen: int | None = None
) -> dict[str, Any]:
    """The data that the script draws: every node with its place, its numbers and its parent.

    Args:
        names: the pieces that the tree mentions, by id.
        chosen: node of the branch that is open, to be marked and scrolled to.

    Raises:
        ValueError: if the tree has no such node.
    """
    if chosen is not None and not 0 <= chosen < len(found.tree):
        raise ValueError(f"chosen={chosen} is not a node of a tree of {len(found.tree)} nodes")
    rows = tree_rows(found)
    ranks = {end: rank for rank, end in reversed(list(enumerate(found.ends, start=1)))}
    winner = _path(found.tree, found.ends[0]) if found.ends else []
    texts = [piece_label(names[node.token]) for node in found.tree]
    best = piece_labels(names[found.tree[index].token] for index in winner)
    for index, text in zip(winner, best, strict=True):
        texts[index] = text  # in a branch that ends early, bytes may make no character
    nodes = [
        {
            "parent": node.parent,
            "text": texts[index],
            "depth": node.depth,
            "row": row,
            "log_probability": node.log_probability_nats,
            "total": node.total_nats,
            "score": node.score,
            "is_end": node.is_end,
            "rank": ranks.get(index),
        }
        for index, (node, row) in enumerate(zip(found.tree, rows, strict=True))
    ]
    return {
        "nodes": nodes,
        "winner": winner,
        "chosen": chosen,
        "colour": ROLES["attention"].mark,
    }


def beam_tree(
    found: SearchedTree,
    names: Mapping[int, str],
    *,
    chosen: int | None = None,
    key: str,
    on_open: Callable[[], None],
) -> None:
    """Draw the tree; a click, or arrow keys and Enter, opens the branch of a node.

    Args:
        on_open: called before the next run; `opened(key)` then says which node.
    """
    _mount(data=beam_payload(found, names, chosen=chosen), key=key, on_opened_change=on_open)


def opened(key: str) -> int | None:
    """The node that the reader has just opened; None in later runs."""
    node = getattr(st.session_state.get(key), "opened", None)
    return None if node is None else int(node)


def tree_rows(found: SearchedTree) -> list[int]:
    """A row for every node, so that no two nodes of a depth share one and the winner lies on row 0.

    A branch runs straight along its best child. Branches that leave late take the free row nearest
    to where they left; those that leave earlier go around them, and rows free again are used again.
    """
    tree = found.tree
    children: list[list[int]] = [[] for _ in tree]
    for index, node in enumerate(tree[1:], start=1):
        children[node.parent].append(index)
    winner = set(_path(tree, found.ends[0])) if found.ends else set()
    size = [1] * len(tree)
    for index in range(len(tree) - 1, 0, -1):
        size[tree[index].parent] += size[index]
    for siblings in children:
        siblings.sort(key=lambda i: (i not in winner, -size[i], -tree[i].total_nats))

    rows = [0] * len(tree)
    taken: dict[int, set[int]] = {}  # row -> depths in use
    waiting = [(0, 0)]  # first node of a branch, and the row it left from
    while waiting:
        first, start = waiting.pop()
        branch = [first]
        while children[branch[-1]]:
            branch.append(children[branch[-1]][0])
        depths = {tree[index].depth for index in branch}
        row = start
        while taken.get(row, set()) & depths:
            row += 1
        taken.setdefault(row, set()).update(depths)
        for index in branch:
            rows[index] = row
            waiting.extend((child, row) for child in reversed(children[index][1:]))
    return rows


def _path(tree: Sequence[TreeNode], end: int) -> list[int]:
    """From the root to a node."""
    path = [end]
    while tree[path[-1]].parent >= 0:
        path.append(tree[path[-1]].parent)
    return path[::-1]
