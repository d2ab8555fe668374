"""`python -m tests.attack NAME ...`: attack the product, and say what broke.

    python -m tests.attack [texts links ...] [--share 0.01] [--seed 1] [--json FILE]

With --share, so many of the attempts; the command fails if anything broke.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.attack import corrupt, disk, fuzz, kill, pages, stop
from tests.attack.findings import Findings

ATTACKS: dict[str, tuple[int, Callable[[int, int], Findings]]] = {
    "texts": (10_000, fuzz.texts),
    "links": (10_000, fuzz.links),
    "pages": (300, pages.pages),
    "ablations": (2_000, fuzz.ablations),
    "corruptions": (1_000, corrupt.corruptions),
    "kills": (100, kill.kills),
    "disks": (96, disk.disks),
    "stops": (60, stop.stops),
}
"""How often each is tried, and what it is."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(ATTACKS))
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    found = []
    for name in chosen.names or ATTACKS:
        n, attack = ATTACKS[name]
        started_s = time.monotonic()
        findings = attack(max(1, round(n * chosen.share)), chosen.seed)
        findings.figures["seconds"] = round(time.monotonic() - started_s, 1)
        print(findings, flush=True)
        found.append(findings)
    if chosen.json:
        chosen.json.parent.mkdir(parents=True, exist_ok=True)
        chosen.json.write_text(json.dumps([each.to_json() for each in found], indent=1) + "\n")
    sys.exit(any(each.breaks for each in found))


if __name__ == "__main__":
    main()
