"""Made up: translations with known damage, and a table in which base and A-h1 are trained."""

import dataclasses
import random

from core.experiments.table3.rows import TEST, TRAINING, VALIDATION
from core.experiments.table3.table import (
    DifferenceToBase,
    IntervalScore,
    Table,
    VariantScores,
    untrained,
)
from core.text.toy_grammar import sentence_pairs

REFERENCES = [german for _, german in sentence_pairs(120, seed=5)]


def damaged(share: float, seed: int) -> list[str]:
    """The references with a share of their words lost, and some capitals."""
    choose = random.Random(seed)
    lines = []
    for line in REFERENCES:
        kept = " ".join(word for word in line.split() if choose.random() > share)
        lines.append(kept.lower() if choose.random() < 0.3 else kept)
    return lines


def scores(shift: float) -> dict[str, dict[str, IntervalScore]]:
    return {
        text: {
            "perplexity": IntervalScore(6.25 + shift, (6.0 + shift, 6.5 + shift)),
            "bleu": IntervalScore(30.5 - shift, (29.0 - shift, 32.0 - shift)),
            "bleu_lc": IntervalScore(31.5 - shift, (30.0 - shift, 33.0 - shift)),
        }
        for text in (VALIDATION, TEST)
    }


BASE = VariantScores(
    steps=9_000,
    best_step=8_500,
    tokens_seen=12_345_678,
    training_tokens_per_s=7_654.3,
    decoding_tokens_per_s=987.6,
    hardware="an abacus",
    weights_sha256="ba5e",
    scores=scores(0.0),
    final_scores=scores(0.125),
    against_base={},
)
ONE_HEAD = dataclasses.replace(
    BASE,
    weights_sha256="a1",
    scores=scores(0.5),
    against_base={
        text: {
            "perplexity": DifferenceToBase(0.5, (0.25, 0.75), 0.001, "higher"),
            "bleu": DifferenceToBase(-0.5, (-1.25, 0.25), 0.125, "no difference shown"),
            "bleu_lc": DifferenceToBase(-0.5, (-1.0, -0.0625), 0.03125, "not judged yet"),
        }
        for text in (VALIDATION, TEST)
    },
)


def made_up_table() -> Table:
    table = untrained(width="1/4", depth="1/2", vocabulary_size=4_000, training=TRAINING)
    measured = {"base": BASE, "A-h1": ONE_HEAD}
    rows = (dataclasses.replace(row, measured=measured.get(row.name)) for row in table.rows)
    spread = {
        text: {"perplexity": 0.0625, "bleu": 0.75, "bleu_lc": 0.5} for text in (VALIDATION, TEST)
    }
    return dataclasses.replace(table, rows=tuple(rows), seed_spread=spread)
