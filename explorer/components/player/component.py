"""One sentence at several moments of a training: the translations, and one head, played in turn.

All moments are sent at once, so that the browser plays them without the server.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from explorer.components import pack, pack_weights, source
from explorer.figures.colours import weight_palette

SCRIPT, STYLE = (
    source("common.js", "player/component.js"),
    source("common.css", "player/component.css"),
)

_mount = st.components.v2.component("training_player", js=SCRIPT, css=STYLE)


@dataclass(frozen=True, slots=True)
class PlayedWord:
    """A word of a translation, or the same word several times in a row."""

    text: str
    times: int = 1
    gloss: str = ""
    """The source word that the head links it to at this moment."""
    source_word: int | None = None
    is_new: bool = False
    """Whether the translation of the moment before lacks it."""


@dataclass(frozen=True, slots=True)
class HeadRows:
    """One head's weights, with the names of its rows and the words of the translation they are of."""

    weights: NDArray[np.floating[Any]]  # rows, source pieces
    labels: Sequence[str]
    words: Sequence[int]  # -1: no word


@dataclass(frozen=True, slots=True)
class Moment:
    """What the model made of the sentence after a step of its training; step 0 is the end."""

    step: int
    name: str
    probability: float
    words: Sequence[PlayedWord]
    own: HeadRows
    held: HeadRows
    """Forced to write the finished model's translation, so that rows are the same at every moment."""


def payload(
    moments: Sequence[Moment],
    *,
    source: Sequence[tuple[str, int]],
    head: str,
    run: str,
    snapshot: int,
    is_held: bool,
) -> bytes:
    """What the script draws.

    Args:
        source: each source piece, and the word that it is of (-1: none).
        head: name of the head.
        run: names the sentence and the model; another one stops the film.
        snapshot: the step on show.
        is_held: whether the head's rows are those of the finished model's translation.
    """
    sent = weight_palette()
    described = []
    for moment in moments:
        parts = {}
        for name, rows in (("own", moment.own), ("held", moment.held)):
            parts[name] = {"labels": list(rows.labels), "words": list(rows.words), "at": len(sent)}
            sent += pack_weights(rows.weights)
        described.append(
            {
                "step": moment.step,
                "name": moment.name,
                "probability": moment.probability,
                "words": [asdict(word) for word in moment.words],
                **parts,
            }
        )
    meta = {
        "moments": described,
        "source": [{"text": text, "word": word} for text, word in source],
        "head": head,
        "run": run,
        "view": {"snapshot": snapshot, "held": is_held},
    }
    return pack(meta, sent)


def player(data: bytes, *, key: str, on_view: Callable[[], None]) -> None:
    """Draw a `payload`; `on_view` runs before the next script run, see `view_of`."""
    _mount(data=data, key=key, on_view_change=on_view)


def view_of(key: str) -> Mapping[str, Any] | None:
    """What the reader looks at: `snapshot`, the step, and `held`."""
    return getattr(st.session_state.get(key), "view", None)
