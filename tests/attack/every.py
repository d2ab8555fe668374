"""Every attack by its name."""

import time
from collections.abc import Callable

from tests.attack import corrupt, disk, fuzz, kill, pages, stop
from tests.attack.findings import Findings

ATTACKS: dict[str, tuple[int, Callable[[int, int], Findings]]] = {
    "kills": (100, kill.kills),
    "corruptions": (1_000, corrupt.corruptions),
    "stops": (60, stop.stops),
    "pages": (300, pages.pages),
    "texts": (10_000, fuzz.texts),
    "disks": (96, disk.disks),
    "links": (10_000, fuzz.links),
    "ablations": (2_000, fuzz.ablations),
}
"""How often each is tried, and what it is; roughly the longest first."""
TIMED = "stops"
"""The one with a limit in seconds that other work on the machine would break."""


def attacked(name: str, share: float, seed: int) -> Findings:
    """Run one attack; what it found."""
    n, attack = ATTACKS[name]
    started_s = time.monotonic()
    findings = attack(max(1, round(n * share)), seed)
    findings.figures["seconds"] = round(time.monotonic() - started_s, 1)
    return findings
