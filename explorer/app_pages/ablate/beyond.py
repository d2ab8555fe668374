"""What was measured once for a checkpoint on a whole text: heads left out, pruned, and gated."""

import shlex
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import streamlit as st

from core.analysis.effects.corpus_results import SWEEP, read_sweep
from core.analysis.effects.pruning_results import PRUNING, read_pruning
from core.checkpoint.required import model_config_of
from core.experiments.gates.results import GATES, GateResults, read_gates
from explorer.app_pages.ablate import pictures
from explorer.components.toggles.component import Effects
from explorer.engine.folder_version import VERSIONED_FILES
from explorer.engine.measured import kept, other_weights
from explorer.figures.standalone import Picture
from explorer.frame.chart import draw_chart
from explorer.frame.messages import code, note, notice, plain
from explorer.frame.tables import draw_table


def worth_on_text(folder: Path) -> Effects | None:
    """The change of BLEU on a text without each head, if it was measured and can be read."""
    swept = None
    with suppress(ValueError):  # named where the picture would be
        swept = kept(folder, (SWEEP,), read_sweep)
    if swept is None or not swept.heads_left_out():
        return None
    return Effects(
        f"Change of BLEU without it, on {swept.n_sentences:,} sentences",
        {
            head.place: effect.differences["bleu"].value
            for head, effect in swept.heads_left_out().items()
        },
        "BLEU",
    )


def draw_beyond_this_sentence(folder: Path) -> None:
    """Draw all of it; a file beside the model that cannot be read costs its own picture, and is named."""
    st.subheader("Which heads matter beyond this sentence?", anchor=False)
    _unless_bad(_draw_worth, folder)
    st.subheader("How many heads can go?", anchor=False)
    _unless_bad(_draw_pruning, folder)
    _unless_bad(_draw_gates, folder)


def pictures_beyond(folder: Path) -> Iterator[Picture]:
    """Those whose file is there and can be read; on the page a notice names the others."""
    for picture_of in (_worth_picture, _pruning_picture, _gates_picture):
        with suppress(ValueError):
            if picture := picture_of(folder):
                yield picture


def _worth_picture(of: Path) -> Picture | None:
    return kept(of, (SWEEP,), _read_worth)


def _read_worth(of: Path) -> Picture | None:
    return pictures.worth_picture(read_sweep(of))


def _pruning_picture(of: Path) -> Picture | None:
    return kept(of, (PRUNING,), _read_pruning)


def _read_pruning(of: Path) -> Picture | None:
    return pictures.pruning_picture(read_pruning(of))


def _gates_picture(of: Path) -> Picture | None:
    return kept(of, (*VERSIONED_FILES, GATES, PRUNING), _read_gates)


def _read_gates(of: Path) -> Picture | None:
    return pictures.gates_picture(_gates(of), read_pruning(of))


def _unless_bad(draw: Callable[[Path], None], folder: Path) -> None:
    try:
        draw(folder)
    except ValueError as error:
        notice(f"{error}.")


def _draw_worth(of: Path) -> None:
    folder = shlex.quote(f"checkpoints/{of.name}")
    command = f"python -m core ablate --checkpoint {folder} --sweep heads --output {folder}/{SWEEP}"
    _measured(
        _worth_picture(of),
        f"{code(command)} with a text and its translation (`--source`, `--reference`) leaves out one head after another. "
        "This page then shows what each is worth in BLEU.",
    )
    if rows := pictures.worth_table(kept(of, (SWEEP,), read_sweep)):
        with st.expander("Every head in numbers, the most missed first"):
            draw_table(
                rows,
                name="heads-left-out",
                caption=f"Every head of {of.name} left out alone: the change of each score, with the "
                "middle 95 % of its resamples.",
            )


def _draw_pruning(of: Path) -> None:
    command = f"python -m core prune --checkpoint {shlex.quote(f'checkpoints/{of.name}')}"
    _measured(
        _pruning_picture(of),
        f"{code(command)} with a text and its translation removes heads "
        "one after another, the least important first (Michel et al. 2019), and measures BLEU on the "
        "way. This page then shows the curve.",
    )


def _draw_gates(of: Path) -> None:
    command = f"python -m core gates --checkpoint {shlex.quote(f'checkpoints/{of.name}')}"
    st.markdown("**And if the model may go on learning?**")
    _measured(
        _gates_picture(of),
        f"{code(command)}, with texts to learn from, to validate and to measure "
        "on (`--help`), charges the model for every open head while it goes on learning (Voita et al. 2019).",
    )
    if rows := pictures.gates_table(kept(of, (*VERSIONED_FILES, GATES), _gates)):
        with st.expander("Which heads are left, as a table"):
            draw_table(
                rows, name="gates", caption=f"Heads of {of.name} that are left at each price"
            )


def _gates(of: Path) -> GateResults | None:
    """Raises ValueError if the file cannot be read, or is of other weights."""
    found = read_gates(of, model_config_of(of))
    if found and (problem := other_weights(of, GATES, found.weights_hash, "gates")):
        raise ValueError(problem)
    return found


def _measured(picture: Picture | None, how: str) -> None:
    if picture is None:
        note(f"Nobody has measured it for this checkpoint yet. {how}")
        return
    draw_chart(picture.shown, alt=picture.title)
    note(plain(picture.note))
