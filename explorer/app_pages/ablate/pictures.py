"""What ablations do, in words and in pictures: to the sentence, and as measured on a whole text."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from core.analysis.effects.tables import counted
from core.analysis.head_place import KIND_NAMES
from core.config import KINDS
from explorer.app_pages.ablate.figures import (
    candidates_figure,
    gates_figure,
    pruning_figure,
    steps_figure,
    worth_figure,
)
from explorer.figures.axes import signed
from explorer.figures.head import piece_label, piece_labels, token_label
from explorer.figures.standalone import Picture

if TYPE_CHECKING:
    from core.analysis.effects.corpus_results import CorpusEffects
    from core.analysis.effects.pruning_results import Pruning
    from core.analysis.effects.sentence import SentenceEffect, StepEffect
    from core.evaluation.ratios import Estimate
    from core.experiments.gates.results import GateResults

MOST_CHARACTERS = 160
"""The most characters of a translation that are quoted."""


def finding(effect: "SentenceEffect") -> str:
    """The effect of an ablation on a translation, in one or two sentences."""
    change = effect.delta_nats
    if abs(change) < 0.05:
        becomes = "hardly changes"
    else:
        becomes = f"{'falls' if change < 0 else 'rises'} by {abs(change):.1f} nats"
    if effect.before == effect.after:
        return f"The translation stays the same; its log-probability {becomes}."
    now = effect.after
    if len(now) > MOST_CHARACTERS:
        now = f"{now[: MOST_CHARACTERS - 1]}…"
    return f"The translation becomes “{now}” The log-probability of the first one {becomes}."


def step_pictures(steps: "Sequence[StepEffect]", chosen: int) -> list[Picture]:
    """Each token of the first translation before and after, and the candidates of one step.

    Args:
        chosen: the step, from 0.
    """
    names = piece_labels(step.name for step in steps)
    before, after, kl = (
        np.array([getattr(step, name) for step in steps])
        for name in ("before_nats", "after_nats", "kl_nats")
    )
    step = steps[chosen]
    candidates = candidates_figure(
        [token_label(piece_label(candidate.name)) for candidate in step.candidates],
        np.array([candidate.before_nats for candidate in step.candidates]),
        np.array([candidate.after_nats for candidate in step.candidates]),
    )
    worst = min(range(len(steps)), key=lambda index: steps[index].delta_nats)
    return [
        Picture(
            "Probability of each piece of the first translation, before and after",
            steps_figure([token_label(name) for name in names], before, after, kl),
            f"The log-probability of the whole changes by {signed(float((after - before).sum()), 2)} "
            f"nats, most of it at “{names[worst]}” ({signed(steps[worst].delta_nats, 1)}). The "
            f"distribution of an average step moved by {kl.mean():.2f} nats (KL divergence, before ‖ "
            "after).",
        ),
        Picture(
            f"Candidates of step {chosen + 1}, before and after",
            candidates,
            f"All pieces before “{names[chosen]}” are kept. These are the most probable ones in its "
            "place, before and after the change.",
        ),
    ]


def pruning_picture(pruning: "Pruning | None") -> Picture | None:
    """BLEU against the share of heads removed; None where it was not measured."""
    if pruning is None:
        return None
    curves = [
        (
            "least important first"
            if curve.order == "importance"
            else curve.order.replace("random", "random order"),
            [point.share for point in curve.points],
            [point.bleu for point in curve.points],
            [point.interval_95 for point in curve.points],
        )
        for curve in pruning.curves
    ]
    first = pruning.curves[0]
    return Picture(
        "BLEU against the share of heads removed",
        pruning_figure(curves),
        f"{first.removable_share():.0%} of all heads can be removed, the least important first, before "
        f"BLEU falls by more than 1 (from {first.points[0].bleu:.1f}, {pruning.n_sentences:,} sentences). "
        "A head is important if the loss changes much when its output is scaled: E|∂L/∂ξ| (Michel et "
        "al. 2019). The band is the 95 % interval.",
    )


def gates_picture(gates: "GateResults | None", pruning: "Pruning | None") -> Picture | None:
    """BLEU when the model goes on learning without the heads; None where it was not measured."""
    if gates is None:
        return None
    n_all = sum(of.size for of in gates.points[0].gates.values())
    points = sorted(gates.points, key=lambda point: -point.n_kept())
    tuned = (
        "gates, while it goes on learning",
        [1 - point.n_kept() / n_all for point in points],
        [point.bleu.value for point in points],
        [point.bleu.interval_95 for point in points],
    )
    scratch = [
        (1 - each.n_kept() / n_all, each.scratch_bleu) for each in points if each.scratch_bleu
    ]
    others = []
    if scratch:
        others.append(
            (
                "the same heads, from scratch",
                [share for share, _ in scratch],
                [bleu.value for _, bleu in scratch],
                [bleu.interval_95 for _, bleu in scratch],
            )
        )
    if pruning:
        curve = pruning.curves[0].points
        others.append(
            (
                "without learning on, least important first",
                [point.share for point in curve],
                [point.bleu for point in curve],
                [point.interval_95 for point in curve],
            )
        )
    least = points[-1]
    return Picture(
        "BLEU against the share of heads removed, when the model goes on learning",
        gates_figure(tuned, others),
        f"Every head has a gate and a price, for {gates.n_steps:,} steps (L0 gates, Voita et al. 2019). At the "
        f"highest price {least.n_kept()} of {n_all} heads are left, with BLEU {least.bleu.value:.1f} on "
        f"{gates.n_sentences:,} sentences of {gates.text}; before, {gates.before.value:.1f}. At price 0 nothing is "
        "removed: what that point gains, it gains by learning on. Bars are 95 % intervals.",
    )


def gates_table(gates: "GateResults | None") -> list[dict[str, object]]:
    """A line for each price: how many heads are left of each kind, and in which layers."""
    return [
        {
            "price, nats a token": f"{point.penalty:g}",
            "heads left": point.n_kept(),
            **{
                KIND_NAMES[kind].lower(): f"{point.n_kept(kind)}: "
                + ", ".join(
                    f"L{layer} {n}" for layer, n in enumerate((point.gates[kind] > 0).sum(1), 1)
                )
                for kind in KINDS
            },
            "BLEU": _estimate(point.bleu),
            "from scratch": _estimate(point.scratch_bleu) if point.scratch_bleu else "",
        }
        for point in (gates.points if gates else ())
    ]


def _estimate(estimate: "Estimate") -> str:
    low, high = estimate.interval_95
    return f"{estimate.value:.1f} [{low:.1f}, {high:.1f}]"


N_NAMED = 3
"""How many of the heads with the largest loss are named below their picture."""


def worth_picture(swept: "CorpusEffects | None") -> Picture | None:
    """The change of BLEU over a text without each head; None where it was not measured."""
    effects = swept.heads_left_out() if swept else {}
    if swept is None or not effects:
        return None
    found = {head: effect.differences["bleu"] for head, effect in effects.items()}
    groups = []
    for kind in KINDS:
        heads = [head for head in found if head.kind == kind]
        groups.append(
            (
                KIND_NAMES[kind].lower(),
                [head.place for head in heads],
                [found[head].value for head in heads],
                [found[head].interval_95 for head in heads],
            )
        )
    most = "; ".join(
        f"{head.at.name} ({signed(found[head].value)})" for head in list(found)[:N_NAMED]
    )
    return Picture(
        "BLEU on a whole text without each head",
        worth_figure(groups),
        f"One head switched off at a time, on {swept.n_sentences:,} sentences; BLEU is "
        f"{swept.scores['bleu']:.1f} with all. Missed most: {most}. {counted(effects)}",
    )


def worth_table(swept: "CorpusEffects | None") -> list[dict[str, object]]:
    """The effect of switching off each head on all scores, as a table with one line per head."""
    return [
        {
            "head left out": head.place,
            **{
                f"Δ {name}": f"{signed(change.value)} [{', '.join(map(signed, change.interval_95))}]"
                for name, change in (
                    ("BLEU", effect.differences["bleu"]),
                    ("chrF", effect.differences["chrf"]),
                    ("perplexity", effect.differences["perplexity"]),
                )
            },
        }
        for head, effect in (swept.heads_left_out().items() if swept else ())
    ]
