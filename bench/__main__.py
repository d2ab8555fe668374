"""As fast as it should be? This project beside its peers, in one run.

    python -m bench [--parts training decoding] [--sizes tiny base] [--rounds 5] [--json FILE]
    python -m bench --report bench/results.json [--short]

One thread, a process for each variant, rounds in turn: a ratio is the median over rounds of the
peer's time over ours in the same round, so above 1 ours is faster. Nothing is timed before its
output has been compared. `--report` prints what a run has written, without running anything.
"""

import argparse
import datetime
import json
import sys
import time
from pathlib import Path

from bench.comparison import Report, markdown

PARTS = {
    "training": ("tiny", "quarter-base, 3 layers", "quarter-base", "base"),
    "decoding": ("tiny", "quarter-base", "base"),
    "pictures": ("tiny", "quarter-base"),
    "growth": ("tiny",),
    "texts": ("bundled",),
}
"""What is measured, and of which sizes unless the command line says otherwise."""
RESULTS = Path("bench/results.json")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--sizes", nargs="+", help="instead of those each part has by itself")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--enough-s", type=float, default=5, help="no fourth round after so many seconds"
    )
    parser.add_argument("--json", type=Path, default=RESULTS)
    parser.add_argument("--report", type=Path)
    parser.add_argument(
        "--short", action="store_true", help="the rows of quarter-base that have a target"
    )
    chosen = parser.parse_args()
    if chosen.report:
        report = Report.read(chosen.report)
    else:
        report = _run(chosen)
        _partial(chosen.json).rename(chosen.json)
    print(markdown(report, short=chosen.short))


def _run(chosen: argparse.Namespace) -> Report:
    from bench import (
        decoding,
        growth,
        machine,
        pictures,
        texts,
        training_step,  # they need the peers
    )

    measures = {
        "training": training_step.measure,
        "decoding": decoding.measure,
        "pictures": pictures.measure,
        "growth": growth.measure,
        "texts": texts.measure,
    }
    report = Report(
        figures={
            "date": datetime.date.today().isoformat(),
            "command": " ".join(["python -m bench", *sys.argv[1:]]),
            "machine": machine.described(),
        }
    )
    started_s = time.perf_counter()

    def say(line: str) -> None:
        minutes, seconds = divmod(int(time.perf_counter() - started_s), 60)
        print(f"{minutes:2}:{seconds:02}  {line}", file=sys.stderr, flush=True)

    for part in chosen.parts:
        measures[part](
            report,
            say,
            sizes=chosen.sizes or PARTS[part],
            n_rounds=chosen.rounds,
            enough_s=chosen.enough_s,
        )
        _partial(chosen.json).write_text(json.dumps(report.as_json(), indent=1) + "\n")
    return report


def _partial(file: Path) -> Path:
    """Where the parts that are done wait for the others."""
    return file.with_suffix(".partial")


if __name__ == "__main__":
    main()
