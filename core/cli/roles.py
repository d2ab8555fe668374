"""`roles`: what every head of a model does over a text."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from core.cli.opening import open_checkpoint
from core.cli.task_options import TaskOptions
from core.cli.texts import passes_shown, usable_of
from core.config import KINDS, n_layers
from core.system.files import prepare_file, write_json, write_whole
from core.system.text_tables import aligned

if TYPE_CHECKING:
    from core.analysis.roles.measure import RoleText
    from core.analysis.roles.roles import Roles, RoleScore
    from core.checkpoint.folder import Checkpoint
    from core.system.executor import WorkExecutor

NAMES = {
    "positional": "positional", "rare_word": "rare word", "sink": "sink", "aligner": "aligner",
    "copying": "copying", "syntactic": "syntactic",
}  # fmt: skip


FEW = 100
"""Sentences; from fewer, scores are uncertain."""


@dataclass(frozen=True, kw_only=True)
class RolesCommand:
    """Say what every head does over a text: positional, rare word, sink, aligner, copying, syntactic.

    Each score stands beside a trivial rule and a shuffled control, with an interval over sentences.
    The result is stored as roles.json in the model's folder; the page Roles shows it.
    """

    checkpoint: Path
    """A checkpoint folder, such as checkpoints/en-de."""
    source: Path
    """Text, one sentence a line."""
    target: Path | None = None
    """Its translation, line by line; without it, the model's own."""
    treebank: Path | None = None
    """Source sentences with dependency trees (CoNLL-U); without it, syntactic heads are left out."""
    gold_source: Path | None = None
    """Tokenised source text of the gold links; without it, aligners are left out."""
    gold_target: Path | None = None
    """Its translation, tokenised."""
    gold: Path | None = None
    """Gold links, one line a sentence: 3-4 is a sure link, 3p4 a possible one."""
    most_sentences: int = 1_000
    """At most this many sentences of each text are used, from its beginning."""
    max_words: int = 60
    """Longer sentences are left out."""
    keep: str = "auto"
    """The sentences that are stored as examples of what a head does: `text`, those of the text, which
    then stand in the model's folder; `own`, those of this project (English and German); `auto`, own
    where they fit the model, else text."""
    output: Path | None = None
    """A file for the result, instead of roles.json."""
    json: bool = False
    """Print the result as JSON."""
    device: str = "auto"
    tasks: TaskOptions = field(default_factory=TaskOptions)

    def execute(self, arguments: Sequence[str]) -> None:
        from core.analysis.roles.measure import measure_roles
        from core.analysis.roles.roles import ROLES
        from core.checkpoint.bundled import resolve

        given = [self.gold_source, self.gold_target, self.gold]
        if any(given) and not all(given):
            raise ValueError(
                "give --gold, --gold-source and --gold-target together, or none of them"
            )
        if self.keep not in ("auto", "own", "text"):
            raise ValueError(f"--keep {self.keep} is unknown; write own, text or auto")
        if self.most_sentences < 2:
            raise ValueError(f"--most-sentences must be 2 or more, not {self.most_sentences}")
        folder = resolve(self.checkpoint)
        output = self.output or folder / ROLES
        prepare_file(output)
        treebank, links = self._treebank(), self._links()
        checkpoint = open_checkpoint(folder, self.device)
        examples = self._examples(checkpoint)
        with passes_shown(), self.tasks.executor() as executor:
            result = measure_roles(
                checkpoint,
                self._text(checkpoint, executor),
                treebank=treebank,
                aligned=links,
                examples=examples,
                executor=executor,
            )
        text = write_json(result.to_json())
        print(text if self.json else table(result, checkpoint), flush=True)
        write_whole(output, text)

    def _text(self, checkpoint: "Checkpoint", executor: "WorkExecutor") -> "RoleText":
        from core.analysis.roles.measure import RoleText
        from core.evaluation.translations import translate_text
        from core.text.parallel import read_lines, read_pairs

        if self.target:
            pairs = list(read_pairs(self.source, self.target))
        else:
            pairs = [(line, line) for line in read_lines(self.source)]
        pairs = [pair for pair in pairs if max(len(s.split()) for s in pair) <= self.max_words]
        pairs = usable_of(checkpoint, pairs, self.source).pairs[: self.most_sentences]
        if not self.target:
            sources = [source for source, _ in pairs]
            targets = translate_text(checkpoint, sources, executor=executor)
            pairs = list(zip(sources, targets, strict=True))
        return RoleText(self.source.stem, pairs)

    def _treebank(self) -> "RoleText | None":
        from core.analysis.roles.measure import RoleText
        from core.text.treebank import read_treebank

        if not self.treebank:
            return None
        trees = read_treebank(self.treebank)
        short = [tree for tree in trees if len(tree.words) <= self.max_words][: self.most_sentences]
        return RoleText(self.treebank.stem, trees=short)

    def _links(self) -> "RoleText | None":
        from core.analysis.alignment.gold import check_links, read_gold
        from core.analysis.roles.measure import RoleText
        from core.text.parallel import read_pairs
        from core.text.pieces import is_empty

        if not (self.gold and self.gold_source and self.gold_target):
            return None
        pairs, gold = list(read_pairs(self.gold_source, self.gold_target)), read_gold(self.gold)
        if len(pairs) != len(gold):
            raise ValueError(
                f"{self.gold_source} has {len(pairs)} lines, {self.gold} has {len(gold)}; give one "
                "line of gold links for each sentence"
            )
        for line, (pair, links) in enumerate(zip(pairs, gold, strict=True), 1):
            if not any(map(is_empty, pair)):  # else it is left out
                check_links(links, *pair, f"{self.gold}, line {line}")
        kept = [
            n for n, pair in enumerate(pairs) if max(len(s.split()) for s in pair) <= self.max_words
        ][: self.most_sentences]
        return RoleText(
            self.gold_source.parent.name or self.gold.stem,
            [pairs[n] for n in kept],
            gold=[gold[n] for n in kept],
        )

    def _examples(self, checkpoint: "Checkpoint") -> "RoleText | None":
        from core.analysis.roles.examples import LANGUAGES, example_sentences

        fits = tuple(checkpoint.metrics.get("languages") or ()) == LANGUAGES
        if self.keep == "own" and not fits:
            print(
                "note: this project's sentences are English with German translations",
                file=sys.stderr,
            )
        return example_sentences() if self.keep == "own" or (self.keep == "auto" and fits) else None


def table(result: "Roles", checkpoint: "Checkpoint") -> str:
    """Every head that has a role, and how many of each kind have one."""
    heading = ("head", "role", "score", "trivial rule", "shuffled", "what")
    rows: list[tuple[str, ...]] = [heading]
    for place in result.scores:
        for score in sorted(result.scores[place], key=lambda each: -each.strength):
            if score.is_held:
                rows.append((place.label, NAMES[score.name], *_cells(score), score.what))
    counts, missing = [], _not_measured(result)
    for kind in KINDS:
        n = n_layers(checkpoint.config, kind) * checkpoint.config.n_heads
        held = sum(bool(result.main(place)) for place in result.scores if place.kind == kind)
        counts.append(f"{kind} {held} of {n}")
    texts = ", ".join(f"{name} ({n:,} sentences)" for name, n in result.texts.items())
    lines = [aligned(rows), "", f"heads with a role: {'; '.join(counts)}", f"measured on {texts}"]
    lines += [f"not measured: {name}" for name in missing]
    if min(result.texts.values()) < FEW:
        lines.append(
            f"a text has fewer than {FEW} sentences: scores are uncertain, see the intervals"
        )
    if result.tree_baseline is not None:
        best = max(result.trees, key=lambda place: result.trees[place].score.value)
        tree = result.trees[best].score
        low, high = tree.interval_95
        lines.append(
            f"undirected attachment of whole trees: best {best.label} {tree.value:.2f} [{low:.2f}, {high:.2f}]; "
            f"each word to its neighbour {result.tree_baseline:.2f}"
        )
    return "\n".join(lines)


def _not_measured(result: "Roles") -> list[str]:
    """Roles that no head was scored in, and what scoring them needs."""
    scored = {score.name for scores in result.scores.values() for score in scores}
    needs = {
        "aligner": "aligner (needs --gold, --gold-source and --gold-target)",
        "syntactic": "syntactic (needs --treebank)",
    }
    return [said for name, said in needs.items() if name not in scored]


def _cells(score: "RoleScore") -> tuple[str, str, str]:
    low, high = score.score.interval_95
    return (
        f"{score.score.value:.2f} [{low:.2f}, {high:.2f}]",
        f"{score.baseline:.2f}",
        f"{score.control:.2f}",
    )
