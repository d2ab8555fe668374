"""What Anatomy shows is counted in the loaded model: blocks, sizes, where the parameters are."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.analysis.ablation import Ablation
from core.analysis.ablation.edits import ablating
from core.analysis.trace.block_vectors import ModelVectors, model_vectors
from core.config import ModelConfig
from core.experiments.table3.presets import model_config
from core.model import probing
from explorer.engine.checkpoints import listed
from tests.checkpoints import SENTENCE, write_checkpoint
from tests.explorer.apart import loaded, traced
from tests.explorer.pages import Shelf, shelf
from tests.explorer.readings import assert_sent, components, read, said, unpacked

__all__ = ["shelf"]

MODELS: dict[str, dict[str, Any]] = {
    "sines": {}, "learned": {"positions": "learned", "n_heads": 4, "attention_bias": True},
}  # fmt: skip
SIZES = {"h": 5, "d_k": 7, "d_v": 3, "d": 24, "d_ff": 28, "V": 500}


@pytest.fixture(scope="module", autouse=True)
def root(shelf: Shelf) -> Path:
    for name, shape in MODELS.items():
        write_checkpoint(shelf.root / name, **shape)
    return shelf.root


def opened(shelf: Shelf, model: str) -> AppTest:
    return shelf("anatomy", text=SENTENCE, model=model)


def figure(page: AppTest) -> dict[str, Any]:
    return drawn(page)[0]


def drawn(page: AppTest) -> tuple[dict[str, Any], bytes]:
    (data,) = components(page, "model_anatomy")
    return unpacked(data)


def counted(root: Path, model: str) -> dict[str, int]:
    """Parameters of one copy of each block of a layer, by the block's name."""
    found: dict[str, int] = {}
    for name, parameter in loaded(root / model).checkpoint.model.named_parameters():
        side, _, rest = name.partition(".layers.")
        number, _, rest = rest.partition(".")
        if number == "0":
            block = f"{side}.layers.{rest.split('.')[0]}"
            found[block] = found.get(block, 0) + parameter.numel()
    return found


@pytest.mark.parametrize("model", MODELS)
def test_each_block_has_the_parameters_of_its_module(shelf: Shelf, root: Path, model: str) -> None:
    shown = figure(opened(shelf, model))
    of_model = loaded(root / model).checkpoint.model
    blocks = {block["name"]: block for block in shown["blocks"]}
    expected = counted(root, model)
    for name, n_parameters in expected.items():
        assert blocks[name]["n_parameters"] == n_parameters, name
        assert blocks[name]["n_copies"] == (2 if name.startswith("encoder") else 3)
    assert {name for name, block in blocks.items() if ".layers." in name and block["n_parameters"]
            } == set(expected)  # fmt: skip
    assert blocks["encoder.embedding.tokens"]["n_parameters"] == of_model.embedding.weight.numel()
    positions = 1024 * 24 if model == "learned" else 0
    assert blocks["encoder.embedding.positions"]["n_parameters"] == positions
    total = sum(parameter.numel() for parameter in of_model.parameters())
    assert shown["n_parameters"] == total
    assert shown["n_layers"] == {"encoder": 2, "decoder": 3}


def test_shapes_are_those_of_the_loaded_model(shelf: Shelf) -> None:
    blocks = {block["name"]: block["shape"] for block in figure(opened(shelf, "sines"))["blocks"]}
    for name, asks, keys in (
        ("encoder.layers.self_attention", "S", "S"),
        ("decoder.layers.self_attention", "T", "T"),
        ("decoder.layers.cross_attention", "T", "S"),
    ):
        assert blocks[name] == f"Q 5 × {asks} × 7, K 5 × {keys} × 7, V 5 × {keys} × 3 → {asks} × 24"
        equation = f"weights 5 × {asks} × {keys} → heads 5 × {asks} × 3"
        assert blocks[f"{name}.weights"] == equation
    for side, letter in (("encoder", "S"), ("decoder", "T")):
        assert (
            blocks[f"{side}.layers.feed_forward"]
            == f"{letter} × 24 → {letter} × 28 → {letter} × 24"
        )
        assert blocks[f"{side}.embedding.tokens"] == f"{letter} ids → {letter} × 24"
    assert blocks["linear"] == "T × 24 → T × 500"


PAGE_OF = {"attention": "Heads", "equation": "Inside attention", "positions": "Positions",
           "softmax": "Translate", "feed_forward": "Ablate"}  # fmt: skip


def test_each_block_opens_its_page(shelf: Shelf) -> None:
    for block in figure(opened(shelf, "sines"))["blocks"]:
        assert block["page"] == PAGE_OF.get(block["kind"])


def lines(page: AppTest, first: str) -> dict[str, tuple[str, str]]:
    """A table of the page: what is named -> of this model, and of the paper's base."""
    text = next(text.value for text in page.markdown if text.value.startswith(f"| {first} |"))
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in text.splitlines()]
    return {name.strip(): (this.strip(), base.strip()) for name, this, base in rows[2:]}


def by_group(root: Path, model: str) -> dict[str, int]:
    of_model = loaded(root / model).checkpoint.model
    found = dict.fromkeys(("Embeddings and Linear", "Attention", "Feed forward", "Add & norm"), 0)
    for name, parameter in of_model.named_parameters():
        group = (
            "Embeddings and Linear"
            if ".layers." not in name
            else "Add & norm"
            if "norm" in name
            else "Attention"
            if "attention" in name
            else "Feed forward"
        )
        found[group] += parameter.numel()
    return found


@pytest.mark.parametrize("model", MODELS)
def test_parameters_are_where_they_are(shelf: Shelf, root: Path, model: str) -> None:
    shown = lines(opened(shelf, model), "Where they are")
    expected = by_group(root, model)
    total = sum(expected.values())
    assert {name: this for name, (this, _) in shown.items()} == {
        name: f"{n:,} ({n / total:.0%})" for name, n in expected.items()
    }


def test_the_papers_column_is_the_papers_base(shelf: Shelf) -> None:
    """Counted by hand from the sizes of section 3, with 37,000 pieces."""
    shown = lines(opened(shelf, "sines"), "Where they are")
    attention = 18 * 4 * 512 * 512
    feed_forward = 12 * (2 * 512 * 2048 + 2048 + 512)
    norm, embedding = 30 * 2 * 512, 37_000 * 512
    total = attention + feed_forward + norm + embedding
    assert {name: base for name, (_, base) in shown.items()} == {
        name: f"{n:,} ({n / total:.0%})"
        for name, n in (
            ("Embeddings and Linear", embedding), ("Attention", attention),
            ("Feed forward", feed_forward), ("Add & norm", norm),
        )
    }  # fmt: skip


def config(root: Path, model: str) -> ModelConfig:
    return loaded(root / model).checkpoint.config


@pytest.mark.parametrize("model", MODELS)
def test_sizes_are_those_of_the_loaded_model(shelf: Shelf, root: Path, model: str) -> None:
    page, of = opened(shelf, model), config(root, model)
    shown = lines(page, "Size")
    total = sum(p.numel() for p in loaded(root / model).checkpoint.model.parameters())
    base = model_config("base", vocabulary_size=37_000)
    assert shown == {
        "Layers $N$, encoder + decoder": ("2 + 3", "6 + 6"),
        r"$d_{\text{model}}$": ("24", "512"),
        r"$d_{\text{ff}}$": ("28", "2,048"),
        "Heads $h$": (str(of.n_heads), "8"),
        "$d_k$, $d_v$": ("7, 3", "64, 64"),
        "Pieces in the vocabulary": ("500", "37,000"),
        "Positions": (of.positions, "sinusoidal"),
        "**Parameters**": (f"**{total:,}**", f"**{base.n_parameters:,}**"),
    }
    assert page.expander[0].label == f"{total:,} parameters: the model's sizes beside the paper's"


def test_letters_of_shapes_are_counted_in_the_sentence(shelf: Shelf, root: Path) -> None:
    trace, text = traced(root / "sines"), said(opened(shelf, "sines"))
    assert f"S = {len(trace.source.pieces)} is the number of source pieces" in text
    assert f"up to {len(trace.target.pieces)} here" in text


# The sentence in the figure


def test_the_tokens_are_those_of_the_trace(shelf: Shelf, root: Path) -> None:
    trace, shown = traced(root / "sines"), figure(opened(shelf, "sines"))
    names = [piece.name.removeprefix("▁") or "␣" for piece in trace.source.pieces]
    assert [token["text"] for token in shown["source"]] == names
    assert [token["word"] for token in shown["source"]] == [p.word for p in trace.source.pieces]
    for step, reads, writes in zip(
        shown["steps"], trace.consumed, trace.target.pieces, strict=True
    ):
        for token, piece in ((step["consumed"], reads), (step["produced"], writes)):
            assert token["text"] == (piece.name.removeprefix("▁") or "␣")
            assert token["word"] == piece.word


def test_the_next_pieces_are_the_candidates_with_their_scores(shelf: Shelf, root: Path) -> None:
    trace, shown = traced(root / "sines"), figure(opened(shelf, "sines"))
    for step, of_trace in zip(shown["steps"], trace.steps, strict=True):
        pieces = step["next_pieces"]
        expected = [math.exp(c.log_probability_nats) for c in of_trace.candidates]
        assert [p["probability"] for p in pieces[: len(expected)]] == pytest.approx(expected)
        (taken,) = [p for p in pieces if p["is_taken"]]
        assert taken["text"] == step["produced"]["text"]
        assert taken["probability"] == pytest.approx(math.exp(of_trace.log_probability_nats))
        scores = [p["logit"] - math.log(p["probability"]) for p in pieces]
        assert scores == pytest.approx([scores[0]] * len(scores), abs=2e-3)


def test_a_step_that_took_none_of_its_candidates_shows_what_it_took(
    shelf: Shelf, root: Path
) -> None:
    trace = traced(root / "sines")
    candidates = {c.token for c in trace.steps[0].candidates}
    rare = next(id_ for id_ in range(300, 400) if id_ not in candidates)
    page = shelf("anatomy", text=SENTENCE, model="sines", prefix=str(rare))
    found = traced(root / "sines", prefix=(rare,))
    pieces = figure(page)["steps"][0]["next_pieces"]
    assert [p["is_taken"] for p in pieces] == [False] * 5 + [True]
    assert pieces[-1]["probability"] == pytest.approx(math.exp(found.steps[0].log_probability_nats))
    assert "logit" in pieces[-1]


def test_the_weights_are_those_of_every_head(shelf: Shelf, root: Path) -> None:
    shown, values = drawn(opened(shelf, "sines"))
    for kind, weights in traced(root / "sines").weights.items():
        place = shown["weights"][kind]
        assert_sent(values, place["first"], weights)


def recorded(root: Path, model: str, ablation: str = "") -> ModelVectors:
    translator = loaded(root / model)
    edits = []
    if ablation:
        edits = [ablating(translator.checkpoint.model, [Ablation.parse(ablation)])]
    with probing(translator.checkpoint.model, *edits):
        return model_vectors(translator.checkpoint.model, traced(root / model, ablation))


@pytest.mark.parametrize("ablation", ["", "enc.L1.ffn=skip,cross.L2H3=0"])
@pytest.mark.parametrize("model", MODELS)
def test_the_strips_are_the_vectors_of_the_pass(
    shelf: Shelf, root: Path, model: str, ablation: str
) -> None:
    page = shelf("anatomy", text=SENTENCE, model=model, ablation=ablation)
    shown, values = drawn(page)
    found = recorded(root, model, ablation)
    n = shown["strips"]["n_shown"]
    assert n == shown["d_model"] == 24  # all numbers of a small model

    def strip(name: str, layer: int, position: int) -> np.ndarray:
        place = shown["strips"]["places"][name]
        index = place["layers"].index(layer) if place["layers"] else 0
        first = place["first"] + 2 * n * (index * place["rows"] + position)
        return np.frombuffer(values, "<f2", n, first)

    for side in ("encoder", "decoder"):
        stack = getattr(found, side)
        for position in range(len(stack.tokens)):
            for name, expected in (
                ("embedding.tokens", stack.tokens), ("embedding.positions", stack.positions),
                ("embedding", stack.embedded), ("output", stack.layers[-1].output),
            ):  # fmt: skip
                assert_near(strip(f"{side}.{name}", 0, position), expected[position])
            for number, layer in enumerate(stack.layers, start=1):
                for each in layer.sublayers:
                    name = f"{side}.layers.{each.name}"
                    assert_near(strip(name, number, position), each.output[position])
                    residual = strip(f"{name}_norm.sum", number, position)
                    assert_near(residual, each.residual_sum[position])
                    assert_near(strip(f"{name}_norm", number, position), each.normed[position])


def test_a_wide_vector_is_shown_by_its_first_numbers(
    shelf: Shelf, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("explorer.components.anatomy.component.MOST_SHOWN", 7)
    shown, values = drawn(shelf.own("anatomy", text=SENTENCE, model=next(iter(MODELS))))
    assert shown["strips"]["n_shown"] == 7
    stack = recorded(root, next(iter(MODELS)), "").encoder
    place = shown["strips"]["places"]["encoder.output"]
    strips = np.frombuffer(values, "<f2", 7 * place["rows"], place["first"])
    assert_near(strips.reshape(place["rows"], 7), stack.layers[-1].output[:, :7])


def assert_near(shown: np.ndarray, expected: np.ndarray) -> None:
    """As far as 16 bits go."""
    np.testing.assert_allclose(shown, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("model", MODELS)
def test_units_means_and_deviations_are_those_of_the_pass(
    shelf: Shelf, root: Path, model: str
) -> None:
    strips, found = figure(opened(shelf, model))["strips"], recorded(root, model)
    for side in ("encoder", "decoder"):
        hidden = strips["hidden"][side]
        for number, layer in enumerate(getattr(found, side).layers):
            for position, units in enumerate(layer.hidden):
                best = hidden["best"][number][position]
                assert [value for _, value in best] == pytest.approx(
                    sorted(units, key=abs, reverse=True)[:5], rel=1e-3, abs=1e-6
                )
                assert [value for _, value in best] == pytest.approx(
                    [units[unit - 1] for unit, _ in best], rel=1e-3, abs=1e-6
                )
                assert hidden["n_active"][number][position] == (units > 0).sum()
            for each in layer.sublayers:
                norm = strips["norms"][f"{side}.layers.{each.name}_norm"]
                for name, expected in (
                    ("mean", each.residual_sum.mean(1)), ("deviation", each.residual_sum.std(1)),
                ):  # fmt: skip
                    assert norm[name][number] == pytest.approx(expected, rel=1e-3, abs=1e-6)
                assert norm["gain"][number] == pytest.approx(each.gain[0], rel=1e-3)


def test_a_skipped_layer_is_named(shelf: Shelf) -> None:
    page = shelf("anatomy", text=SENTENCE, model="sines", ablation="dec.L2=skip")
    assert figure(page)["strips"]["skipped"] == {"encoder": [], "decoder": [2]}


def test_without_positions_there_is_no_sum(shelf: Shelf, root: Path) -> None:
    write_checkpoint(root / "none", positions="none")
    listed.clear()
    names = {block["name"] for block in figure(opened(shelf, "none"))["blocks"]}
    assert "encoder.embedding.tokens" in names
    assert not any("positions" in name for name in names)


# What is on show


def test_the_view_is_the_links(shelf: Shelf) -> None:
    link = {
        "encoder_layer": "2", "decoder_layer": "3", "encoder_head": "4", "decoder_head": "2",
        "kind": "cross", "layer": "3", "head": "5", "step": "3", "row": "2",
        "block": "encoder.layers.feed_forward",
    }  # fmt: skip
    shown = figure(shelf("anatomy", text=SENTENCE, model="sines", **link))
    assert shown["view"] == {
        "layers": {"encoder": 2, "decoder": 3},
        "heads": {"encoder": 4, "decoder": 2, "cross": 5},
        "step": 3, "row": 2, "kind": "cross", "block": "encoder.layers.feed_forward",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "layers", "head"),
    [("encoder", {"encoder": 2}, 4), ("decoder", {"decoder": 2}, 4), ("cross", {"decoder": 2}, 4)],
)
def test_the_head_of_other_pages_is_the_figures(
    shelf: Shelf, kind: str, layers: dict[str, int], head: int
) -> None:
    """An old field of the page gives way to it."""
    shown = figure(
        shelf("anatomy", text=SENTENCE, model="sines", kind=kind, layer="2", head="4",
              encoder_layer="1", decoder_layer="1", encoder_head="1", decoder_head="1",
              cross_head="1")
    )["view"]  # fmt: skip
    assert shown["layers"] == {"encoder": 1, "decoder": 1, **layers}
    others = {name: number for name, number in shown["heads"].items() if name != kind}
    assert shown["heads"][kind] == head
    assert set(others.values()) == {1}


def test_without_a_choice_the_step_is_in_the_middle_and_no_piece_is_held(
    shelf: Shelf, root: Path
) -> None:
    shown = figure(opened(shelf, "sines"))["view"]
    assert shown["step"] == (len(traced(root / "sines").steps) + 1) // 2
    assert shown["row"] is None
    assert shown["block"] == ""


def test_layers_and_heads_that_the_model_lacks_are_replaced_with_a_notice(shelf: Shelf) -> None:
    page = shelf(
        "anatomy", text=SENTENCE, model="sines", encoder_layer="3", encoder_head="6", block="Ä"
    )
    shown = figure(page)["view"]
    assert shown["layers"]["encoder"] <= 2
    assert shown["heads"]["encoder"] <= 5
    told = " ".join(read(warning.value) for warning in page.warning)
    assert "The link says encoder_layer 3, but there are only 2 here." in told
    assert "The link says encoder_head 6, but there are only 5 here." in told
    assert "block must be the name of a block" in told
