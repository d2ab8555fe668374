"""The measurements of a checkpoint's heads, as tables in Markdown.

Nothing here imports torch.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from core.analysis.ablation.parts import HeadChange
from core.analysis.effects.corpus_results import CorpusEffect, read_sweep
from core.analysis.effects.pruning_results import Pruning, PruningPoint, read_pruning
from core.config import KINDS
from core.evaluation.bootstrap import Difference
from core.system.text_tables import Cells, markdown_table

N_NAMED = 3
"""How many heads of a kind are listed at each end of the ranking."""


def findings(folder: Path) -> str:
    """The heads of each kind that cost most and least BLEU when off; then BLEU as more and more go.

    Raises:
        ValueError: if a measurement is missing or cannot be read.
    """
    swept, pruning = read_sweep(folder), read_pruning(folder)
    if swept is None or pruning is None:
        raise ValueError(
            f"{folder} lacks sweep.json or pruning.json; make them with  python -m core ablate --sweep "
            "heads  and  python -m core prune"
        )
    left_out = swept.heads_left_out()
    return "\n\n".join(
        [
            f"### Without one head: BLEU {swept.scores['bleu']:.2f} with all, "
            f"{swept.n_sentences:,} sentences",
            markdown_table([WORTH_HEADER, *_worth(left_out)]),
            counted(left_out),
            f"### Without more and more heads, {pruning.n_sentences:,} sentences",
            markdown_table([PRUNING_HEADER, *_pruned(pruning)]),
            f"By importance, {pruning.curves[0].removable_share():.0%} of the heads can go before BLEU "
            "falls by 1.",
        ]
    )


WORTH_SCORES = ("bleu", "chrf", "perplexity")
WORTH_HEADER = ("head left out", "missed", "ΔBLEU", "ΔchrF", "Δperplexity")


def _worth(left_out: Mapping[HeadChange, CorpusEffect]) -> Iterator[Cells]:
    for kind in KINDS:
        heads = [head for head in left_out if head.kind == kind]
        ends = [(head, "most") for head in heads[:N_NAMED]]
        ends += [(head, "least") for head in heads[N_NAMED:][-N_NAMED:]]
        for head, missed in ends:
            differences = left_out[head].differences
            yield (head.place, missed, *(_difference(differences[name]) for name in WORTH_SCORES))


def _difference(difference: Difference) -> str:
    low, high = difference.interval_95
    return f"{difference.value:+.2f} [{low:+.2f}, {high:+.2f}]"


def counted(left_out: Mapping[HeadChange, CorpusEffect]) -> str:
    """A sentence on how many heads BLEU falls or rises without, by intervals that exclude zero."""
    bleu = [effect.differences["bleu"] for effect in left_out.values()]
    falls = sum(change.interval_95[1] < 0 for change in bleu)
    rises = sum(change.interval_95[0] > 0 for change in bleu)
    return (
        f"By its 95 % interval (paired bootstrap), BLEU falls without {falls} of {len(bleu)} heads "
        f"and rises without {rises}. Even if no head made a difference, about {len(bleu) / 20:.0f} of "
        f"{len(bleu)} such intervals would say that one does."
    )


PRUNING_HEADER = ("heads off", "share", "BLEU, least important first", "BLEU, random orders")


def _pruned(pruning: Pruning) -> Iterator[Cells]:
    by_importance, *random = pruning.curves
    for number, point in enumerate(by_importance.points):
        yield (
            str(point.n_removed),
            f"{point.share:.0%}",
            _bleu(point),
            ", ".join(f"{curve.points[number].bleu:.1f}" for curve in random),
        )


def _bleu(point: PruningPoint) -> str:
    low, high = point.interval_95
    return f"{point.bleu:.1f} [{low:.1f}, {high:.1f}]"
