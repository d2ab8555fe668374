"""`evaluate`: measure a checkpoint on parallel text."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.cli.opening import open_checkpoint
from core.cli.task_options import TaskOptions
from core.cli.texts import say_left_out
from core.config import SearchConfig
from core.evaluation.measure import measure, record_metrics, require_recordable


@dataclass(frozen=True, kw_only=True)
class Evaluate:
    """Measure BLEU, chrF and perplexity of a checkpoint on parallel text.

    The last line of the output is one JSON object.
    """

    checkpoint: Path
    """A checkpoint folder, such as checkpoints/en-de."""
    source: Path
    """Text to translate, one sentence a line."""
    reference: Path
    """Its reference translation, line by line."""
    output: Path | None = None
    """A file for the translations."""
    record: str | None = None
    """Store the result in the checkpoint's metrics.json and card.md, under this name."""
    json: bool = False
    """Print only the JSON object."""
    device: str = "auto"
    search: SearchConfig = field(default_factory=SearchConfig)
    tasks: TaskOptions = field(default_factory=TaskOptions)

    def execute(self, arguments: Sequence[str]) -> None:
        from core.checkpoint.bundled import resolve
        from core.system.files import prepare_file, write_whole
        from core.text.parallel import read_pairs

        if self.output:
            prepare_file(self.output)
        folder = resolve(self.checkpoint)
        checkpoint = open_checkpoint(folder, self.device)
        if self.record:
            require_recordable(folder)
        pairs = list(read_pairs(self.source, self.reference))
        started_s = time.perf_counter()
        with self.tasks.executor() as executor:
            measured = measure(
                checkpoint,
                pairs,
                self.search,
                lambda used: say_left_out(self.source, used),
                executor=executor,
            )
        seconds = round(time.perf_counter() - started_s, 1)
        result = {**measured.result, "seconds": seconds}
        self._print(result)
        if self.output:
            lines = "".join(line + "\n" for line in measured.translations)
            write_whole(self.output, lines)
        if self.record:
            record_metrics(folder, "results", lambda old: {**(old or {}), self.record: result})

    def _print(self, result: dict[str, Any]) -> None:
        if not self.json:
            for name in ("bleu", "bleu_lc", "chrf"):
                low, high = result["intervals_95"][name]
                print(f"{name:8} {result[name]:6.2f}  95 % interval {low:.2f} to {high:.2f}")
            low, high = result["intervals_95"]["perplexity"]
            print(
                f"{'ppl':8} {result['perplexity']:6.2f}  95 % interval {low:.2f} to {high:.2f}, per piece"
            )
        print(json.dumps(result), flush=True)
