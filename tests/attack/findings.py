"""What an attack found: how often it tried, and every break, with what caused it."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

SHOWN = 200
"""Characters of a cause that are shown."""


@dataclass
class Findings:
    """Of one attack."""

    name: str
    n: int = 0
    breaks: list[str] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)

    def expect(self, holds: bool, given: Any, what: str) -> None:
        if not holds:
            self.breaks.append(f"{what}: {repr(given)[:SHOWN]}")

    @contextmanager
    def catching(self, given: Any) -> Iterator[None]:
        """Whatever escapes is a break."""
        try:
            yield
        except Exception as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{last.filename.rpartition('/')[2]}:{last.lineno}"
            self.breaks.append(
                f"{type(error).__name__} at {where}: {error!s:.200}: {repr(given)[:SHOWN]}"
            )

    def to_json(self) -> dict[str, Any]:
        return {"attack": self.name, "n": self.n, "breaks": self.breaks, **self.figures}

    def __str__(self) -> str:
        more = "".join(f", {name} {value:g}" for name, value in self.figures.items())
        lines = [f"{self.name}: {self.n:,} tried, {len(self.breaks)} broke{more}"]
        return "\n".join([*lines, *(f"  {each}" for each in self.breaks[:20])])
