"""What Ablate shows is what the change did: switches, both translations, steps, heads, findings."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.analysis.ablation import Ablation
from core.analysis.ablation.in_words import in_words
from core.analysis.effects.corpus_results import SWEEP
from core.analysis.effects.sentence import StepEffect, step_effects
from core.analysis.head_place import HeadPlace
from core.analysis.trace.trace import Trace
from core.config import KINDS, Kind
from explorer.figures.axes import signed
from explorer.figures.colours import effect_colour
from explorer.figures.head import piece_label, piece_labels
from tests.checkpoints import SENTENCE, write_checkpoint
from tests.core.ablations import made_up_sweep
from tests.explorer.apart import held, loaded, traced
from tests.explorer.pages import PROMPT, Shelf, button, charts, link, shelf
from tests.explorer.readings import (
    assert_shown,
    components,
    heat_maps,
    labels,
    lines_in_words,
    numbers,
    read,
    said,
)

__all__ = ["shelf"]

CHANGES = ["cross.L1H3=0,enc.L2.ffn=skip", "enc.L1=skip"]


@pytest.fixture(scope="module", autouse=True)
def folder(shelf: Shelf) -> Path:
    write_checkpoint(shelf.root / "tiny", metrics=PROMPT)
    return shelf.root / "tiny"


def opened(shelf: Shelf, ablation: str = "", **more: str) -> AppTest:
    return shelf("ablate", text=SENTENCE, **({"ablation": ablation} if ablation else {}), **more)


def steps(folder: Path, ablation: str) -> tuple[StepEffect, ...]:
    of = loaded(folder).checkpoint
    return step_effects(of.model, of.vocabulary, traced(folder), [Ablation.parse(ablation)])[0]


def change_nats(folder: Path, ablation: str) -> float:
    """How the log-probability of the first translation changes: it is forced again."""
    before, after = traced(folder), held(folder, ablation)
    return after.best.log_probability_nats - before.best.log_probability_nats


def mean_probability(trace: Trace) -> float:
    return math.exp(np.mean([step.log_probability_nats for step in trace.steps]))


def test_the_switches_are_what_is_off_and_the_best_head(shelf: Shelf) -> None:
    (data,) = components(opened(shelf, f"{CHANGES[0]},dec.L2H1=0.5"), "attention_toggles")
    assert data["states"] == {"cross.L1H3": "off", "enc.L2.ffn": "off", "dec.L2H1": "changed"}
    assert data["marked"] == {"place": "cross.L3H2", "reason": "best-aligned"}
    (data,) = components(opened(shelf, worth="none"), "attention_toggles")
    assert data["states"] == {}
    assert data["effects"] is None


def test_every_switch_is_the_place_of_its_row_and_column(shelf: Shelf) -> None:
    (data,) = components(opened(shelf), "attention_toggles")
    assert [grid["title"] for grid in data["grids"]] == [
        "Encoder self-attention", "Decoder self-attention", "Cross-attention",
    ]  # fmt: skip
    for grid, kind in zip(data["grids"], ("enc", "dec", "cross"), strict=True):
        n_layers = 2 if kind == "enc" else 3
        for layer, row in enumerate(grid["rows"][:n_layers], start=1):
            assert row[0]["text"] == f"Layer {layer}"
            for head, cell in enumerate(row[1:6], start=1):
                assert grid["columns"][head] == str(head)
                assert cell["place"] == f"{kind}.L{layer}H{head}"
                assert cell["name"] == f"{grid['title']}, layer {layer}, head {head}"
            stack = "enc" if kind == "enc" else "dec"
            rest = ("cross",) if kind == "cross" else ("self", "ffn")
            assert [cell["place"] for cell in row[6:]] == [f"{stack}.L{layer}.{s}" for s in rest]


PLACES = ["enc.L1H1", "enc.L2H4", "dec.L1H2", "dec.L3H5", "cross.L1H3", "cross.L3H1",
          "enc.L2", "dec.L1", "enc.L1.self", "dec.L2.cross", "dec.L3.ffn"]  # fmt: skip


def test_what_each_place_is_worth_is_the_change_without_it(shelf: Shelf, folder: Path) -> None:
    (data,) = components(opened(shelf), "attention_toggles")
    effects = data["effects"]["of"]
    assert len(effects) == 5 * (2 + 3 + 3) + 5 + 2 * 2 + 3 * 3
    heads = [numeral(of["long"]) for place, of in effects.items() if "H" in place]
    limit = max(abs(nats) for nats in heads)
    for place in PLACES:
        change = change_nats(folder, f"{place}=0" if "H" in place else f"{place}=skip")
        assert numeral(effects[place]["long"]) == pytest.approx(change, abs=0.0051)
        assert effects[place]["long"].endswith(" nats")
        colour, expected = (
            [int(n) for n in re.findall(r"\d+", of)]
            for of in (effects[place]["colour"], effect_colour(change / limit)[0])
        )
        assert np.abs(np.subtract(colour, expected)).max() <= 3
        assert (colour[0] > colour[2]) == (change < 0)  # red where it was needed
    assert (data["effects"]["low"], data["effects"]["high"]) == (
        "it was needed",
        "it was in the way",
    )
    lowest, *_, highest = data["effects"]["legend"]
    every = [numeral(of["long"]) for of in effects.values()]
    assert lowest["text"] == signed(-limit) + (" or less" if min(every) < -limit else "")
    assert highest["text"] == signed(limit) + (" or more" if max(every) > limit else "")
    red, blue = ([int(n) for n in re.findall(r"\d+", of["colour"])] for of in (lowest, highest))
    assert red[0] > red[2]
    assert blue[2] > blue[0]


def numeral(text: str) -> float:
    return float(text.split(maxsplit=1)[0].replace("−", "-"))


def test_presets_from_the_sweep_name_the_head_that_costs_most(shelf: Shelf, folder: Path) -> None:
    page = opened(shelf)
    (data,) = components(page, "attention_toggles")
    heads = {p: numeral(of["long"]) for p, of in data["effects"]["of"].items() if "H" in p}
    most = min(heads, key=heads.__getitem__)
    name = in_words(Ablation.parse(f"{most}=0")).removesuffix(" off").capitalize()
    assert f"{name} is the costliest of all {len(heads)} heads to lose." in said(page)
    idle = re.search(r"(\d+) of 40 heads cost nothing when one alone is off", said(page))
    assert idle
    n_sure, n_open = (sum(of > nats for of in heads.values()) for nats in (0.005, -0.0051))
    assert n_sure <= int(idle[1]) <= n_open


@pytest.mark.parametrize("ablation", CHANGES)
def test_both_translations_stand_in_words_and_what_is_new_is_marked(
    shelf: Shelf, folder: Path, ablation: str
) -> None:
    page = opened(shelf, ablation)
    before, after = traced(folder), traced(folder, ablation)
    shown = lines_in_words(page)
    texts = [" ".join(words).replace("[", "").replace("]", "") for words in shown]
    assert texts == [" ".join(t.target.text.split()) for t in (before, after)]
    assert not any(word.startswith("[") for word in shown[0])
    assert any(word.startswith("[") for word in shown[1])
    left = iter(shown[0])
    assert all(word in left for word in shown[1] if not word.startswith("["))


@pytest.mark.parametrize("ablation", CHANGES)
def test_the_first_translation_is_scored_by_the_changed_model(
    shelf: Shelf, folder: Path, ablation: str
) -> None:
    before, forced = traced(folder), held(folder, ablation)
    assert f"With {in_words(Ablation.parse(ablation))}: " in said(opened(shelf, ablation))
    assert (
        f"the changed model gives each piece {mean_probability(forced):.0%} on average (before: "
        f"{mean_probability(before):.0%}); total log-probability "
        f"{signed(forced.best.log_probability_nats, 2)} (before: "
        f"{signed(before.best.log_probability_nats, 2)})." in said(opened(shelf, ablation))
    )


@pytest.mark.parametrize("ablation", CHANGES)
def test_each_step_is_drawn_before_and_after(shelf: Shelf, folder: Path, ablation: str) -> None:
    page = opened(shelf, ablation)
    chart, moved = charts(page)[0], steps(folder, ablation)
    before, after = chart["data"]
    assert (before["name"], after["name"]) == ("before", "after")
    first, forced = traced(folder), held(folder, ablation)
    for bar, trace in ((before, first), (after, forced)):
        expected = [math.exp(step.log_probability_nats) for step in trace.steps]
        np.testing.assert_allclose(numbers(bar["y"]), expected, rtol=1e-4)
    names = piece_labels(piece.name for piece in first.target.pieces)
    assert labels(chart, "xaxis") == names
    for hover, step in zip(after["customdata"], moved, strict=True):
        assert f"Δ log-probability <b>{signed(step.delta_nats)}</b> nats" in hover
        assert f"KL(before ‖ after) {step.kl_nats:.3f} nats" in hover
    worst = min(moved, key=lambda step: step.delta_nats)
    kl = np.mean([step.kl_nats for step in moved])
    assert (
        f"The log-probability of the whole changes by {signed(change_nats(folder, ablation), 2)} nats, "
        f"most of it at “{names[moved.index(worst)]}” ({signed(worst.delta_nats, 1)}). The "
        f"distribution of an average step moved by {kl:.2f} nats" in said(page)
    )


@pytest.mark.parametrize("ablation", CHANGES)
def test_the_candidates_are_those_of_the_chosen_step(
    shelf: Shelf, folder: Path, ablation: str
) -> None:
    moved = steps(folder, ablation)
    most = max(range(len(moved)), key=lambda step: moved[step].kl_nats)
    for page, step in (
        (opened(shelf, ablation), most),
        (opened(shelf, ablation, scored="2"), 1),
    ):
        chart = charts(page)[1]
        assert labels(chart, "yaxis") == [piece_label(c.name) for c in moved[step].candidates]
        _, before, after = chart["data"]
        assert (before["name"], after["name"]) == ("before", "after")
        for drawn, name in ((before, "before_nats"), (after, "after_nats")):
            nats = [getattr(candidate, name) for candidate in moved[step].candidates]
            np.testing.assert_allclose(
                numbers(drawn["x"]), np.maximum(np.exp(nats), 1e-6), rtol=1e-4
            )
        names = piece_labels(one.name for one in moved)
        assert f"All pieces before “{names[step]}” are kept." in said(page)
        box = page.selectbox(key="choose_scored")
        assert box.value == step + 1
        assert [read(o).endswith(" (moved most)") for o in box.options] == [
            n == most for n in range(len(moved))
        ]


def moved_weights(folder: Path, ablation: str) -> dict[Kind, np.ndarray]:
    """Half the sum of absolute differences of each row, mean over rows."""
    before, after = traced(folder).weights, held(folder, ablation).weights
    return {
        kind: np.abs(after[kind].astype(float) - before[kind]).sum(-1).mean(-1) / 2
        for kind in KINDS
    }


@pytest.mark.parametrize("place", [HeadPlace("encoder", 0, 1), HeadPlace("cross", 1, 4)])
def test_how_far_a_head_moved_is_told_of_this_head(
    shelf: Shelf, folder: Path, place: HeadPlace
) -> None:
    page = opened(
        shelf, CHANGES[0], kind=place.kind, layer=str(place.layer_number),
        head=str(place.head_number), which="chosen",
    )  # fmt: skip
    of_kind = moved_weights(folder, CHANGES[0])[place.kind]
    assert (
        f"{of_kind[place.layer, place.head]:.0%} of this head’s weight moved to other words, in an "
        f"average row (all heads of this kind: {of_kind.min():.0%} to {of_kind.max():.0%})"
        in said(page)
    )
    assert_shown(heat_maps(page)[0], place.of(traced(folder).weights))


def test_the_head_that_changed_most_is_drawn_at_first(shelf: Shelf, folder: Path) -> None:
    moved = moved_weights(folder, CHANGES[0])
    kind = max(KINDS, key=lambda kind: float(moved[kind].max()))
    layer, head = (int(n) for n in np.unravel_index(moved[kind].argmax(), moved[kind].shape))
    most = HeadPlace(kind, layer, head)
    page = opened(shelf, CHANGES[0], kind="cross", layer="1", head="1")
    before, after = heat_maps(page)
    assert_shown(before, most.of(traced(folder).weights))
    assert_shown(after, most.of(held(folder, CHANGES[0]).weights))
    assert f"**{most.name}, before**" in said(page)


@pytest.mark.parametrize("place", ["cross.L1H3", "cross.L1H4"])
def test_a_head_that_is_off_is_said_to_be(shelf: Shelf, place: str) -> None:
    page = opened(shelf, CHANGES[0], kind="cross", layer="1", head=place[-1], which="chosen")
    assert ("This head is off" in said(page)) == (place == "cross.L1H3")


PRESETS = {
    "Does the translation depend on it?": "cross.L3H2=0",
    "Is one head that aligns words enough for a translation?": ",".join(
        f"cross.L{layer}H{head}=0" for layer in (1, 2, 3) for head in range(1, 6)
        if (layer, head) != (3, 2)
    ),
    "Do they make up for it?": "dec.L1.cross=skip",
    "The decoder reads vectors it was never trained on.": "enc.L2=skip",
}  # fmt: skip


@pytest.mark.parametrize(("question", "ablation"), PRESETS.items(), ids=PRESETS.values())
def test_a_finding_is_what_the_preset_does(
    shelf: Shelf, folder: Path, question: str, ablation: str
) -> None:
    change = change_nats(folder, ablation)
    before, after = traced(folder).target.text, traced(folder, ablation).target.text
    became = (
        "The translation stays the same; its log-probability "
        if before == after
        else f"The translation becomes “{after if len(after) <= 160 else after[:159] + '…'}” "
        "The log-probability of the first one "
    )
    how = "falls" if change < 0 else "rises"
    expected = "hardly changes." if abs(change) < 0.05 else f"{how} by {abs(change):.1f} nats."
    assert f"{question} {became}{expected}" in said(opened(shelf))


def test_the_head_of_a_preset_is_the_best_one(shelf: Shelf) -> None:
    page = opened(shelf)
    assert "Cross-attention layer 3, head 2 aligns words best: error rate 0.25 on 9 hand" in said(
        page
    )
    assert "Without the best-aligned head" in [button.label for button in page.button]


def test_the_model_as_it_is_writes_its_own_translation(shelf: Shelf, folder: Path) -> None:
    assert lines_in_words(opened(shelf)) == [traced(folder).target.text.split()]


def test_the_change_is_named(shelf: Shelf) -> None:
    assert "With encoder layer 1 skipped: " in said(opened(shelf, "enc.L1=skip"))
    said_change = said(opened(shelf, CHANGES[0]))
    named = "cross-attention layer 1, head 3 off; feed-forward of encoder layer 2 skipped"
    assert f"With {named}: " in said_change


def test_a_text_is_measured_in_bleu(shelf: Shelf, folder: Path) -> None:
    """What the stored sweep says of each head, in the squares."""
    changes = {"enc.L1H1=0": -0.4, "cross.L2H1=0": -3.0, "dec.L1H1=0": 0.9}
    (folder / SWEEP).write_text(json.dumps(made_up_sweep(changes).to_json()), "utf-8")
    (data,) = components(shelf.own("ablate", text=SENTENCE, worth="text"), "attention_toggles")
    (folder / SWEEP).unlink()
    of = data["effects"]["of"]
    assert {place: numeral(effect["long"]) for place, effect in of.items()} == {
        place.removesuffix("=0"): change for place, change in changes.items()
    }
    assert all(effect["long"].endswith(" BLEU") for effect in of.values())
    assert "Change of BLEU" in data["effects"]["title"]


def test_a_head_that_changes_a_word_is_found(shelf: Shelf, folder: Path) -> None:
    page = shelf.own("ablate", text=SENTENCE)
    page = button(page, "Find a head that changes a word").click().run()
    assert not page.exception
    ablation = link(page, "ablation")
    text = link(page, "text")
    before, after = traced(folder, text=text), traced(folder, ablation, text=text)
    assert before.target.text.split() != after.target.text.split()
    assert re.fullmatch(r"(enc|dec|cross)\.L\dH\d=0", ablation)
    told = "Here is one that does, in another sentence." in " ".join(
        warning.value for warning in page.warning
    )
    assert told == (text != SENTENCE)
    if told:
        page = button(page, "Back to my sentence").click().run()
        assert link(page, "text") == SENTENCE
