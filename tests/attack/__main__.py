"""`python -m tests.attack NAME ...`: attack the product, and say what broke.

    python -m tests.attack [texts links ...] [--share 0.01] [--seed 1] [--json FILE]

--share 0.01 makes one attempt in a hundred. Two attacks run at a time (--jobs); stops run by
themselves, as they have a limit in seconds. The command fails if anything broke.
"""

import argparse
import json
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from core.system.executor import SPAWN
from tests.attack.every import ATTACKS, TIMED, attacked


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(ATTACKS))
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    if unknown := {*chosen.names} - {*ATTACKS}:
        parser.error(
            f"no such attack: {', '.join(sorted(unknown))}; there are {', '.join(ATTACKS)}"
        )
    names = [name for name in ATTACKS if name in chosen.names or not chosen.names]
    found = []
    together, alone = (
        [name for name in names if (name == TIMED) == is_timed] for is_timed in (False, True)
    )
    for part, jobs in ((together, chosen.jobs), (alone, 1)):
        with ProcessPoolExecutor(jobs, SPAWN) as executor:
            tasks = [executor.submit(attacked, name, chosen.share, chosen.seed) for name in part]
            for task in as_completed(tasks):
                print(task.result(), flush=True)
                found.append(task.result())
    if chosen.json:
        chosen.json.parent.mkdir(parents=True, exist_ok=True)
        chosen.json.write_text(json.dumps([each.to_json() for each in found], indent=1) + "\n")
    sys.exit(any(each.breaks for each in found))


if __name__ == "__main__":
    main()
