"""What the Translate page says of a trace is what the trace holds."""

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import pytest

import core
from core.analysis.head_place import HeadPlace
from core.analysis.heads.best import BestHead
from core.analysis.trace.trace import Trace
from core.config import KINDS
from core.text.pieces import Piece, Word
from core.text.vocabulary import IDS
from explorer.app_pages.translate.tokens import (
    node_at,
    path_to,
    source_tokens,
    step_tokens,
)
from explorer.choice.choice import Run
from explorer.choice.page_context import n_chosen
from explorer.components.stepper import component as stepper
from explorer.figures.invisible import visible
from explorer.frame.in_words import followed
from tests.checkpoints import SENTENCE, write_checkpoint
from tests.explorer.readings import assert_sent
from tests.explorer.trees import beam_of

BEST = BestHead(HeadPlace("cross", 1, 2), rows="produced", label="", reason="")


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Trace:
    folder = tmp_path_factory.mktemp("checkpoints") / "tiny"
    write_checkpoint(folder)
    return core.load(folder).trace(SENTENCE)


def test_without_a_head_to_follow_there_are_no_links_and_no_glosses(shown: Trace) -> None:
    steps = step_tokens(shown, None)
    assert {(step.links, step.gloss) for step in steps} == {((), "")}
    followed_ones = step_tokens(shown, BEST)
    assert all(step.links for step in followed_ones[:-1])
    assert any(step.gloss for step in followed_ones)


@pytest.mark.parametrize(
    ("ablation", "is_followed"), [("", True), ("cross.L2H3=0", False), ("cross.L2H4=0", True)]
)
def test_a_head_without_effect_is_not_followed(ablation: str, is_followed: bool) -> None:
    assert followed(BEST, Run(ablation=ablation)) == (BEST if is_followed else None)


def test_tokens_are_the_traces(shown: Trace) -> None:
    steps = step_tokens(shown, BEST)
    assert [step.id for step in steps] == [piece.id for piece in shown.target.pieces]
    for token, step in zip(steps, shown.steps, strict=True):
        assert token.probability == math.exp(step.log_probability_nats)
        assert [c.id for c in token.candidates] == [c.token for c in step.candidates]
    sources = source_tokens(shown)
    assert len(sources) == len(shown.source.pieces)
    assert sum(token.opens for token in sources) == len(shown.source.words)
    assert sources[-1].special


def test_the_bytes_of_a_character_are_called_by_it(tmp_path: Path) -> None:
    write_checkpoint(tmp_path)
    model = core.load(tmp_path)
    written = [*model.checkpoint.vocabulary.encode("5 €"), IDS.end]
    shown = model.trace("5 €", prefix=written)
    labels = [*"␣5␣", "€ 1/3", "€ 2/3", "€ 3/3"]
    assert [token.text for token in source_tokens(shown)[:-1]] == labels
    steps = step_tokens(shown, BEST)
    assert [step.text for step in steps[:-1]] == labels
    for step in steps:
        assert {c.text for c in step.candidates if c.id == step.id} <= {step.text}


@pytest.mark.parametrize("rows", ["produced", "consumed"])
def test_links_carry_three_quarters_of_what_goes_to_words(shown: Trace, rows: Any) -> None:
    steps = step_tokens(shown, dataclasses.replace(BEST, rows=rows))
    matrix = shown.weights["cross"][1, 2]
    for index, step in enumerate(steps[:-1]):
        row = matrix[index + (rows == "consumed"), :-1]
        shares = [share for _, share in step.links]
        assert sum(shares) >= 0.75 * row.sum() - 1e-3
        assert sum(shares[:-1]) < 0.75 * row.sum() + 1e-3
        for key, share in step.links:
            assert share == pytest.approx(row[key], abs=1e-4)
    assert steps[-1].links == ()


def test_what_differs_from_the_earlier_run_is_marked(shown: Trace) -> None:
    assert not any(step.changed for step in step_tokens(shown, BEST, earlier=shown))
    pieces = list(shown.target.pieces)
    pieces[1] = dataclasses.replace(pieces[1], name="other")
    words = list(shown.target.words)
    words[pieces[1].word] = dataclasses.replace(words[pieces[1].word], text="other")
    changed = marked(shown, pieces, words)
    assert changed == [index == 1 for index in range(len(changed))]


def marked(shown: Trace, pieces: list[Piece], words: list[Word]) -> list[bool]:
    """What differs from a translation of these pieces and words."""
    target = dataclasses.replace(shown.target, pieces=tuple(pieces), words=tuple(words))
    earlier = dataclasses.replace(shown, target=target)
    return [step.changed for step in step_tokens(shown, BEST, earlier=earlier)]


def test_another_vocabulary_alone_makes_no_difference(shown: Trace) -> None:
    """Other ids, and words cut elsewhere, are the same text."""
    words = list(shown.target.words)
    other_ids = [dataclasses.replace(p, id=p.id + 1) for p in shown.target.pieces]
    assert not any(marked(shown, other_ids, words))
    cut = [dataclasses.replace(p, name=f"{p.name}{p.word}") for p in shown.target.pieces[:-1]]
    assert not any(marked(shown, [*cut, shown.target.pieces[-1]], words))


@pytest.mark.parametrize(("run", "n"), [(Run(), 0), (Run(prefix=(7, 8)), 2), (Run(target=" "), 0)])
def test_pieces_of_a_prefix_are_chosen(shown: Trace, run: Run, n: int) -> None:
    assert n_chosen(run, shown) == n


def test_all_pieces_of_a_typed_translation_are_chosen(shown: Trace) -> None:
    assert n_chosen(Run(target="Ein Haus."), shown) == len(shown.steps)


def test_what_the_reader_chose_is_marked(shown: Trace) -> None:
    forced = [step.forced for step in step_tokens(shown, BEST, n_forced=2)]
    assert forced == [index < 2 for index in range(len(forced))]


def unpack(data: bytes) -> tuple[dict[str, Any], bytes]:
    n = int.from_bytes(data[:4], "little")
    return json.loads(data[4 : 4 + n]), data[4 + n :]


@pytest.mark.parametrize("most_bytes", [10**6, 0], ids=["all heads", "chosen head"])
def test_the_browser_gets_the_weights_of_every_head_it_can_show(
    shown: Trace, monkeypatch: pytest.MonkeyPatch, most_bytes: int
) -> None:
    monkeypatch.setattr(stepper, "MOST_BYTES", most_bytes)
    data = stepper.payload(
        source_tokens(shown), step_tokens(shown, BEST), shown.weights,
        start="<s>", run="a run", place=HeadPlace("cross", 2, 1), step=1,
    )  # fmt: skip
    meta, values = unpack(data)
    assert (meta["n_layers"], meta["n_heads"]) == (3, 5)
    for kind in KINDS:
        place, weights = meta["weights"][kind], shown.weights[kind]
        rows, columns = place["rows"], place["columns"]
        for i, layer in enumerate(place["layers"]):
            for j, head in enumerate(place["heads"]):
                first = place["first"] + 2 * (i * len(place["heads"]) + j) * rows * columns
                assert_sent(values, first, weights[layer - 1, head - 1])
        if most_bytes:
            assert (len(place["layers"]), len(place["heads"])) == weights.shape[:2]
        else:  # this encoder has two layers only
            assert place["layers"] == ([] if kind == "encoder" else [3])


def test_the_path_to_every_node_leads_back_to_it() -> None:
    found = beam_of(5, 3)
    for node in range(len(found.tree)):
        path = path_to(found, node)
        assert len(path) == found.tree[node].depth
        assert node_at(found, path) == node
    assert node_at(found, (*path_to(found, 1), 999)) is None


def test_no_chip_and_no_gloss_is_invisible(tmp_path: Path) -> None:
    text = "\u200d \u200b \ufe0f"
    vocabulary = write_checkpoint(tmp_path / "tiny").vocabulary
    trace = core.load(tmp_path / "tiny").trace(text, prefix=[*vocabulary.target.encode(text), 3])
    steps = step_tokens(trace, BEST)
    candidates = [candidate.text for step in steps for candidate in step.candidates]
    glosses = [step.gloss for step in steps if step.gloss]
    texts = [token.text for token in (*source_tokens(trace), *steps)]
    for labels in (texts, candidates, glosses):
        assert labels
        assert [visible(label) for label in labels] == labels
