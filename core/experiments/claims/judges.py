"""The rule of each verdict: what is compared, and when a finding counts as seen.

Nothing here imports torch.
"""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from core.analysis.head_place import HeadPlace
from core.config import KINDS
from core.evaluation.ratios import Estimate, ratios
from core.experiments.claims.evidence import Evidence
from core.experiments.table3.rows import TEST

Found = Literal["seen", "not seen", "undecided"]


@dataclass(frozen=True, slots=True)
class Judged:
    """What was found, and whether it agrees."""

    numbers: str
    found: Found
    """`undecided` where intervals meet, or there are too few heads to tell."""


def _per_cent(estimate: Estimate) -> str:
    low, high = estimate.interval_95
    return f"{100 * estimate.value:.1f} % [{100 * low:.1f}, {100 * high:.1f}]"


def _number(estimate: Estimate, digits: int = 1) -> str:
    low, high = estimate.interval_95
    return f"{estimate.value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def is_below(one: Estimate, other: Estimate) -> bool:
    """Whether one interval ends before the other begins."""
    return one.interval_95[1] < other.interval_95[0]


def below(*pairs: tuple[Estimate, Estimate]) -> Found:
    """Seen if the first of every pair is below the second; not seen if one is above it."""
    if all(is_below(one, other) for one, other in pairs):
        return "seen"
    return "not seen" if any(is_below(other, one) for one, other in pairs) else "undecided"


def _yes(is_seen: bool) -> Found:
    return "seen" if is_seen else "not seen"


FEW, GONE, LOST_BLEU, RARE = 0.25, 0.2, 1.0, 0.05


def few_heads_matter(evidence: Evidence) -> Judged | None:
    if not evidence.sweep:
        return None
    heads = evidence.sweep.heads_left_out()
    if not heads:
        return None
    cost = [each for each in heads.values() if each.differences["bleu"].interval_95[1] < 0]
    worst = min(each.differences["bleu"].value for each in heads.values())
    return Judged(
        f"{len(cost)} of {len(heads)} heads cost BLEU when left out alone, where chance alone would show about "
        f"{round(len(heads) / 40)}; the costliest {-worst:.1f}",
        _yes(len(cost) < FEW * len(heads)),
    )


def heads_can_go(evidence: Evidence) -> Judged | None:
    if not evidence.pruning:
        return None
    share = evidence.pruning.curves[0].removable_share(LOST_BLEU)
    return Judged(
        f"{100 * share:.0f} % of the heads go before BLEU falls by {LOST_BLEU:g}",
        _yes(share >= GONE),
    )


def fine_tuning_keeps_quality(evidence: Evidence) -> Judged | None:
    gates = evidence.gates
    if not gates or gates.points[0].penalty:
        return None
    first, *others = gates.points
    n_all = sum(of.size for of in first.gates.values())
    few = [each for each in others if each.n_kept() <= n_all / 2]
    if not few:
        return None
    least = first.bleu.value - LOST_BLEU
    found: Found = "undecided"
    if any(each.bleu.value >= least for each in few):
        found = "seen"
    elif all(each.bleu.interval_95[1] < least for each in few):
        found = "not seen"
    said = "; ".join(f"{each.n_kept()} heads {_number(each.bleu)}" for each in gates.points)
    return Judged(f"BLEU of {said}", found)


def scratch_is_worse(evidence: Evidence) -> Judged | None:
    points = evidence.scratch.points if evidence.scratch else ()
    trained = [each for each in points if each.scratch_bleu]
    if not trained:
        return None
    said = "; ".join(
        f"{each.n_kept()} heads: {_number(each.bleu)} pruned, {_number(each.scratch_bleu)} from scratch"
        for each in trained
        if each.scratch_bleu
    )
    return Judged(
        said, below(*((each.scratch_bleu, each.bleu) for each in trained if each.scratch_bleu))
    )


def encoder_heads_go_first(evidence: Evidence) -> Judged | None:
    gates = evidence.gates
    closed = (
        [
            each
            for each in gates.points
            if each.n_kept() < 0.9 * sum(of.size for of in each.gates.values())
        ]
        if gates
        else []
    )
    if not closed:
        return None
    shares = [
        {kind: each.n_kept(kind) / each.gates[kind].size for kind in KINDS} for each in closed
    ]
    said = "; ".join(
        f"{each.n_kept()} left: encoder {each.n_kept('encoder')}, decoder {each.n_kept('decoder')}, "
        f"cross {each.n_kept('cross')}"
        for each in closed
    )
    first, last = shares[0], shares[-1]
    return Judged(
        said,
        _yes(first["encoder"] == min(first.values()) and last["cross"] == max(last.values())),
    )


def positional_low(evidence: Evidence) -> Judged | None:
    if not evidence.roles:
        return None
    layers = layers_with(evidence, "positional")
    n_low = evidence.n_layers // 2
    low = sum(n < n_low for n in layers)
    return Judged(
        f"{low} of {len(layers)} positional encoder heads stand in the lowest {n_low} of {evidence.n_layers} layers",
        _mostly(low, len(layers), n_low / max(evidence.n_layers, 1)),
    )


def _mostly(n: int, total: int, share: float) -> Found:
    """Whether chance would seldom (5 %) put so many on one side; not seen if so many on the other.

    Args:
        share: of all heads that stand on this side.
    """

    def chance(least: int, share: float) -> float:
        """Of at least so many, if each stands there with this probability."""
        return sum(
            math.comb(total, k) * share**k * (1 - share) ** (total - k)
            for k in range(least, total + 1)
        )

    if not 0 < share < 1:
        return "undecided"
    if chance(n, share) < RARE:
        return "seen"
    return "not seen" if chance(total - n, 1 - share) < RARE else "undecided"


def layers_with(evidence: Evidence, role: str) -> list[int]:
    """The layers of the encoder heads whose main role it is, from 0."""
    roles = evidence.roles
    assert roles
    return [
        place.layer
        for place in roles.scores
        if place.kind == "encoder" and (main := roles.main(place)) and main.name == role
    ]


def rare_word(evidence: Evidence) -> Judged | None:
    if not evidence.roles:
        return None
    found = [
        (score.score, place, score.is_held)
        for place, scores in evidence.roles.scores.items()
        if place.kind == "encoder" and place.layer == 0
        for score in scores
        if score.name == "rare_word"
    ]
    if not found:
        return None
    score, place, _ = max(found, key=lambda each: each[0].value)
    return Judged(
        f"the nearest of layer 1, {place.short}, looks at the rarest word in {_per_cent(score)} of its rows",
        _yes(any(is_held for *_, is_held in found)),
    )


def syntactic(evidence: Evidence) -> Judged | None:
    if not evidence.roles:
        return None
    held = {
        place.short: score.what
        for place, scores in evidence.roles.scores.items()
        if place.kind == "encoder"
        for score in scores
        if score.name == "syntactic" and score.is_held
    }
    tried = any(score.name == "syntactic" for of in evidence.roles.scores.values() for score in of)
    if not tried:
        return None
    named = ", ".join(f"{head} ({what})" for head, what in list(held.items())[:4])
    heads = "head" if len(held) == 1 else "heads"
    return Judged(f"{len(held)} {heads}{': ' * bool(named)}{named}", _yes(bool(held)))


def trees(evidence: Evidence) -> Judged | None:
    roles = evidence.roles
    if not roles or not roles.trees or roles.tree_baseline is None:
        return None
    place, tree = max(roles.trees.items(), key=lambda each: each[1].score.value)
    return Judged(
        f"{place.short}: {_per_cent(tree.score)} of the dependencies; each word to its neighbour {100 * roles.tree_baseline:.1f} %",
        _above_zero(tree.above_baseline.interval_95),
    )


def _above_zero(interval: tuple[float, float]) -> Found:
    low, high = interval
    if low > 0:
        return "seen"
    return "not seen" if high < 0 else "undecided"


def sinks_cost_nothing(evidence: Evidence) -> Judged | None:
    if not evidence.roles or not evidence.sweep:
        return None
    change_of: dict[bool, list[float]] = {True: [], False: []}
    for change, effect in evidence.sweep.heads_left_out().items():
        main = evidence.roles.main(HeadPlace(change.kind, change.layer, change.head))
        is_sink = main is not None and main.name == "sink"
        change_of[is_sink].append(effect.differences["bleu"].value)
    if min(map(len, change_of.values())) < 2:
        return None
    sinks, others = (
        ratios((np.array(change_of[is_sink])[:, None], np.ones((len(change_of[is_sink]), 1)))).at(0)
        for is_sink in (True, False)
    )
    return Judged(
        f"mean change of BLEU without one of {len(change_of[True])} sinks: {_number(sinks, 2)}; without one of "
        f"{len(change_of[False])} other heads: {_number(others, 2)}",
        below((others, sinks)),
    )


def input_low_output_high(evidence: Evidence) -> Judged | None:
    layers = evidence.layers
    if not layers:
        return None
    written, read = layers["weights", "produced"], layers["weights", "consumed"]
    return Judged(
        f"error rate of layer 1 for the word read {_per_cent(read[0])}, for the word written "
        f"{_per_cent(written[0])}; of the last layer {_per_cent(read[-1])} and {_per_cent(written[-1])}",
        below((read[0], written[0]), (written[-1], read[-1])),
    )


def norms_are_better(evidence: Evidence) -> Judged | None:
    if not evidence.layers:
        return None
    best = {
        values: min(
            (rate for (of, _), rates in evidence.layers.items() if of == values for rate in rates),
            key=lambda rate: rate.value,
        )
        for values in ("weights", "norms")
    }
    return Judged(
        f"error rate of the best layer by norms {_per_cent(best['norms'])}, by weights {_per_cent(best['weights'])}",
        below((best["norms"], best["weights"])),
    )


def share_falls(evidence: Evidence) -> Judged | None:
    if not evidence.shares or len(evidence.shares.along) < 2:
        return None
    first, last = evidence.shares.along[0], evidence.shares.along[-1]
    return Judged(
        f"source share {_per_cent(first)} in the first fifth of a translation, {_per_cent(last)} in the last",
        below((last, first)),
    )


def share_at_end(evidence: Evidence) -> Judged | None:
    if not evidence.shares:
        return None
    at_end, mean = evidence.shares.at_end, evidence.shares.mean
    return Judged(
        f"source share {_per_cent(at_end)} at </s>, {_per_cent(mean)} on the mean",
        below((at_end, mean)),
    )


def wrong_prefix(evidence: Evidence) -> Judged | None:
    if not evidence.shares:
        return None
    exchanged, mean = evidence.shares.exchanged, evidence.shares.mean
    return Judged(
        f"source share {_per_cent(exchanged)} with the translation of another sentence, {_per_cent(mean)} with its own",
        below((exchanged, mean)),
    )


def layers_build(evidence: Evidence) -> Judged | None:
    if not evidence.lens:
        return None
    bleu = evidence.lens.bleu
    said = ", ".join(_number(each) for each in bleu)
    return Judged(
        f"BLEU from the embeddings and from each layer: {said}",
        below(*itertools.pairwise(bleu)),
    )


def fixed_heads(evidence: Evidence) -> Judged | None:
    return _to_base(evidence, "fixed-heads", lambda low, high, _: _above_zero((low, high)))


def one_head_is_worse(evidence: Evidence) -> Judged | None:
    return _to_base(evidence, "A-h1", lambda low, high, verdict: _WORSE.get(verdict, "undecided"))


_WORSE: dict[str, Found] = {"lower": "seen", "higher": "not seen"}


def _to_base(
    evidence: Evidence, name: str, is_seen: Callable[[float, float, str], Found]
) -> Judged | None:
    rows = {row.name: row.measured for row in evidence.table.rows} if evidence.table else {}
    measured = rows.get(name)
    if not measured or not measured.against_base:
        return None
    found = measured.against_base[TEST]["bleu"]
    low, high = found.interval_95
    return Judged(
        f"BLEU {found.difference:+.1f} [{low:+.1f}, {high:+.1f}] against base: {found.verdict}",
        is_seen(low, high, found.verdict),
    )


def language_first(evidence: Evidence) -> Judged | None:
    if not evidence.learning:
        return None
    moments, reference = evidence.learning.moments, evidence.learning.reference
    order = max(reference.ngrams)
    last = list(moments.values())[-1].bleu
    fluent = [
        step
        for step, moment in moments.items()
        if moment.ngrams[order].value >= reference.ngrams[order].value
    ]
    if not last:
        return None
    if not fluent:
        return Judged(f"no moment reaches the {order}-gram score of people", "not seen")
    there = moments[fluent[0]].bleu
    assert there
    return Judged(
        f"after {fluent[0]:,} steps a word has {moments[fluent[0]].ngrams[order].value:.2f} nats by {order}-grams, "
        f"people’s {reference.ngrams[order].value:.2f}; BLEU is {_number(there)} then, {_number(last)} at the end",
        _yes(there.value < last.value / 2),
    )


def share_rises(evidence: Evidence) -> Judged | None:
    shares = (
        {step: each.source_share for step, each in evidence.learning.moments.items()}
        if evidence.learning
        else {}
    )
    known = [(step, share) for step, share in shares.items() if share]
    if len(known) < 3:
        return None
    late = known[-3:]
    said = ", ".join(f"{100 * share.value:.1f} % (step {step:,})" for step, share in known)
    return Judged(
        said,
        below(*itertools.pairwise(share for _, share in late)),
    )


def order_last(evidence: Evidence) -> Judged | None:
    if not evidence.learning:
        return None
    moments = [each for each in evidence.learning.moments.items() if each[1].bleu]
    last = moments[-1][1]
    half = [
        (step, each)
        for step, each in moments
        if each.bleu and last.bleu and each.bleu.value >= last.bleu.value / 2
    ]
    step, early = half[0]
    if early is last:
        return None
    return Judged(
        f"order kept {_number(early.kept_order, 2)} after {step:,} steps, {_number(last.kept_order, 2)} at the end, "
        f"{_number(evidence.learning.reference.kept_order, 2)} by people",
        below((last.kept_order, early.kept_order)),
    )
