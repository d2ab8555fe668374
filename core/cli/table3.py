"""`table3`: train and measure every variant of the paper's Table 3, scaled to a small machine."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from core.cli.task_options import TaskOptions
from core.experiments.table3.family import Family
from core.experiments.table3.measure_speeds import measure_speeds
from core.experiments.table3.report import Format, report
from core.experiments.table3.rows import chosen_variants
from core.experiments.table3.speeds import SPEEDS
from core.experiments.table3.table import (
    TABLE,
    read_table,
    require_different_weights,
)
from core.experiments.table3.train_all import (
    learn_vocabulary,
    require_same_settings,
    require_texts,
    train_rows,
    write_table,
)
from core.system.files import prepare_file


@dataclass(frozen=True, kw_only=True)
class Table3(Family):
    """Train every variant of the paper's Table 3 at a fraction of its size, and compare them.

    All variants are trained on the same text with the same vocabulary, seed and number of tokens.
    If the command is stopped or killed, running it again continues: it skips finished variants, and
    resumes those in training. With --scheduler, --data, --output and --run-folder lie on a disk that
    all workers share.
    """

    rows: str = ""
    """The variants to train, such as base,A-h1; by default, all."""
    speeds: bool = False
    """Measure how fast the finished variants train and decode, in turn on an otherwise idle
    machine, and train nothing."""
    report: bool = False
    """Print the table with the variants finished so far, and train nothing."""
    format: Format = "text"
    """With --report: how to print it; short is one table in Markdown."""
    tasks: TaskOptions = field(default_factory=TaskOptions)

    def execute(self, arguments: Sequence[str]) -> None:
        if self.report:
            file = self.output / TABLE
            table = read_table(file) if file.is_file() else self.untrained()
            print(report(table, self.format))
            return
        self.tasks.check()
        rows = chosen_variants(self.rows)
        require_texts(self)
        require_same_settings(self)
        prepare_file(self.output / TABLE)
        if self.speeds:
            measure_speeds(self).save(self.output)
            write_table(self)
            print(f"{self.output / SPEEDS}: {read_table(self.output / TABLE).speeds}")
            return
        learn_vocabulary(self)
        write_table(self)
        with self.tasks.executor(is_apart=True) as executor:
            train_rows(self, rows, executor)
        require_different_weights(read_table(self.output / TABLE))
        print(f"{self.output}: see  python -m core table3 --report --output {self.output}")
