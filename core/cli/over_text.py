"""`text`: every sentence of a text, translated and measured, as a table."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from core.cli.opening import open_checkpoint
from core.cli.task_options import TaskOptions
from core.config import KINDS, SearchConfig
from core.system.files import prepare_file, write_whole
from core.system.text_tables import aligned

if TYPE_CHECKING:
    from core.analysis.over_text.sentences import Measured, Sentence, Unread


@dataclass(frozen=True, kw_only=True)
class TextCommand:
    """Translate a text, and say of every sentence how sure the model is and where its words come from.

    Prints a table as CSV: score, log-probability a piece, share of the source (ALTI+), entropy of
    cross-attention, chrF against a reference, warnings. With --heads it prints the mean of every
    head instead, with intervals over sentences.
    """

    checkpoint: Path
    """A checkpoint folder, such as checkpoints/en-de."""
    source: Path
    """Text, one sentence a line."""
    reference: Path | None = None
    """Its translation, line by line."""
    output: Path | None = None
    """A file for the table; by default it is printed."""
    heads: bool = False
    """Print the means of every head."""
    json: bool = False
    """Print them as JSON."""
    device: str = "auto"
    search: SearchConfig = field(default_factory=lambda: SearchConfig(n_candidates=0))
    tasks: TaskOptions = field(default_factory=TaskOptions)

    def execute(self, arguments: Sequence[str]) -> None:
        from core.analysis.contributions.results import read_source_shares
        from core.analysis.over_text.measure import measure_text
        from core.analysis.over_text.sentences import as_csv
        from core.checkpoint.bundled import resolve
        from core.checkpoint.weights import weights_hash

        if self.json and not self.heads:
            raise ValueError(
                "--json prints the means of heads; add --heads, or leave it out for CSV"
            )
        if self.output:
            prepare_file(self.output)
        folder = resolve(self.checkpoint)
        checkpoint = open_checkpoint(folder, self.device)
        sentences = self._sentences()
        usual = read_source_shares(folder)
        if usual and usual.weights_hash != weights_hash(checkpoint.model):
            usual = None
        found: list[Measured | Unread] = []
        with (
            self.tasks.executor() as executor,
            tqdm(total=len(sentences), unit="sentence", disable=None) as bar,
        ):
            for some in measure_text(
                checkpoint, sentences, self.search, usual=usual, executor=executor
            ):
                found += some
                bar.update(len(some))
        text = _heads(found, as_json=self.json) if self.heads else as_csv(found)
        if self.output:
            write_whole(self.output, text)
        else:
            print(text, end="")

    def _sentences(self) -> "list[Sentence]":
        from core.analysis.over_text.sentences import Sentence
        from core.text.parallel import read_lines, read_pairs

        if self.reference:
            return [Sentence(*pair) for pair in read_pairs(self.source, self.reference)]
        return [Sentence(line) for line in read_lines(self.source)]


def _heads(found: "Sequence[Measured | Unread]", *, as_json: bool) -> str:
    """The means of every head, with intervals."""
    from core.analysis.head_place import HeadPlace
    from core.analysis.heads.measures import MEASURES
    from core.analysis.over_text.sentences import head_means

    means = {name: head_means(found, name) for name in MEASURES}
    places = [
        HeadPlace(kind, layer, head)
        for kind in KINDS
        for layer, of_layer in enumerate(means["entropy"][kind].values)
        for head in range(len(of_layer))
    ]
    if as_json:
        return (
            json.dumps(
                {
                    place.label: {
                        name: means[name][place.kind].at((place.layer, place.head)).rounded()
                        for name in MEASURES
                    }
                    for place in places
                }
            )
            + "\n"
        )
    rows = [("head", *MEASURES)]
    for place in places:
        cells = []
        for name in MEASURES:
            value, low, high = means[name][place.kind].at((place.layer, place.head)).rounded(2)
            cells.append(f"{value:.2f} [{low:.2f}, {high:.2f}]")
        rows.append((place.label, *cells))
    return aligned(rows) + "\n"
