"""What Translate shows is what the model did: pieces, glosses, ribbons, candidates, tree, search."""

import dataclasses
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.analysis.head_place import HeadPlace
from core.analysis.trace.trace import Trace
from core.checkpoint.listing import timeline_file
from core.config import KINDS, SearchConfig
from explorer.components.beam.component import tree_rows
from explorer.figures.axes import signed
from explorer.figures.head import piece_label, piece_labels
from explorer.figures.invisible import visible
from tests.checkpoints import SENTENCE, write_checkpoint, write_timeline
from tests.explorer.apart import loaded, traced
from tests.explorer.pages import LATE, PROMPT, Shelf, button, open_page, shelf
from tests.explorer.readings import assert_sent, components, read, said, unpacked

__all__ = ["open_page", "shelf"]

TARGET = "Der alte Mann sieht ein rotes Haus."
OTHER = "The cat finds a ball."
BEST = {"prompt": HeadPlace("cross", 2, 1), "late": HeadPlace("cross", 1, 2)}


@pytest.fixture(scope="module", autouse=True)
def root(shelf: Shelf) -> Path:
    write_checkpoint(shelf.root / "prompt", metrics=PROMPT)
    write_timeline(write_checkpoint(shelf.root / "late", metrics=LATE), 9)
    shutil.copy(shelf.root / "late" / timeline_file(9), shelf.root / "late" / "model.safetensors")
    return shelf.root


def typed(folder: Path, target: str = TARGET) -> Trace:
    """A whole translation, forced."""
    vocabulary = loaded(folder).checkpoint.vocabulary.target
    end = loaded(folder).checkpoint.config.end_id
    return traced(folder, prefix=(*vocabulary.encode(target), end))


def stepper(page: AppTest, number: int = 0) -> dict[str, Any]:
    return unpacked(components(page, "translation_stepper")[number])[0]


def tree(page: AppTest) -> dict[str, Any]:
    (data,) = components(page, "beam_tree")
    return data  # type: ignore[no-any-return]


def glosses(trace: Trace, place: HeadPlace, lag: int) -> list[str]:
    """For each target word, the source word that its rows, so many steps later, attend to most."""
    weights, found = place.of(trace.weights), []
    for word in range(len(trace.target.words)):
        rows = [n + lag for n, piece in enumerate(trace.target.pieces) if piece.word == word]
        attended = [
            sum(
                weights[rows, key].mean()
                for key, p in enumerate(trace.source.pieces)
                if p.word == w
            )
            for w in range(len(trace.source.words))
        ]
        found.append(trace.source.words[int(np.argmax(attended))].text.strip(".,;:!?") or ".")
    return found


@pytest.mark.parametrize(("model", "lag"), [("prompt", 0), ("late", 1)])
def test_the_word_under_a_piece_is_the_one_its_head_attends_to(
    shelf: Shelf, model: str, lag: int
) -> None:
    page = shelf("translate", text=SENTENCE, model=model, target=TARGET)
    trace = typed(shelf.root / model)
    expected = glosses(trace, BEST[model], lag)
    shown = [step["gloss"] for step in stepper(page)["steps"] if step["opens"]]
    assert shown == expected
    assert len(set(expected)) > 1
    assert all(not step["gloss"] for step in stepper(page)["steps"] if not step["opens"])
    assert f"each piece was aligned with ({BEST[model].in_words})" in said(page)


@pytest.mark.parametrize(("model", "lag"), [("prompt", 0), ("late", 1)])
def test_ribbons_are_the_weights_of_the_best_head(shelf: Shelf, model: str, lag: int) -> None:
    page = shelf("translate", text=SENTENCE, model=model, target=TARGET)
    matrix = BEST[model].of(typed(shelf.root / model).weights)[:, :-1]
    steps = stepper(page)["steps"]
    for index, step in enumerate(steps[:-1]):
        row = matrix[index + lag]
        keys = [key for key, _ in step["links"]]
        strongest = np.argsort(row)[::-1][: len(keys)].tolist()
        assert keys == strongest
        assert [share for _, share in step["links"]] == pytest.approx(row[keys], abs=1e-4)
        assert row[keys].sum() >= 0.75 * row.sum() - 1e-6
        assert row[keys[:-1]].sum() < 0.75 * row.sum()
    assert steps[-1]["links"] == []
    assert stepper(page)["late"] == ([2, 3] if lag else None)


def test_pieces_and_candidates_have_their_probabilities(shelf: Shelf) -> None:
    for page, trace in (
        (shelf("translate", text=SENTENCE, model="prompt"), traced(shelf.root / "prompt")),
        (
            shelf("translate", text=SENTENCE, model="prompt", target=TARGET),
            typed(shelf.root / "prompt"),
        ),
    ):
        shown = stepper(page)
        assert [t["text"] for t in shown["source"]] == piece_labels(
            piece.name for piece in trace.source.pieces
        )
        assert [t["text"] for t in shown["steps"]] == piece_labels(
            piece.name for piece in trace.target.pieces
        )
        for token, piece, step in zip(
            shown["steps"], trace.target.pieces, trace.steps, strict=True
        ):
            assert token["id"] == piece.id == step.token
            assert token["probability"] == pytest.approx(math.exp(step.log_probability_nats))
            assert [(c["id"], c["probability"]) for c in token["candidates"]] == [
                (c.token, pytest.approx(math.exp(c.log_probability_nats))) for c in step.candidates
            ]


def test_every_head_of_the_stepper_is_the_head_of_its_place(shelf: Shelf) -> None:
    page = shelf("translate", text=SENTENCE, model="prompt", layer="2", head="4", step="3")
    weights = traced(shelf.root / "prompt").weights
    meta, values = unpacked(components(page, "translation_stepper")[0])
    assert meta["view"] == {"layer": 2, "head": 4, "step": 3}
    for kind in KINDS:
        place = meta["weights"][kind]
        assert place["layers"] == [n + 1 for n in range(weights[kind].shape[0])]
        assert place["heads"] == [1, 2, 3, 4, 5]
        assert_sent(values, place["first"], weights[kind])


def test_the_tree_is_the_search(shelf: Shelf) -> None:
    page, found = (
        shelf("translate", text=SENTENCE, model="prompt"),
        traced(shelf.root / "prompt").found,
    )
    names = loaded(shelf.root / "prompt").checkpoint.vocabulary.target.names
    shown = tree(page)
    assert len(shown["nodes"]) == len(found.tree)
    rows = tree_rows(found)
    for index, (drawn, node) in enumerate(zip(shown["nodes"], found.tree, strict=True)):
        assert drawn["parent"] == node.parent
        assert (drawn["depth"], drawn["row"]) == (node.depth, rows[index])
        numbers = (drawn["log_probability"], drawn["total"], drawn["score"])
        assert numbers == pytest.approx((node.log_probability_nats, node.total_nats, node.score))
        if not names[node.token].startswith("<0x"):  # bytes are called by what they are part of
            assert drawn["text"] == piece_label(names[node.token])
    ranks = {drawn["rank"]: index for index, drawn in enumerate(shown["nodes"]) if drawn["rank"]}
    assert [ranks[rank] for rank in sorted(ranks)] == list(dict.fromkeys(found.ends))
    assert shown["winner"][-1] == found.ends[0]
    assert f"tried {len(found.tree) - 1} next pieces and completed {len(found.ends)} tr" in said(
        page
    )


SEARCHES: dict[str, tuple[dict[str, str], SearchConfig]] = {
    "greedy": ({"method": "greedy"}, SearchConfig(method="greedy")),
    "beam size": ({"beam_size": "2"}, SearchConfig(beam_size=2)),
    "alpha": ({"alpha": "1.5"}, SearchConfig(alpha=1.5)),
    "length penalty": ({"length_penalty": "power"}, SearchConfig(length_penalty="power")),
    "seed": ({"method": "sample", "seed": "7"}, SearchConfig(method="sample", seed=7)),
    "temperature": (
        {"method": "sample", "temperature": "0.5"},
        SearchConfig(method="sample", temperature=0.5),
    ),
}


def scores(page: AppTest) -> list[float]:
    return [node["score"] for node in tree(page)["nodes"]]


def tokens(page: AppTest) -> list[int]:
    return [step["id"] for step in stepper(page)["steps"]]


@pytest.mark.parametrize(("chosen", "search"), SEARCHES.values(), ids=SEARCHES)
def test_every_setting_reaches_the_search(
    shelf: Shelf, chosen: dict[str, str], search: SearchConfig
) -> None:
    page = shelf("translate", text=SENTENCE, model="prompt", **chosen)
    expected = traced(shelf.root / "prompt", search=search)
    assert tokens(page) == [piece.id for piece in expected.target.pieces]
    assert scores(page) == pytest.approx([node.score for node in expected.found.tree])
    usual = dataclasses.replace(SearchConfig(), method=search.method)
    others = traced(shelf.root / "prompt", search=usual if usual != search else SearchConfig())
    assert scores(page) != pytest.approx([node.score for node in others.found.tree])


@pytest.mark.parametrize(
    ("kind", "label", "value", "method", "search"),
    [
        ("selectbox", "Method", "greedy", "beam", SearchConfig(method="greedy")),
        ("slider", "Beam size", 2, "beam", SearchConfig(beam_size=2)),
        ("selectbox", "Length penalty", "power", "beam", SearchConfig(length_penalty="power")),
        ("slider", "α", 1.5, "beam", SearchConfig(alpha=1.5)),
        ("slider", "Temperature", 0.5, "sample", SearchConfig(method="sample", temperature=0.5)),
        ("number_input", "Seed", 7, "sample", SearchConfig(method="sample", seed=7)),
    ],
)
def test_every_control_of_the_search_reaches_it(
    shelf: Shelf, kind: str, label: str, value: Any, method: str, search: SearchConfig
) -> None:
    page = shelf.own("translate", text=SENTENCE, model="prompt", method=method)
    (control,) = (found for found in getattr(page, kind) if found.label == label)
    page = control.set_value(value).run()
    assert not page.exception
    expected = traced(shelf.root / "prompt", search=search)
    assert tokens(page) == [piece.id for piece in expected.target.pieces]
    assert scores(page) == pytest.approx([node.score for node in expected.found.tree])


def test_a_change_of_the_model_reaches_the_translation(shelf: Shelf) -> None:
    page = shelf("translate", text=SENTENCE, model="prompt", ablation="enc.L1=skip")
    expected = traced(shelf.root / "prompt", "enc.L1=skip")
    assert tokens(page) == [piece.id for piece in expected.target.pieces]
    shown = [step["probability"] for step in stepper(page)["steps"]]
    assert shown == pytest.approx([math.exp(s.log_probability_nats) for s in expected.steps])


def test_chosen_pieces_are_held_and_counted(shelf: Shelf) -> None:
    page = shelf("translate", text=SENTENCE, model="prompt", prefix="300.301")
    expected = traced(shelf.root / "prompt", prefix=(300, 301))
    assert tokens(page) == [piece.id for piece in expected.target.pieces]
    assert [step["forced"] for step in stepper(page)["steps"]] == [
        index < 2 for index in range(len(expected.steps))
    ]


def score_of(trace: Trace) -> str:
    """Sum of log-probabilities, and the geometric mean of the pieces' probabilities."""
    nats = [step.log_probability_nats for step in trace.steps]
    return (
        f"{math.exp(np.mean(nats)):.0%} per piece on average; total log-probability "
        f"{signed(sum(nats), 2)}"
    )


def test_the_score_of_a_typed_translation_is_its_own(shelf: Shelf) -> None:
    page = shelf("translate", text=SENTENCE, model="prompt", target=TARGET)
    own = traced(shelf.root / "prompt")
    assert f"Your translation:** {score_of(typed(shelf.root / 'prompt'))}" in said(page)
    assert f"The model’s own, “{own.target.text}”: {score_of(own)}" in said(page)


def test_what_differs_from_the_earlier_run_is_marked(shelf: Shelf) -> None:
    page = shelf.own("translate", text=SENTENCE, model="prompt", prefix="300.301")
    assert not any(step["changed"] for step in stepper(page)["steps"])
    page = button(page, "Undo my choice").click().run()
    before = traced(shelf.root / "prompt", prefix=(300, 301)).target
    now = traced(shelf.root / "prompt").target
    shown = [step["changed"] for step in stepper(page)["steps"]]
    names, words = {p.name for p in before.pieces}, {w.text for w in before.words}
    for is_changed, piece in zip(shown, now.pieces, strict=True):
        if piece.name not in names and now.words[piece.word].text not in words:
            assert is_changed
    assert any(shown)
    assert not shown[-1]  # both end with </s>


@pytest.mark.parametrize(("model", "other", "lag"), [("prompt", "late", 1), ("late", "prompt", 0)])
def test_the_run_beside_is_another_sentence_of_another_model(
    shelf: Shelf, model: str, other: str, lag: int
) -> None:
    beside = f"text={OTHER.replace(' ', '+')}&model={other}&alpha=1.5"
    page = shelf("translate", text=SENTENCE, model=model, beside=beside, step="2")
    expected = traced(shelf.root / other, text=OTHER, search=SearchConfig(alpha=1.5))
    shown = stepper(page, 1)
    assert [t["id"] for t in shown["steps"]] == [piece.id for piece in expected.target.pieces]
    assert [t["probability"] for t in shown["steps"]] == pytest.approx(
        [math.exp(step.log_probability_nats) for step in expected.steps]
    )
    assert shown["view"]["step"] == 2
    assert shown["late"] == ([2, 3] if lag else None)
    shown_glosses = [step["gloss"] for step in shown["steps"] if step["opens"]]
    assert shown_glosses == glosses(expected, BEST[other], lag)
    assert shown["late"] == ([2, 3] if lag else None)


@pytest.mark.parametrize(("model", "other", "lag"), [("prompt", "late", 1), ("late", "prompt", 0)])
def test_the_pinned_translation_stands_in_words_below_this_one(
    shelf: Shelf, model: str, other: str, lag: int
) -> None:
    beside = f"text={SENTENCE.replace(' ', '+')}&model={other}"
    page = shelf("translate", text=SENTENCE, model=model, beside=beside)
    first, pinned = traced(shelf.root / model), traced(shelf.root / other)
    (data,) = components(page, "sentence_in_words")
    for line, trace in zip(data["translations"], (first, pinned), strict=True):
        assert line["text"] == trace.target.text
        words = [word.text for word in trace.target.words]
        assert [word["text"] for word in line["words"]] == [visible(word) for word in words]
    this, below = data["translations"]
    assert (this["name"], below["name"]) == ("Target", "pinned")
    assert (this["is_first"], below["is_first"]) == (True, False)
    assert [word["gloss"] for word in below["words"]] == glosses(pinned, BEST[other], lag)
    assert not any(word["is_changed"] for word in this["words"])
    assert any(word["is_changed"] for word in below["words"])
    left = iter(word["text"] for word in this["words"])
    assert all(word["text"] in left for word in below["words"] if not word["is_changed"])


def test_the_branch_that_is_opened_is_the_one_of_the_free_search(shelf: Shelf) -> None:
    found = traced(shelf.root / "prompt").found
    node = next(index for index, of in enumerate(found.tree) if of.depth == 2 and index not in
                path(found.tree, found.ends[0]))  # fmt: skip
    prefix = [found.tree[at].token for at in path(found.tree, node)]
    page = shelf("translate", text=SENTENCE, model="prompt", prefix=".".join(map(str, prefix)))
    assert tree(page)["chosen"] == node
    assert scores(page) == pytest.approx([of.score for of in found.tree])
    assert tokens(page)[:2] == prefix


def path(nodes: Any, end: int) -> list[int]:
    """From the root's child to a node."""
    found = []
    while nodes[end].parent >= 0:
        found.append(end)
        end = nodes[end].parent
    return found[::-1]


def test_the_message_about_ribbons_names_the_head_and_why(shelf: Shelf) -> None:
    page = shelf("translate", text=SENTENCE, model="late")
    assert "each piece was aligned with (layer 2, head 3)" in read(said(page))
    helps = " ".join(text.help or "" for text in page.markdown)
    assert "Cross-attention, layer 2, head 3 aligns words best: error rate 0.30" in read(helps)
