"""The pictures of a page without its controls: for the page, for an HTML file, for a notebook."""

from pathlib import Path
from typing import TYPE_CHECKING

from core.records import Trace
from explorer import one_head
from explorer.best_head import BestHead
from explorer.components import beam, overview, stepper
from explorer.differences import score
from explorer.figures import vector
from explorer.figures.head import token_label
from explorer.figures.inside import head_norms_figure, softmax_figure, walk_figure
from explorer.figures.standalone import Picture, View
from explorer.heads import KINDS, column_labels, column_title, row_labels, row_title
from explorer.inside import caveat, row_of
from explorer.shown import Shown, is_typed, n_chosen
from explorer.state import Run
from explorer.translation import followed, source_tokens, step_tokens

if TYPE_CHECKING:
    from core.inspection import HeadInternals

TILES_NOTE = (
    "Rows of a square ask, columns are looked at, bright is a large weight (square-root colours)."
)
WALK_NOTE = "Every column is one key. Grey is below zero, colour above; point at it for numbers."


def translation_pictures(shown: Shown) -> list[Picture]:
    """The translation step by step, and the tree that its search explored.

    For a typed translation nothing was searched; its score takes the tree's place.
    """
    data = stepper_data(shown, None, can_change=False)
    steps = View(stepper.SCRIPT, stepper.STYLE, data)
    if is_typed(shown.choice.run):
        said = f"Typed: {score(shown.trace)}. {ribbons_note(shown)}"
        return [Picture("Step by step", steps, said)]
    tree = beam.beam_payload(shown.trace.found, shown.trace.names)
    return [
        Picture("Step by step", steps, ribbons_note(shown)),
        Picture("What the search explored", View(beam.SCRIPT, beam.STYLE, tree)),
    ]


def head_pictures(shown: Shown) -> list[Picture]:
    """All heads of the chosen kind of attention, and the chosen one enlarged."""
    kind = shown.view.kind
    tiles = overview.payload(shown.trace.weights[kind], layer=shown.layer, head=shown.head)
    return [
        Picture(
            f"{KINDS[kind]}: all heads",
            View(overview.SCRIPT, overview.STYLE, tiles),
            TILES_NOTE,
        ),
        one_head.picture(shown),
    ]


def inside_pictures(shown: Shown, inside: "HeadInternals") -> tuple[Picture, Picture, Picture]:
    """Equation 1 for one row of a head, its softmax with and without the scale, all heads' shares."""
    row = row_of(shown, inside)
    keys = [token_label(key) for key in row.keys]
    rows = row_labels(shown.trace, row.kind)
    norms = head_norms_figure(
        inside.share_norms,
        rows=[token_label(label) for label in rows],
        row_title=row_title(row.kind),
        marked=(shown.query, shown.head - 1),
    )
    title = f"{place_of(shown)}, row {rows[shown.query]}"
    return (
        Picture(title, walk_figure(row.walked, keys=keys), f"{caveat(row)} {WALK_NOTE}".strip()),
        Picture(
            "The softmax with the division by √d_k and without",
            softmax_figure(row.walked, keys=keys),
        ),
        Picture("How much each head adds to each row", norms),
    )


def place_of(shown: Shown) -> str:
    return f"{KINDS[shown.view.kind]}, layer {shown.layer}, head {shown.head}"


def heads_svg(shown: Shown) -> str:
    """All heads of the chosen kind of attention for print, with their weights."""
    trace, kind = shown.trace, shown.view.kind
    return vector.heads_svg(
        trace.weights[kind],
        rows=row_labels(trace, kind),
        columns=column_labels(trace, kind),
        row_title=row_title(kind),
        column_title=column_title(kind),
        title=f"{KINDS[kind]}: all heads",
        about=f"{trace.source.text} → {trace.target.text}",
    )


def stepper_data(shown: Shown, before: Trace | None, *, can_change: bool = True) -> bytes:
    """What the stepper is given; what differs from the run `before` is marked."""
    trace, run = shown.trace, shown.choice.run
    return stepper.payload(
        source_tokens(trace),
        step_tokens(
            trace, followed(shown.best, run), n_forced=n_chosen(run, trace), earlier=before
        ),
        trace.weights,
        start=trace.consumed[0].name,
        run=run_name(shown.folder, run),
        layer=shown.layer,
        head=shown.head,
        step=shown.step,
        late=late_head(shown.best),
        can_change=can_change,
    )


def ribbons_note(shown: Shown) -> str:
    """What the ribbons say, and of which head; or why there are none."""
    best, run = shown.best, shown.choice.run
    head = f"layer {best.layer}, head {best.head}"
    if not followed(best, run):
        return (
            f"There are no ribbons and no words under the pieces: they follow {head}, and under this "
            f"change of the model ({run.ablation}) it makes no difference where that head looks."
        )
    found = (
        f"Ribbons and the word under each piece: the source that {head} looked at most; that head "
        f"{best.reason}."
    )
    if not best.is_late:
        return found
    return (
        f"{found} It looks at a word’s source one step after the word was written, when the decoder "
        "reads it: a ribbon shows the row of that next step, and the panel “This step looks at the "
        "source” the row of the step itself."
    )


def late_head(best: BestHead) -> tuple[int, int] | None:
    """Layer and head, from 1, whose row the stepper says to be one step late."""
    return (best.layer, best.head) if best.is_late else None


def run_name(folder: Path, run: Run) -> str:
    return f"{folder.name} {run}"
