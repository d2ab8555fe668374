"""The variants of Table 3 as points of a chart: quality over cost."""

import math
from collections.abc import Callable

from core.experiments.table3.table import TableRow, VariantScores
from explorer.app_pages.table3.fields import Quality
from explorer.app_pages.table3.quality_figure import Point
from explorer.app_pages.table3.rows import BASE, JUDGED, group_of, row_named
from explorer.engine.table3 import PaperAndOurs


def paper_points(family: PaperAndOurs, name: Quality) -> list[Point]:
    """The paper's variants: score over parameters; where it prints none, they are those of base."""
    base = row_named(family.ours.rows, BASE).paper
    assert base
    return [
        Point(
            row.name,
            group_of(row),
            x=row.paper.parameters_millions or base.parameters_millions or math.nan,
            y=getattr(row.paper, name),
        )
        for row in family.ours.rows
        if row.paper
    ]


def our_points(
    family: PaperAndOurs, name: Quality, across: Callable[[TableRow, VariantScores], float]
) -> list[Point]:
    """Our trained variants: a score with its interval, over another of their numbers."""
    return [
        Point(row.name, group_of(row), across(row, row.measured), score.value, score.interval_95)
        for row in family.ours.rows
        if row.measured
        for score in [row.measured.scores[JUDGED[name][0]][name]]
    ]
