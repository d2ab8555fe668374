"""Every verdict turns with its numbers: bundled evidence, changed one number at a time."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from core.checkpoint.bundled import SOURCES
from core.checkpoint.side_files import read_metrics
from core.config import KINDS
from core.evaluation.bootstrap import Difference
from core.evaluation.ratios import Estimate
from core.experiments.claims.claims import CLAIMS, outcomes
from core.experiments.claims.evidence import Evidence, gather, layer_rates
from core.experiments.claims.judges import _mostly
from core.experiments.gates.results import GatePoint, GateResults
from core.system.json_files import read_json

FOLDER = SOURCES / "en-de"
HASH = read_json(FOLDER / "roles.json")["weights_hash"]
BY_NAME = {claim.name: claim for claim in CLAIMS}


def around(value: float, half: float = 0.1) -> Estimate:
    return Estimate(value, (value - half, value + half))


def gate_point(penalty: float, kept: tuple[int, int, int], bleu: float, **more: Any) -> GatePoint:
    gates = {
        kind: np.array([[1.0] * n + [0.0] * (10 - n)]) for kind, n in zip(KINDS, kept, strict=True)
    }
    return GatePoint(penalty, gates, around(bleu), 5.0, **more)


GATES = GateResults(
    (gate_point(0, (10, 10, 10), 36), gate_point(0.1, (2, 5, 7), 35.5, scratch_bleu=around(34)),
     gate_point(0.3, (0, 1, 4), 30)),
    around(36), "t", 9, 9, 1e-3, HASH, "a machine",
)  # fmt: skip


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    found = gather(
        FOLDER,
        weights_hash=HASH,
        alignment=read_metrics(FOLDER)["alignment"],
        n_layers=4,
        trained=SOURCES / "table3" / "base",
        table3=SOURCES / "table3",
    )
    return dataclasses.replace(found, gates=GATES, scratch=GATES)


def verdict(name: str, evidence: Evidence) -> str:
    return next(each.verdict for each in outcomes(evidence) if each.claim.name == name)


def test_without_any_measurement_nothing_is_judged() -> None:
    for each in outcomes(Evidence()):
        assert each.verdict == ("not measured" if each.claim.needs else "not testable here")
        assert each.numbers == ""


def test_names_are_told_apart_and_every_source_has_an_address() -> None:
    assert len(BY_NAME) == len(CLAIMS) >= 15
    assert all(claim.url.startswith("https://") for claim in CLAIMS)


def shares(evidence: Evidence, **changes: Any) -> Evidence:
    assert evidence.shares
    return dataclasses.replace(evidence, shares=dataclasses.replace(evidence.shares, **changes))


def gates(evidence: Evidence, *points: GatePoint) -> Evidence:
    changed = dataclasses.replace(GATES, points=points)
    return dataclasses.replace(evidence, gates=changed, scratch=changed)


def layers(evidence: Evidence, **rates: Any) -> Evidence:
    assert evidence.layers
    return dataclasses.replace(evidence, layers={**evidence.layers, **{
        tuple(name.split("_")): value for name, value in rates.items()
    }})  # fmt: skip


def lens(evidence: Evidence, *bleu: float) -> Evidence:
    assert evidence.lens
    return dataclasses.replace(
        evidence, lens=dataclasses.replace(evidence.lens, bleu=tuple(map(around, bleu)))
    )


def sweep(evidence: Evidence, n_costly: int) -> Evidence:
    """All heads change BLEU by nothing but the first so many."""
    assert evidence.sweep
    nothing, loss = Difference(0, (-0.1, 0.1), 0.5), Difference(-2, (-3, -1), 0.0)
    effects = [
        dataclasses.replace(
            each, differences={**each.differences, "bleu": loss if n < n_costly else nothing}
        )
        for n, each in enumerate(evidence.sweep.effects)
    ]
    return dataclasses.replace(
        evidence, sweep=dataclasses.replace(evidence.sweep, effects=tuple(effects))
    )


def table_row(evidence: Evidence, name: str, low: float, high: float, verdict: str) -> Evidence:
    assert evidence.table
    rows = []
    for row in evidence.table.rows:
        if row.name == name:
            assert row.measured
            against = row.measured.against_base
            text = "multi30k-test2016"
            changed = dataclasses.replace(
                against[text]["bleu"],
                difference=(low + high) / 2,
                interval_95=(low, high),
                verdict=verdict,
            )
            measured = dataclasses.replace(
                row.measured, against_base={**against, text: {**against[text], "bleu": changed}}
            )
            rows.append(dataclasses.replace(row, measured=measured))
        else:
            rows.append(row)
    return dataclasses.replace(
        evidence, table=dataclasses.replace(evidence.table, rows=tuple(rows))
    )


def learning(evidence: Evidence, **changes: dict[int, Any]) -> Evidence:
    """The moments with other values of some fields, by step."""
    assert evidence.learning
    moments = {
        step: dataclasses.replace(
            moment, **{name: values[step] for name, values in changes.items() if step in values}
        )
        for step, moment in evidence.learning.moments.items()
    }
    return dataclasses.replace(
        evidence, learning=dataclasses.replace(evidence.learning, moments=moments)
    )


CASES = {
    "few heads cost": ("few-heads-matter", lambda e: sweep(e, 3), "seen"),
    "many heads cost": ("few-heads-matter", lambda e: sweep(e, 60), "not seen"),
    "half is enough": ("gates-keep-quality", lambda e: e, "seen"),
    "half is not enough": (
        "gates-keep-quality",
        lambda e: gates(e, GATES.points[0], gate_point(0.1, (2, 5, 7), 34)),
        "not seen",
    ),
    "exactly half is half": (
        "gates-keep-quality",
        lambda e: gates(e, GATES.points[0], gate_point(0.1, (5, 5, 5), 35.5)),
        "seen",
    ),
    "half may be enough": (
        "gates-keep-quality",
        lambda e: gates(e, GATES.points[0], gate_point(0.1, (2, 5, 7), 34.95)),
        "undecided",
    ),
    "no price leaves half": (
        "gates-keep-quality",
        lambda e: gates(e, GATES.points[0], gate_point(0.1, (9, 9, 9), 36)),
        "not measured",
    ),
    "encoder first": ("encoder-goes-first", lambda e: e, "seen"),
    "cross first": (
        "encoder-goes-first",
        lambda e: gates(e, GATES.points[0], gate_point(0.1, (9, 7, 5), 35)),
        "not seen",
    ),
    "decoder gone in the end": (
        "encoder-goes-first",
        lambda e: gates(e, GATES.points[0], gate_point(0.1, (2, 5, 4), 35), gate_point(0.3, (1, 0, 5), 30)),
        "seen",
    ),
    "encoder last, cross first": (
        "encoder-goes-first",
        lambda e: gates(e, GATES.points[0], gate_point(0.1, (9, 7, 5), 35), gate_point(0.3, (0, 2, 4), 30)),
        "not seen",
    ),
    "scratch is worse": ("scratch-is-worse", lambda e: e, "seen"),
    "scratch is alike": (
        "scratch-is-worse",
        lambda e: gates(e, gate_point(0.1, (2, 5, 7), 35.5, scratch_bleu=around(35.45))),
        "undecided",
    ),
    "scratch is better": (
        "scratch-is-worse",
        lambda e: gates(e, gate_point(0.1, (2, 5, 7), 35.5, scratch_bleu=around(37))),
        "not seen",
    ),
    "share falls": ("share-falls", lambda e: shares(e, along=(around(0.9), around(0.5))), "seen"),
    "share stays": (
        "share-falls", lambda e: shares(e, along=(around(0.6), around(0.5))), "undecided",
    ),
    "share rises along": (
        "share-falls", lambda e: shares(e, along=(around(0.3), around(0.7))), "not seen",
    ),
    "end is low": ("share-at-end", lambda e: shares(e, at_end=around(0.2, 0.01)), "seen"),
    "end is high": ("share-at-end", lambda e: shares(e, at_end=around(0.9, 0.01)), "not seen"),
    "prefix lowers": ("wrong-prefix", lambda e: shares(e, exchanged=around(0.2, 0.01)), "seen"),
    "prefix raises": ("wrong-prefix", lambda e: shares(e, exchanged=around(0.9, 0.01)), "not seen"),
    "layers build": ("layers-build", lambda e: lens(e, 1, 2, 3), "seen"),
    "a layer is not above the one before": ("layers-build", lambda e: lens(e, 1, 3, 3.1), "undecided"),
    "a layer takes away": ("layers-build", lambda e: lens(e, 1, 3, 2), "not seen"),
    "norms are better": (
        "norms-align-better",
        lambda e: layers(e, norms_produced=(around(0.2, 0.01),)),
        "seen",
    ),
    "norms are worse": (
        "norms-align-better",
        lambda e: layers(
            e, norms_produced=(around(0.9, 0.01),), norms_consumed=(around(0.9, 0.01),)
        ),
        "not seen",
    ),
    "low layers read": (
        "input-low-output-high",
        lambda e: layers(
            e,
            weights_produced=(around(0.8, 0.01), around(0.4, 0.01)),
            weights_consumed=(around(0.5, 0.01), around(0.9, 0.01)),
        ),
        "seen",
    ),
    "low layers write": (
        "input-low-output-high",
        lambda e: layers(
            e,
            weights_produced=(around(0.4, 0.01), around(0.4, 0.01)),
            weights_consumed=(around(0.5, 0.01), around(0.9, 0.01)),
        ),
        "not seen",
    ),
    "fixed gain": ("fixed-heads", lambda e: table_row(e, "fixed-heads", 0.2, 1, "higher"), "seen"),
    "fixed alike": (
        "fixed-heads", lambda e: table_row(e, "fixed-heads", -1, 1, "no difference shown"), "undecided",
    ),
    "fixed lose": ("fixed-heads", lambda e: table_row(e, "fixed-heads", -2, -1, "lower"), "not seen"),
    "one head loses": ("one-head-is-worse", lambda e: table_row(e, "A-h1", -2, -1, "lower"), "seen"),
    "one head gains": ("one-head-is-worse", lambda e: table_row(e, "A-h1", 1, 2, "higher"), "not seen"),
    "share rises": (
        "share-rises",
        lambda e: learning(e, source_share={1000: around(0.3), 3000: around(0.6), 9000: around(0.9)}),
        "seen",
    ),
    "share settles": (
        "share-rises",
        lambda e: learning(e, source_share={1000: around(0.3), 3000: around(0.6), 9000: around(0.65)}),
        "undecided",
    ),
    "order is left": (
        "order-last",
        lambda e: learning(e, kept_order={3000: around(0.9), 9000: around(0.6)}),
        "seen",
    ),
    "order is taken up": (
        "order-last",
        lambda e: learning(e, kept_order={3000: around(0.5), 9000: around(0.8)}),
        "not seen",
    ),
    "late and fluent at once": (
        "language-first",
        lambda e: learning(e, bleu={1000: around(30)}),
        "not seen",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_verdict_turns_with_its_numbers(evidence: Evidence, case: str) -> None:
    name, change, expected = CASES[case]
    assert verdict(name, change(evidence)) == expected


def test_heads_of_a_role_are_counted_from_the_roles(evidence: Evidence) -> None:
    roles = evidence.roles
    assert roles
    by_name = {each.claim.name: each for each in outcomes(evidence)}
    low, high = (
        sum(
            place.kind == "encoder" and (place.layer < 2) == is_low and main.name == "positional"
            for place in roles.scores
            if (main := roles.main(place))
        )
        for is_low in (True, False)
    )
    assert by_name["positional-low"].numbers.startswith(f"{low} of {low + high} ")
    n_syntactic = sum(
        any(score.name == "syntactic" and score.is_held for score in scores)
        for scores in roles.scores.values()
    )
    assert by_name["syntactic"].numbers.startswith(f"{n_syntactic} head")
    place, tree = max(roles.trees.items(), key=lambda each: each[1].score.value)
    assert by_name["trees"].numbers.startswith(f"{place.short}: {100 * tree.score.value:.1f} %")
    rare = [
        (score.score.value, place.short)
        for place, scores in roles.scores.items()
        for score in scores
        if place.kind == "encoder" and place.layer == 0 and score.name == "rare_word"
    ]
    assert f"the nearest of layer 1, {max(rare)[1]}, " in by_name["rare-word"].numbers
    nobody = dataclasses.replace(evidence, roles=dataclasses.replace(roles, scores={}))
    assert verdict("syntactic", nobody) == "not measured"


def test_what_is_another_models_is_said(tmp_path) -> None:
    trained = SOURCES / "table3" / "base"
    of_base = read_json(trained / "learning.json")["weights_hash"]
    found = gather(FOLDER, weights_hash=HASH, alignment={}, n_layers=4, trained=trained)
    assert found.from_trained
    assert found.learning
    own = gather(trained, weights_hash=of_base, alignment={}, n_layers=3, trained=trained)
    assert own.learning
    assert not own.from_trained
    assert not gather(FOLDER, weights_hash=HASH, alignment={}, n_layers=4).from_trained


def test_few_heads_on_one_side_decide_nothing() -> None:
    cases = (
        (5, 5, 0.5),
        (0, 5, 0.5),
        (2, 3, 0.5),
        (0, 0, 0.5),
        (9, 10, 0.5),
        (8, 8, 0.0),
        (24, 36, 2 / 3),
    )
    assert [_mostly(*each) for each in cases] == [
        "seen", "not seen", "undecided", "undecided", "seen", "undecided", "undecided",
    ]  # fmt: skip


def test_what_is_of_other_weights_does_not_count() -> None:
    found = gather(FOLDER, weights_hash="others", alignment={}, n_layers=4)
    assert (found.roles, found.shares, found.lens, found.sweep, found.pruning, found.gates) == (
        None,
    ) * 6
    assert len(found.notes) == 6
    assert all("of other weights" in note for note in found.notes)


def test_rates_of_layers_need_gold_and_all_readings() -> None:
    alignment = read_metrics(FOLDER)["alignment"]
    assert layer_rates(alignment)
    assert layer_rates({**alignment, "layers": {"weights": {}}}) is None
    without = {name: value for name, value in alignment.items() if name != "alignment_error_rate"}
    assert layer_rates(without) is None
    found = gather(
        FOLDER, weights_hash=HASH, alignment={**alignment, "layers": {"weights": 3}}, n_layers=4
    )
    assert found.layers is None
    assert found.notes
