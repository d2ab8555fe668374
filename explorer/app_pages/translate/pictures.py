"""The pictures of a page without its controls: for the page, for an HTML file, for a notebook."""

from pathlib import Path

from core.analysis.head_place import HeadPlace
from core.analysis.heads.best import BestHead
from core.analysis.trace.trace import Trace
from explorer.app_pages.translate.tokens import source_tokens, step_tokens
from explorer.choice.choice import Run
from explorer.choice.page_context import PageContext, is_typed, n_chosen
from explorer.components.beam import component as beam
from explorer.components.stepper import component as stepper
from explorer.figures.standalone import Mounted, Picture
from explorer.frame.in_words import followed
from explorer.head.differences import score


def translation_pictures(shown: PageContext) -> list[Picture]:
    """The translation step by step, and the tree that its search explored.

    For a typed translation nothing was searched; its score takes the tree's place.
    """
    data = stepper_data(shown, None, can_change=False)
    steps = Mounted(stepper.SCRIPT, stepper.STYLE, data)
    if is_typed(shown.choice.run):
        said = f"Typed: {score(shown.trace)}. {ribbons_note(shown)}"
        return [Picture("Step by step", steps, said)]
    tree = beam.beam_payload(shown.trace.found, shown.trace.names)
    return [
        Picture("Step by step", steps, ribbons_note(shown)),
        Picture("What the search explored", Mounted(beam.SCRIPT, beam.STYLE, tree)),
    ]


def stepper_data(shown: PageContext, before: Trace | None, *, can_change: bool = True) -> bytes:
    """The data of the stepper; tokens that differ from the run `before` are marked."""
    trace, run = shown.trace, shown.choice.run
    return stepper.payload(
        source_tokens(trace),
        step_tokens(
            trace, followed(shown.best, run), n_forced=n_chosen(run, trace), earlier=before
        ),
        trace.weights,
        start=trace.consumed[0].name,
        run=run_name(shown.folder, run),
        place=shown.place,
        step=shown.step,
        late=late_head(shown.best),
        can_change=can_change,
    )


def ribbons_note(shown: PageContext) -> str:
    """A note on the ribbons and their head; or why there are none."""
    best, run = shown.best, shown.choice.run
    head = best.place.in_words
    if not followed(best, run):
        return (
            f"There are no ribbons and no words under the pieces: they follow {head}, and under this "
            f"change of the model ({run.ablation}) it makes no difference where that head looks."
        )
    return f"Ribbons: the source word that each piece was aligned with ({head})."


def how_aligned(best: BestHead) -> str:
    """How it is known which source word a piece came from."""
    known = f"{best.place.name} {best.reason}."
    if not best.is_late:
        return known
    return (
        f"{known} It looks at a word’s source one step after the word was written, when the decoder "
        "reads it. So a ribbon shows the row of the next step."
    )


def late_head(best: BestHead) -> HeadPlace | None:
    """The head that the stepper calls one step late; None if the head to open first is not late."""
    return best.place if best.is_late else None


def run_name(folder: Path, run: Run) -> str:
    return f"{folder.name} {run}"
