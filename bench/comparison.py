"""One row of the table: ours, a peer, and by how much the one is better than the other."""

import dataclasses
import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.workers import LEAST_ROUNDS, Round

Say = Callable[[str], None]
"""Where progress goes."""


@dataclass(frozen=True, slots=True)
class Row:
    """A case as ours and a peer did it; `ratio` above 1 means that ours is better."""

    part: str
    case: str
    ours: str
    peer: str
    unit: str
    our_value: float
    peer_value: float
    ratio: float
    """The median over rounds of the peer's time over ours in the same round."""
    ratio_range: Sequence[float]
    """The least and the greatest of these."""
    n_rounds: int
    target: float | None = None
    """The least ratio that was hoped for."""

    @property
    def verdict(self) -> str:
        """The target, and whether enough rounds agree about it."""
        if self.target is None:
            return ""
        low, high = self.ratio_range
        if self.n_rounds < LEAST_ROUNDS or low < self.target <= high:
            return f"{self.target:g}, undecided"
        return f"{self.target:g}, {'met' if low >= self.target else 'missed'}"


@dataclass(slots=True)
class Report:
    """All that a run has found."""

    rows: list[Row] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)
    """What is not a comparison, such as the share of the matmul peak."""

    def compare(
        self,
        part: str,
        case: str,
        rounds: Mapping[str, Sequence[Round]],
        ours: str,
        peers: Mapping[str, float | None],
        *,
        n_tokens: int | None = None,
    ) -> None:
        """A row for each peer (name -> target): tokens a second, or without tokens milliseconds."""
        for peer, target in peers.items():
            pairs = list(zip(rounds[ours], rounds[peer], strict=True))
            ratios = [theirs.wall_s / own.wall_s for own, theirs in pairs]
            self.rows.append(
                Row(
                    part=part,
                    case=case,
                    ours=ours,
                    peer=peer,
                    unit="tokens/s" if n_tokens else "ms",
                    our_value=_value(rounds[ours], n_tokens),
                    peer_value=_value(rounds[peer], n_tokens),
                    ratio=statistics.median(ratios),
                    ratio_range=(min(ratios), max(ratios)),
                    n_rounds=len(pairs),
                    target=target,
                )
            )

    @classmethod
    def read(cls, file: Path) -> "Report":
        """What `as_json` gave, from a file."""
        known = json.loads(file.read_text("utf-8"))
        rows = [Row(**row) for row in known.pop("rows")]
        return cls(rows, known.pop("remarks"), known)

    def as_json(self) -> dict[str, Any]:
        return {
            **self.figures,
            "remarks": self.remarks,
            "rows": [dataclasses.asdict(row) for row in self.rows],
        }


def _value(rounds: Sequence[Round], n_tokens: int | None) -> float:
    wall_s = statistics.median(each.wall_s for each in rounds)
    return n_tokens / wall_s if n_tokens else 1_000 * wall_s


HEADER = ("case", "ours", "peer", "unit", "ours", "peer", "ratio", "range", "rounds", "target")


SHORT = "quarter-base,"
"""The size whose rows a short report shows, as their cases begin."""


def markdown(report: Report, *, short: bool = False) -> str:
    """A table for each part; in short, only of the rows of one size that have a target."""
    parts: dict[str, list[Row]] = {}
    for row in report.rows:
        if not short or (row.target is not None and row.case.startswith(SHORT)):
            parts.setdefault(row.part, []).append(row)
    tables = [f"**{part}**\n\n{_table(rows)}" for part, rows in parts.items()]
    return "\n\n".join([*tables, *(() if short else report.remarks)])


def _table(rows: Sequence[Row]) -> str:
    cells = [HEADER, ("---",) * len(HEADER), *map(_cells, rows)]
    return "\n".join("| " + " | ".join(row) + " |" for row in cells)


def _cells(row: Row) -> tuple[str, ...]:
    low, high = row.ratio_range
    return (
        row.case,
        row.ours,
        row.peer,
        row.unit,
        _number(row.our_value),
        _number(row.peer_value),
        f"{row.ratio:.2f}",
        f"{low:.2f} to {high:.2f}",
        str(row.n_rounds),
        row.verdict,
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:,.1f}"
