"""The reports of trainings as curves and as a table; see `core.training.trainer` for what a report holds."""

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from explorer.app_pages.training.fields import Across
from explorer.app_pages.training.figures import Curve

Reports = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Quantity:
    """A quantity that a training reports: one number per report, or one for each text."""

    title: str
    unit: str
    field: str
    help: str
    is_by_text: bool = False
    """Whether the field is followed by the name of a text, as in `bleu_multi30k-val`."""
    may_be_log: bool = False
    """Whether the switch for a logarithmic axis is for it."""


LOSS = Quantity(
    "Training loss",
    "nats per target piece",
    "loss_nats",
    "With dropout and label smoothing (section 5.4) where the training has them: it does not go down "
    "to 0, and may lie above the loss on held-out text.",
)
PERPLEXITY = Quantity(
    "Validation perplexity",
    "perplexity per piece",
    "perplexity",
    "On held-out text, without dropout and smoothing. It is per piece: compare only trainings that "
    "share a vocabulary.",
    may_be_log=True,
)
BLEU = Quantity(
    "Validation BLEU",
    "BLEU",
    "bleu_",
    "Of greedy translations of the first held-out sentences, cased: quick, and rougher than the "
    "scores on a checkpoint's card.",
    is_by_text=True,
)
RATE = Quantity(
    "Learning rate",
    "rate",
    "rate",
    "Equation 3: up in a line during warm-up, then down with the inverse square root of the step.",
)
QUANTITIES = (LOSS, PERPLEXITY, BLEU, RATE)

ACROSS: dict[Across, str] = {"step": "step", "tokens": "source and target tokens seen"}


def curves(histories: Mapping[str, Reports], quantity: Quantity, across: Across) -> list[Curve]:
    """One curve for each training, or for each of its texts; empty curves are left out."""
    found = []
    for number, (run, reports) in enumerate(histories.items()):
        for dash, field in enumerate(_fields(reports, quantity)):
            points = _points(reports, field, across)
            text = f", {field.removeprefix(quantity.field)}" if quantity.is_by_text else ""
            if points:
                x, y = zip(*points, strict=True)
                found.append(Curve(html.escape(run + text), x, y, colour=number, dash=dash))
    return found


def _fields(reports: Reports, quantity: Quantity) -> list[str]:
    if not quantity.is_by_text:
        return [quantity.field]
    names = (name for report in reports for name in report)
    return list(dict.fromkeys(name for name in names if name.startswith(quantity.field)))


def _points(reports: Reports, field: str, across: Across) -> list[tuple[float, float]]:
    """Reports that hold both numbers; other kinds of reports, or other programs', are passed over."""
    numbers = [(_number(report.get(across)), _number(report.get(field))) for report in reports]
    return [(x, y) for x, y in numbers if math.isfinite(x) and math.isfinite(y)]


def _number(value: Any) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number else math.nan


def training_summary(run: str, reports: Reports) -> dict[str, Any]:
    """The latest numbers of a training: the text alternative of the curves."""
    last = reports[-1] if reports else {}
    reached = last.get("step")
    perplexities = _points(reports, "perplexity", "step")
    step, lowest = min(perplexities, key=lambda point: point[1], default=(None, None))
    return {
        "training": run,
        "step": int(_number(reached)) if math.isfinite(_number(reached)) else None,
        "M tokens": _number(last.get("tokens")) / 1e6,
        "hours": _number(last.get("elapsed_s")) / 3600,
        "last loss": _last(reports, "loss_nats"),
        "lowest perplexity": lowest,
        "at step": step,
        **{
            f"last {field.replace('_', ' ', 1)}": _last(reports, field)
            for field in _fields(reports, BLEU)
        },
    }


def _last(reports: Reports, field: str) -> float | None:
    points = _points(reports, field, "step")
    return points[-1][1] if points else None
