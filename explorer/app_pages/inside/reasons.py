"""Why the head looks there: its scores, split by who wrote the query and who wrote the keys."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from core.analysis.head_place import HeadPlace
from explorer.app_pages.inside.fields import InsideFields, Split
from explorer.choice import session
from explorer.choice.page_context import PageContext
from explorer.engine.analyses import score_parts
from explorer.figures.axes import Array, largest, signed
from explorer.figures.head import token_label
from explorer.figures.signed_cells import least_px, signed_cells
from explorer.figures.standalone import Picture
from explorer.frame.chart import draw_chart
from explorer.frame.messages import note, plain
from explorer.frame.pick import pick
from explorer.frame.wide import wide
from explorer.head.matrix import column_labels, row_labels

if TYPE_CHECKING:
    from core.analysis.scores.parts import ScoreParts

MOST_ROWS = 12
LEAST = 1e-9
OTHERS = "all others"
SPLITS: dict[Split, str] = {
    "key": "Keys",
    "query": "Query",
    "both": "Both",
}
NOTE = (
    "A query and a key are each a sum of vectors, written by the embedding of the token, by its position, and by every "
    "head and feed-forward layer below. So their product splits into parts. “Position → token” is the position part of "
    "the query times the token part of the key. From each row its mean over the keys is taken off, as an equal amount on "
    "all keys does not change the softmax. Each column adds up to the score less the mean score. Layer norms are kept at "
    "their real scale, so nothing is left over."
)
CROSS = " The encoder writes the keys, the decoder the query."


@dataclass(frozen=True, slots=True)
class Reasons:
    """The rows of the picture: the largest parts, and what all others make together."""

    names: tuple[str, ...]
    parts: Array  # row x key, less the mean over keys


def draw_reasons(shown: PageContext) -> list[Picture]:
    """Draw the split of the row on show; returns its picture, if there is one."""
    st.subheader("Why does it look there?", anchor=False)
    if shown.choice.run.ablation:
        note("The split is that of the unchanged model. Use the model as it is to see it.")
        return []
    try:
        found = score_parts(shown.folder, shown.choice.run, shown.trace, shown.place, shown.query)
    except ValueError as error:
        note(f"There is no split: {plain(str(error))}.")
        return []
    split = shown.of(InsideFields).split
    pick("By what wrote the", SPLITS, **session.bind(InsideFields, "split"))
    keys = column_labels(shown.trace, shown.view.kind)[: found.parts.shape[-1]]
    asks = row_labels(shown.trace, shown.view.kind)[shown.query]
    st.markdown(plain(in_words(found, split, asks, keys)))
    picture = reasons_picture(found, shown.place, split, asks=asks, keys=keys)
    with wide("reasons", least_px(len(keys)) + 60):
        draw_chart(picture.shown, alt=picture.title, key="reasons-chart")
    note(picture.note)
    return [picture]


def reasons_picture(
    found: "ScoreParts", place: HeadPlace, split: Split, *, asks: str, keys: Sequence[str]
) -> Picture:
    """The parts of the scores of one query, a row a writer, a column a key.

    Args:
        asks, keys: the names of the query and of the keys.
    """
    reasons = reasons_of(found, split)
    figure = signed_cells(
        reasons.parts,
        limit=largest(reasons.parts),
        texts=[[signed(part, 1) for part in row] for row in reasons.parts],
        hovers=[
            [
                f"{token_label(name)}, key {token_label(key)}: {signed(part, plus=True)}"
                for key, part in zip(keys, row, strict=True)
            ]
            for name, row in zip(reasons.names, reasons.parts, strict=True)
        ],
        rows=list(reasons.names),
        columns=list(map(token_label, keys)),
        number="part of the score",
        column_title="key",
    )
    said = f"{NOTE}{CROSS if place.kind == 'cross' else ''}"
    return Picture(f"{place.name}: why “{asks}” looks where it does", figure, said)


def reasons_of(found: "ScoreParts", split: Split) -> Reasons:
    """The parts of the scores by writer, the largest first."""
    names, parts = _by(found, split)
    sizes = np.abs(parts).max(-1)
    order = [row for row in np.argsort(-sizes, kind="stable") if sizes[row] > LEAST]
    kept, left = order[:MOST_ROWS], order[MOST_ROWS:]
    rows = [parts[row] for row in kept]
    labels = [names[row] for row in kept]
    if left or not kept:
        rows.append(parts[left].sum(0))
        labels.append(OTHERS)
    return Reasons(tuple(labels), np.array(rows))


def _by(found: "ScoreParts", split: Split) -> tuple[list[str], Array]:
    """Every writer and its part of the score of each key, less the mean over keys."""
    if split == "key":
        names, parts = list(found.key_writers), found.parts.sum(0)
    elif split == "query":
        names, parts = list(found.query_writers), found.parts.sum(1)
    else:
        names = [f"{query} → {key}" for query in found.query_writers for key in found.key_writers]
        parts = found.parts.reshape(len(names), -1)
    return names, parts - parts.mean(-1, keepdims=True)


def in_words(found: "ScoreParts", split: Split, asks: str, keys: Sequence[str]) -> str:
    """Which key has the highest score, which parts raise it most, and which lowers it most.

    All parts count here, those too that the picture adds up as `OTHERS`.
    """
    names, parts = _by(found, split)
    total = parts.sum(0)
    top = int(total.argmax())
    if len(keys) == 1:
        return f"“{asks}” may attend to “{keys[0]}” alone, so nothing has to lift it."
    named = sorted(zip(parts[:, top].tolist(), names, strict=True))
    said = [
        f"“{asks}” scores “{keys[top]}” highest: {signed(float(total[top]), plus=True)} against the mean of its keys."
    ]
    raising = [_named(*each) for each in reversed(named[-3:]) if each[0] > 0]
    if raising:
        said.append(f"What raises it most: {', '.join(raising)}.")
    if named[0][0] < 0:
        said.append(f"What lowers it most: {_named(*named[0])}.")
    return " ".join(said)


def _named(part: float, name: str) -> str:
    return f"{name} ({signed(part, plus=True)})"
