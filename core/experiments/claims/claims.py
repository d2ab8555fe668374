"""The findings, where they were published, and how they are tested here; `judges` has the rules.

Nothing here imports torch.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from core.experiments.claims import judges
from core.experiments.claims.evidence import Evidence
from core.experiments.claims.judges import Found, Judged

Verdict = Literal[Found, "not measured", "not testable here"]


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


MICHEL = ("Michel et al. 2019", "https://arxiv.org/abs/1905.10650")
VOITA = ("Voita et al. 2019", "https://arxiv.org/abs/1905.09418")
VOITA_SHARES = ("Voita et al. 2021", "https://arxiv.org/abs/2010.10907")
VOITA_TRAINING = ("Voita et al. 2021", "https://arxiv.org/abs/2109.01396")
KOBAYASHI = ("Kobayashi et al. 2020", "https://arxiv.org/abs/2004.10102")
ABLATE = "python -m core ablate --sweep heads"
CLAIMS = (
    Claim(
        "few-heads-matter", "Few heads matter when they are left out one at a time.", *MICHEL,
        f"BLEU without each head; seen if fewer than {100 * judges.FEW:.0f} % of them cost BLEU by the paired interval",
        ABLATE, judges.few_heads_matter,
    ),
    Claim(
        "heads-can-go", "A fifth of the heads and more can go without training again.", *MICHEL,
        f"heads go by gradient importance; seen if {100 * judges.GONE:.0f} % go before BLEU falls by {judges.LOST_BLEU:g}",
        "python -m core prune", judges.heads_can_go,
    ),
    Claim(
        "gates-keep-quality", "If the model may go on learning, most heads can go.", *VOITA,
        f"L0 gates; seen if half of the heads or fewer keep BLEU within {judges.LOST_BLEU:g} of fine-tuning alone, not seen if their "
        "intervals lie below that",
        "python -m core gates", judges.fine_tuning_keeps_quality,
    ),
    Claim(
        "encoder-goes-first", "Encoder self-attention loses its heads first, cross-attention last.", *VOITA,
        "L0 gates; seen if the encoder keeps the smallest share of heads at the first price that closes a tenth of "
        "all, and cross-attention the largest at the last",
        "python -m core gates", judges.encoder_heads_go_first,
    ),
    Claim(
        "scratch-is-worse", "The shapes that pruning leaves are worse when trained from scratch.", *VOITA,
        "the same heads, trained from the first step as the model was; seen if all their intervals lie below",
        "python -m core gates --scratch", judges.scratch_is_worse,
    ),
    Claim(
        "positional-low", "Positional heads stand in the lower encoder layers.", *VOITA,
        "heads whose main role is positional; seen if more stand in the lower half of the layers than chance would put there (5 %)",
        "python -m core roles", judges.positional_low,
    ),
    Claim(
        "rare-word", "A head of the first encoder layer looks at the rarest word.", *VOITA,
        "seen if a head of layer 1 does so in 30 % of its rows, above the best trivial rule and a shuffled control",
        "python -m core roles", judges.rare_word,
    ),
    Claim(
        "syntactic", "Some encoder heads follow one kind of dependency.", *VOITA,
        "the largest weight on the other end of a dependency in 30 % of its chances, above the best fixed distance and a "
        "shuffled control; one head is enough",
        "python -m core roles --treebank", judges.syntactic,
    ),
    Claim(
        "trees", "Encoder heads hold more of the syntax tree than words’ neighbours do.",
        "Raganato & Tiedemann 2018", "https://aclanthology.org/W18-5431",
        "maximum spanning trees of a head’s weights; seen if the best head is above attaching to the neighbour",
        "python -m core roles --treebank", judges.trees,
    ),
    Claim(
        "sinks", "Attention on </s> is a no-operation: heads that look there can be left out.",
        "Clark et al. 2019", "https://arxiv.org/abs/1906.04341",
        "heads whose main role is sink against all others, left out one at a time; seen if the mean loss of BLEU is "
        "smaller (intervals over heads)",
        f"{ABLATE} and python -m core roles", judges.sinks_cost_nothing,
    ),
    Claim(
        "input-low-output-high", "Low layers align the word that is read, high ones the word that is written.",
        "Ferrando et al. 2022", "https://arxiv.org/abs/2205.11631",
        "alignment error rate of whole layers, each word read at the step that reads it (AWI) or that writes it (AWO); seen "
        "if AWI is better in layer 1 and AWO in the last",
        "python -m core align --name with gold", judges.input_low_output_high,
    ),
    Claim(
        "norms-align-better", "Norms align words better than weights.", *KOBAYASHI,
        "alignment error rate of the best layer; seen if the interval by norms lies below that by weights",
        "python -m core align --name with gold", judges.norms_are_better,
    ),
    Claim(
        "share-falls", "The source’s share falls along the translation.", *VOITA_SHARES,
        "shares by ALTI+ (theirs are by LRP), the first fifth of a translation against the last",
        "python -m core contributions", judges.share_falls,
    ),
    Claim(
        "share-at-end", "The source’s share is low at the end token.", *VOITA_SHARES,
        "shares by ALTI+, the step that writes </s> against the mean",
        "python -m core contributions", judges.share_at_end,
    ),
    Claim(
        "wrong-prefix", "A prefix that does not fit lowers the source’s share.", *VOITA_SHARES,
        "shares by ALTI+, the translation of another sentence forced",
        "python -m core contributions", judges.wrong_prefix,
    ),
    Claim(
        "layers-build", "Every encoder layer adds what the decoder can read.",
        "Langedijk et al. 2023", "https://arxiv.org/abs/2310.03686",
        "DecoderLens; seen if BLEU rises from layer to layer beyond the intervals",
        "python -m core lens", judges.layers_build,
    ),
    Claim(
        "fixed-heads", "Seven of eight encoder heads can be fixed to positions without loss.",
        "Raganato et al. 2020", "https://aclanthology.org/2020.findings-emnlp.49",
        "the row fixed-heads of Table 3 against base; seen if the paired interval of BLEU is above 0, not seen if below",
        "python -m core table3", judges.fixed_heads,
    ),
    Claim(
        "one-head-is-worse", "One head is worse than eight.", "Vaswani et al. 2017, Table 3 (A)",
        "https://arxiv.org/abs/1706.03762",
        "the row A-h1 of Table 3 against base; seen if BLEU is lower beyond interval and seeds",
        "python -m core table3", judges.one_head_is_worse,
    ),
    Claim(
        "language-first", "Training first learns the target language, then to translate.", *VOITA_TRAINING,
        "4-gram scores of snapshots; seen if they reach people’s before BLEU reaches half of its end",
        "python -m core learning", judges.language_first,
    ),
    Claim(
        "share-rises", "Late in training, more and more comes from the source.", *VOITA_SHARES,
        "ALTI+ of all snapshots; seen if each of the last three lies above the one before",
        "python -m core learning", judges.share_rises,
    ),
    Claim(
        "order-last", "Reordering comes last: late in training, translations leave the order of the source.",
        *VOITA_TRAINING,
        "share of neighbouring words that go on in the source; seen if it falls from the first snapshot with half of "
        "the final BLEU to the end",
        "python -m core learning", judges.order_last,
    ),
    Claim(
        "hallucinations", "A low source share finds hallucinations.", "Dale et al. 2023",
        "https://arxiv.org/abs/2212.08597",
        "needs translations that people marked as hallucinated; none come with this project", "", lambda _: None,
    ),
)  # fmt: skip
"""Twenty-two findings."""
