"""The Lenses page: each line, cell and place is that of the layer that it names."""

import dataclasses
import html
import json

import numpy as np
import pytest

import core
from core.analysis.ablation import Ablation
from core.analysis.ablation.edits import ablating
from core.analysis.lens.decoder_lens import lens_search
from core.analysis.lens.logit_lens import logit_lens, ranks_of
from core.analysis.lens.results import LENS, LensScores
from core.checkpoint.weights import weights_hash
from core.config import SearchConfig
from core.decoding.translate import written
from core.evaluation.ratios import Estimate
from core.model import probing
from explorer.figures.head import piece_label, piece_labels
from tests.checkpoints import SENTENCE, write_checkpoint
from tests.explorer.pages import Open, Shelf, charts, open_page, shelf
from tests.explorer.readings import components, first_map, frame, labels, numbers, said

__all__ = ["open_page", "shelf"]

DEPTHS = ["Embeddings", "Layer 1", "Layer 2", "Layer 3"]
ESTIMATES = tuple(Estimate(10.0 * n, (10.0 * n - 1, 10.0 * n + 2)) for n in range(1, 4))


@pytest.fixture
def pages(shelf: Shelf) -> Shelf:
    if not (shelf.root / "toy").is_dir():
        checkpoint = write_checkpoint(shelf.root / "toy")
        halves = tuple(dataclasses.replace(each, value=each.value / 2) for each in ESTIMATES)
        scores = LensScores(
            ESTIMATES, halves, "a text", 7, {"method": "greedy"}, weights_hash(checkpoint.model)
        )
        (shelf.root / "toy" / LENS).write_text(json.dumps(scores.to_json()))
    return shelf


@pytest.fixture
def model(pages: Shelf):
    return core.load(pages.root / "toy")


@pytest.mark.parametrize(
    "link",
    [{}, {"method": "sample", "seed": "7", "ablation": "enc.L1=skip"}],
    ids=["as it is", "changed"],
)
def test_each_line_is_what_the_decoder_makes_of_its_layer(
    pages: Shelf, model, link: dict[str, str]
) -> None:
    """The whole encoder on top, the embeddings at the bottom; what the first lacks is marked."""
    page = pages("lenses", text=SENTENCE, **link)
    lines = components(page, "sentence_in_words")[1]["translations"]
    assert [line["name"] for line in lines] == ["Layer 2", "Layer 1", "Embeddings"]
    vocabulary = model.checkpoint.vocabulary
    ids = vocabulary.source.encode(SENTENCE)
    edits = [ablating(model.checkpoint.model, [Ablation.parse(link["ablation"])])] if link else []
    search = SearchConfig(method="sample", seed=7) if link else SearchConfig()
    found = []
    for depth in (2, 1, 0):
        with probing(model.checkpoint.model, *edits):
            [result] = lens_search(
                model.checkpoint.model, [ids], depth, search, unwritable=vocabulary.unwritable
            )
        found.append(written(vocabulary, result.best.tokens))
    assert [line["text"] for line in lines] == found
    assert found[0] == model.trace(SENTENCE, search, edits=edits).target.text
    for text, line in zip(found, lines, strict=True):
        assert " ".join(word["text"] for word in line["words"]).split() == text.split()
        changed = [word["is_changed"] for word in line["words"]]
        assert any(changed) == (text.split() != found[0].split()) or not text.split()
    assert not any(word["is_changed"] for word in lines[0]["words"])


def test_the_scores_stand_over_their_layers(pages: Shelf) -> None:
    bleu, chrf = charts(pages("lenses", text=SENTENCE))[0]["data"]
    assert bleu["x"] == chrf["x"] == ["Embeddings", "Layer 1", "Layer 2"]
    np.testing.assert_allclose(numbers(bleu["y"]), [10, 20, 30])
    np.testing.assert_allclose(numbers(chrf["y"]), [5, 10, 15])
    np.testing.assert_allclose(numbers(bleu["error_y"]["array"]), [2, 2, 2])
    np.testing.assert_allclose(numbers(bleu["error_y"]["arrayminus"]), [1, 1, 1])
    assert [bars["name"] for bars in (bleu, chrf)] == ["BLEU", "chrF"]
    assert [bars["hovertemplate"].partition("<")[0] for bars in (bleu, chrf)] == [
        "%{x}: BLEU %{y:.1f}",
        "%{x}: chrF %{y:.1f}",
    ]


@pytest.mark.parametrize(("read", "step"), [("1", "2"), ("0", "1"), (None, "3")])
def test_the_grid_its_cell_and_the_place(pages: Shelf, model, read: str | None, step: str) -> None:
    page = pages("lenses", text=SENTENCE, step=step, **({"read": read} if read else {}))
    trace = model.trace(SENTENCE)
    found = logit_lens(model.checkpoint.model, model.checkpoint.vocabulary, trace)
    chart = charts(page)[1]
    np.testing.assert_allclose(first_map(chart), found.probabilities[..., 0], rtol=1e-5)
    written_ = chart["data"][1]["text"]
    assert written_ == [piece_label(cell[0]).replace("<", "&lt;").replace(">", "&gt;")
                        for layer in found.names for cell in layer]  # fmt: skip
    assert labels(chart, "yaxis") == DEPTHS
    assert labels(chart, "xaxis") == piece_labels(piece.name for piece in trace.target.pieces)
    depth, at = int(read) if read else 3, int(step) - 1
    (frame_,) = chart["layout"]["shapes"]
    assert (frame_["x0"], frame_["y0"]) == (at - 0.5, depth - 0.5)
    candidates = frame(page, "piece").to_dict("records")
    assert [each["piece"] for each in candidates] == [
        piece_label(n) for n in found.names[depth][at]
    ]
    assert [each["probability"] for each in candidates] == [
        f"{p:.1%}" for p in found.probabilities[depth, at]
    ]
    places = frame(page, "rank")
    assert places["after layer"].tolist() == ["Layer 3", "Layer 2", "Layer 1", "Embeddings"]
    assert places["rank"].tolist() == [f"{rank:,}" for rank in found.ranks[::-1, at]]
    assert f"**{DEPTHS[depth]} at step {step}**" in said(page)


def test_pointing_at_a_cell_tells_its_piece_with_its_probability(pages: Shelf, model) -> None:
    trace = model.trace(SENTENCE)
    found = logit_lens(model.checkpoint.model, model.checkpoint.vocabulary, trace)
    told = charts(pages("lenses", text=SENTENCE))[1]["data"][2]["customdata"]
    cells = list(np.ndindex(found.ranks.shape))
    assert [(depth, step) for depth, step, _ in told] == cells
    assert [html.unescape(text) for *_, text in told] == [
        f"{DEPTHS[depth]}, step {step + 1}: {piece_label(found.names[depth][step][0])} "
        f"{100 * found.probabilities[depth, step, 0]:.1f}%; what the step wrote is at rank {found.ranks[depth, step]:,}"
        for depth, step in cells
    ]


def test_the_first_layer_with_the_written_piece_at_rank_1_is_named(pages: Shelf, model) -> None:
    """At a step where it is at rank 1 after several layers, and at one where it is after none."""
    trace = model.trace(SENTENCE)
    ranks = logit_lens(model.checkpoint.model, model.checkpoint.vocabulary, trace).ranks
    several = int((ranks == 1).sum(0).argmax())
    after = [DEPTHS[depth] for depth, rank in enumerate(ranks[:, several]) if rank == 1]
    assert len(after) > 1
    page = pages("lenses", text=SENTENCE, step=str(several + 1))
    assert f"{after[0]} is the first to put it at rank 1." in said(page)
    never = next(step for step in range(len(trace.steps)) if (ranks[:, step] > 1).all())
    assert "is the first" not in said(pages("lenses", text=SENTENCE, step=str(never + 1)))


def test_another_word_is_followed(pages: Shelf, model) -> None:
    page = pages("lenses", text=SENTENCE, step="2", pinned="Haus")
    token = model.checkpoint.vocabulary.target.encode("Haus")[0]
    ranks = ranks_of(model.checkpoint.model, model.trace(SENTENCE), token)[:, 1]
    assert frame(page, "rank")["rank"].tolist() == [f"{rank:,}" for rank in ranks[::-1]]
    assert "The rank of “Haus” among all pieces, step 2" in said(page)


def test_an_ablation_is_read_too(pages: Shelf) -> None:
    plain, changed = (
        first_map(charts(pages("lenses", text=SENTENCE, **link))[1])
        for link in ({}, {"ablation": "dec.L1=skip"})
    )
    assert plain.shape != changed.shape or not np.allclose(plain, changed)


def test_a_file_that_cannot_be_used_is_named(open_page: Open, tmp_path) -> None:
    write_checkpoint(tmp_path / "own")
    (tmp_path / "own" / LENS).write_text("{")
    page = open_page(None, "lenses", text=SENTENCE, model="own")
    assert not page.exception
    assert LENS in " ".join(warning.value for warning in page.warning).replace("\\", "")
