"""The findings, where they were published, how they are tested here, and the rule of each verdict.

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
Verdict = Literal[Found, "not measured", "not testable here"]


@dataclass(frozen=True, slots=True)
class Judged:
    """What was found, and whether it agrees."""

    numbers: str
    found: Found
    """`undecided` where intervals meet, or there are too few heads to tell."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One published finding."""

    name: str
    says: str
    source: str
    url: str
    test: str
    """What is compared here, and when the finding counts as seen."""
    needs: str
    """The command whose result is needed; empty if it cannot be tested."""
    judge: Callable[[Evidence], Judged | None]
    """None if what it needs was not measured."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A claim and what became of it."""

    claim: Claim
    verdict: Verdict
    numbers: str


def outcomes(evidence: Evidence) -> list[Outcome]:
    """All claims, in their order."""
    return [_outcome(claim, evidence) for claim in CLAIMS]


def _outcome(claim: Claim, evidence: Evidence) -> Outcome:
    judged = claim.judge(evidence)
    if judged:
        return Outcome(claim, judged.found, judged.numbers)
    return Outcome(claim, "not measured" if claim.needs else "not testable here", "")


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


def _yes(is_seen: bool) -> Found:  # noqa: FBT001: what it turns into words
    return "seen" if is_seen else "not seen"


FEW, GONE, LOST_BLEU, RARE = 0.25, 0.2, 1.0, 0.05


def _few_heads_matter(evidence: Evidence) -> Judged | None:
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


def _heads_can_go(evidence: Evidence) -> Judged | None:
    if not evidence.pruning:
        return None
    share = evidence.pruning.curves[0].removable_share(LOST_BLEU)
    return Judged(
        f"{100 * share:.0f} % of the heads go before BLEU falls by {LOST_BLEU:g}",
        _yes(share >= GONE),
    )


def _fine_tuning_keeps_quality(evidence: Evidence) -> Judged | None:
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


def _scratch_is_worse(evidence: Evidence) -> Judged | None:
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


def _encoder_heads_go_first(evidence: Evidence) -> Judged | None:
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


def _positional_low(evidence: Evidence) -> Judged | None:
    if not evidence.roles:
        return None
    layers = _layers_with(evidence, "positional")
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


def _layers_with(evidence: Evidence, role: str) -> list[int]:
    """The layers of the encoder heads whose main role it is, from 0."""
    roles = evidence.roles
    assert roles
    return [
        place.layer
        for place in roles.scores
        if place.kind == "encoder" and (main := roles.main(place)) and main.name == role
    ]


def _rare_word(evidence: Evidence) -> Judged | None:
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


def _syntactic(evidence: Evidence) -> Judged | None:
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


def _trees(evidence: Evidence) -> Judged | None:
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


def _sinks_cost_nothing(evidence: Evidence) -> Judged | None:
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


def _input_low_output_high(evidence: Evidence) -> Judged | None:
    layers = evidence.layers
    if not layers:
        return None
    written, read = layers["weights", "produced"], layers["weights", "consumed"]
    return Judged(
        f"error rate of layer 1 for the word read {_per_cent(read[0])}, for the word written "
        f"{_per_cent(written[0])}; of the last layer {_per_cent(read[-1])} and {_per_cent(written[-1])}",
        below((read[0], written[0]), (written[-1], read[-1])),
    )


def _norms_are_better(evidence: Evidence) -> Judged | None:
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


def _share_falls(evidence: Evidence) -> Judged | None:
    if not evidence.shares or len(evidence.shares.along) < 2:
        return None
    first, last = evidence.shares.along[0], evidence.shares.along[-1]
    return Judged(
        f"source share {_per_cent(first)} in the first fifth of a translation, {_per_cent(last)} in the last",
        below((last, first)),
    )


def _share_at_end(evidence: Evidence) -> Judged | None:
    if not evidence.shares:
        return None
    at_end, mean = evidence.shares.at_end, evidence.shares.mean
    return Judged(
        f"source share {_per_cent(at_end)} at </s>, {_per_cent(mean)} on the mean",
        below((at_end, mean)),
    )


def _wrong_prefix(evidence: Evidence) -> Judged | None:
    if not evidence.shares:
        return None
    exchanged, mean = evidence.shares.exchanged, evidence.shares.mean
    return Judged(
        f"source share {_per_cent(exchanged)} with the translation of another sentence, {_per_cent(mean)} with its own",
        below((exchanged, mean)),
    )


def _layers_build(evidence: Evidence) -> Judged | None:
    if not evidence.lens:
        return None
    bleu = evidence.lens.bleu
    said = ", ".join(_number(each) for each in bleu)
    return Judged(
        f"BLEU from the embeddings and from each layer: {said}",
        below(*itertools.pairwise(bleu)),
    )


def _fixed_heads(evidence: Evidence) -> Judged | None:
    return _to_base(evidence, "fixed-heads", lambda low, high, _: _above_zero((low, high)))


def _one_head_is_worse(evidence: Evidence) -> Judged | None:
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


def _language_first(evidence: Evidence) -> Judged | None:
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


def _share_rises(evidence: Evidence) -> Judged | None:
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


def _order_last(evidence: Evidence) -> Judged | None:
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


MICHEL = ("Michel et al. 2019", "https://arxiv.org/abs/1905.10650")
VOITA = ("Voita et al. 2019", "https://arxiv.org/abs/1905.09418")
VOITA_SHARES = ("Voita et al. 2021", "https://arxiv.org/abs/2010.10907")
VOITA_TRAINING = ("Voita et al. 2021", "https://arxiv.org/abs/2109.01396")
KOBAYASHI = ("Kobayashi et al. 2020", "https://arxiv.org/abs/2004.10102")
ABLATE = "python -m core ablate --sweep heads"
CLAIMS = (
    Claim(
        "few-heads-matter", "Few heads matter when they are left out one at a time.", *MICHEL,
        f"BLEU without each head; seen if fewer than {100 * FEW:.0f} % of them cost BLEU by the paired interval",
        ABLATE, _few_heads_matter,
    ),
    Claim(
        "heads-can-go", "A fifth of the heads and more can go without training again.", *MICHEL,
        f"heads go by gradient importance; seen if {100 * GONE:.0f} % go before BLEU falls by {LOST_BLEU:g}",
        "python -m core prune", _heads_can_go,
    ),
    Claim(
        "gates-keep-quality", "If the model may go on learning, most heads can go.", *VOITA,
        f"L0 gates; seen if half of the heads or fewer keep BLEU within {LOST_BLEU:g} of fine-tuning alone, not seen if their "
        "intervals lie below that",
        "python -m core gates", _fine_tuning_keeps_quality,
    ),
    Claim(
        "encoder-goes-first", "Encoder self-attention loses its heads first, cross-attention last.", *VOITA,
        "L0 gates; seen if the encoder keeps the smallest share of heads at the first price that closes a tenth of "
        "all, and cross-attention the largest at the last",
        "python -m core gates", _encoder_heads_go_first,
    ),
    Claim(
        "scratch-is-worse", "The shapes that pruning leaves are worse when trained from scratch.", *VOITA,
        "the same heads, trained from the first step as the model was; seen if all their intervals lie below",
        "python -m core gates --scratch", _scratch_is_worse,
    ),
    Claim(
        "positional-low", "Positional heads stand in the lower encoder layers.", *VOITA,
        "heads whose main role is positional; seen if more stand in the lower half of the layers than chance would put there (5 %)",
        "python -m core roles", _positional_low,
    ),
    Claim(
        "rare-word", "A head of the first encoder layer looks at the rarest word.", *VOITA,
        "seen if a head of layer 1 does so in 30 % of its rows, above the best trivial rule and a shuffled control",
        "python -m core roles", _rare_word,
    ),
    Claim(
        "syntactic", "Some encoder heads follow one kind of dependency.", *VOITA,
        "the largest weight on the other end of a dependency in 30 % of its chances, above the best fixed distance and a "
        "shuffled control; one head is enough",
        "python -m core roles --treebank", _syntactic,
    ),
    Claim(
        "trees", "Encoder heads hold more of the syntax tree than words’ neighbours do.",
        "Raganato & Tiedemann 2018", "https://aclanthology.org/W18-5431",
        "maximum spanning trees of a head’s weights; seen if the best head is above attaching to the neighbour",
        "python -m core roles --treebank", _trees,
    ),
    Claim(
        "sinks", "Attention on </s> is a no-operation: heads that look there can be left out.",
        "Clark et al. 2019", "https://arxiv.org/abs/1906.04341",
        "heads whose main role is sink against all others, left out one at a time; seen if the mean loss of BLEU is "
        "smaller (intervals over heads)",
        f"{ABLATE} and python -m core roles", _sinks_cost_nothing,
    ),
    Claim(
        "input-low-output-high", "Low layers align the word that is read, high ones the word that is written.",
        "Ferrando et al. 2022", "https://arxiv.org/abs/2205.11631",
        "alignment error rate of whole layers, each word read at the step that reads it (AWI) or that writes it (AWO); seen "
        "if AWI is better in layer 1 and AWO in the last",
        "python -m core align --name with gold", _input_low_output_high,
    ),
    Claim(
        "norms-align-better", "Norms align words better than weights.", *KOBAYASHI,
        "alignment error rate of the best layer; seen if the interval by norms lies below that by weights",
        "python -m core align --name with gold", _norms_are_better,
    ),
    Claim(
        "share-falls", "The source’s share falls along the translation.", *VOITA_SHARES,
        "shares by ALTI+ (theirs are by LRP), the first fifth of a translation against the last",
        "python -m core contributions", _share_falls,
    ),
    Claim(
        "share-at-end", "The source’s share is low at the end token.", *VOITA_SHARES,
        "shares by ALTI+, the step that writes </s> against the mean",
        "python -m core contributions", _share_at_end,
    ),
    Claim(
        "wrong-prefix", "A prefix that does not fit lowers the source’s share.", *VOITA_SHARES,
        "shares by ALTI+, the translation of another sentence forced",
        "python -m core contributions", _wrong_prefix,
    ),
    Claim(
        "layers-build", "Every encoder layer adds what the decoder can read.",
        "Langedijk et al. 2023", "https://arxiv.org/abs/2310.03686",
        "DecoderLens; seen if BLEU rises from layer to layer beyond the intervals",
        "python -m core lens", _layers_build,
    ),
    Claim(
        "fixed-heads", "Seven of eight encoder heads can be fixed to positions without loss.",
        "Raganato et al. 2020", "https://aclanthology.org/2020.findings-emnlp.49",
        "the row fixed-heads of Table 3 against base; seen if the paired interval of BLEU is above 0, not seen if below",
        "python -m core table3", _fixed_heads,
    ),
    Claim(
        "one-head-is-worse", "One head is worse than eight.", "Vaswani et al. 2017, Table 3 (A)",
        "https://arxiv.org/abs/1706.03762",
        "the row A-h1 of Table 3 against base; seen if BLEU is lower beyond interval and seeds",
        "python -m core table3", _one_head_is_worse,
    ),
    Claim(
        "language-first", "Training first learns the target language, then to translate.", *VOITA_TRAINING,
        "4-gram scores of snapshots; seen if they reach people’s before BLEU reaches half of its end",
        "python -m core learning", _language_first,
    ),
    Claim(
        "share-rises", "Late in training, more and more comes from the source.", *VOITA_SHARES,
        "ALTI+ of all snapshots; seen if each of the last three lies above the one before",
        "python -m core learning", _share_rises,
    ),
    Claim(
        "order-last", "Reordering comes last: late in training, translations leave the order of the source.",
        *VOITA_TRAINING,
        "share of neighbouring words that go on in the source; seen if it falls from the first snapshot with half of "
        "the final BLEU to the end",
        "python -m core learning", _order_last,
    ),
    Claim(
        "hallucinations", "A low source share finds hallucinations.", "Dale et al. 2023",
        "https://arxiv.org/abs/2212.08597",
        "needs translations that people marked as hallucinated; none come with this project", "", lambda _: None,
    ),
)  # fmt: skip
"""Twenty-two findings."""
