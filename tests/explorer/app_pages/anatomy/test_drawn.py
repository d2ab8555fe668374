"""What Anatomy shows is counted in the loaded model: blocks, sizes, where the parameters are."""

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.config import ModelConfig
from core.experiments.table3.presets import model_config
from tests.checkpoints import SENTENCE, write_checkpoint
from tests.explorer.apart import loaded, traced
from tests.explorer.pages import Shelf, shelf
from tests.explorer.readings import components, said

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
    (data,) = components(page, "model_anatomy")
    return data  # type: ignore[no-any-return]


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
           "softmax": "Translate"}  # fmt: skip


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
    assert [f"{total:,} parameters"] == [found.value for found in page.subheader]


def test_letters_of_shapes_are_counted_in_the_sentence(shelf: Shelf, root: Path) -> None:
    trace = traced(root / "sines")
    assert (
        f"S = {len(trace.source.pieces)} in the source and T = {len(trace.target.pieces)} in the "
        "target" in said(opened(shelf, "sines"))
    )
