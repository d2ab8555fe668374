"""What is clicked is what is opened: a candidate, a node, a head, a row, a switch, a block."""

from pathlib import Path

import pytest

from core.analysis.head_place import HeadPlace
from core.config import KINDS, Kind
from explorer.app_pages.registry import PAGES
from tests.checkpoints import SENTENCE, write_checkpoint
from tests.explorer.apart import loaded, traced
from tests.explorer.clicks import answer, click_row, set_state
from tests.explorer.pages import Shelf, link, shelf, subheaders
from tests.explorer.readings import assert_shown, components, heat_maps, unpacked

__all__ = ["shelf"]


@pytest.fixture(scope="module", autouse=True)
def folder(shelf: Shelf) -> Path:
    write_checkpoint(shelf.root / "tiny")
    return shelf.root / "tiny"


def dotted(tokens: tuple[int, ...]) -> str:
    return ".".join(map(str, tokens))


def test_a_clicked_candidate_follows_the_pieces_before_it(shelf: Shelf, folder: Path) -> None:
    trace = traced(folder)
    candidate = trace.steps[2].candidates[1].token
    page = shelf.own("translate", text=SENTENCE)
    page = answer(page, "translation_stepper", "taken", {"step": 3, "id": candidate})
    chosen = (*trace.best.tokens[:2], candidate)
    assert link(page, "prefix") == dotted(chosen)
    assert link(page, "step") == "3"
    meta, _ = unpacked(components(page, "translation_stepper")[0])
    expected = traced(folder, prefix=chosen)
    assert [step["id"] for step in meta["steps"]] == [p.id for p in expected.target.pieces]
    assert meta["view"]["step"] == 3


def test_a_typed_word_follows_the_pieces_before_its_step(shelf: Shelf, folder: Path) -> None:
    trace = traced(folder)
    word = loaded(folder).checkpoint.vocabulary.target.encode("Haus")
    page = shelf.own("translate", text=SENTENCE)
    page = answer(page, "translation_stepper", "typed", {"step": 4, "text": "Haus"})
    assert link(page, "prefix") == dotted((*trace.best.tokens[:3], *word))


def test_a_clicked_node_opens_its_branch(shelf: Shelf, folder: Path) -> None:
    tree = traced(folder).found.tree
    node = next(n for n in range(len(tree) - 1, 0, -1) if tree[n].depth == 4)
    path, at = [], node
    while tree[at].parent >= 0:
        path.insert(0, tree[at].token)
        at = tree[at].parent
    page = answer(shelf.own("translate", text=SENTENCE), "beam_tree", "opened", node)
    assert link(page, "prefix") == dotted(tuple(path))
    assert link(page, "step") == "4"
    assert components(page, "beam_tree")[0]["chosen"] == node


def test_what_the_stepper_shows_is_in_the_link(shelf: Shelf) -> None:
    page = shelf.own("translate", text=SENTENCE)
    view = {"step": 5, "layer": 2, "head": 4}
    page = set_state(page, "translation_stepper", "view", view)
    assert [link(page, name) for name in ("step", "layer", "head")] == ["5", "2", "4"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_clicked_tile_is_enlarged(shelf: Shelf, folder: Path, kind: Kind) -> None:
    page = shelf.own("heads", text=SENTENCE, kind=kind)
    page = set_state(page, "attention_overview", "chosen", [2, 4])
    place = HeadPlace(kind, 1, 3)
    assert place.name in subheaders(page)
    (shown,) = heat_maps(page)
    assert_shown(shown, place.of(traced(folder).weights))


@pytest.mark.parametrize(
    ("kind", "asks"), [("encoder", "row"), ("decoder", "step"), ("cross", "step")]
)
def test_a_clicked_cell_chooses_its_row(shelf: Shelf, kind: str, asks: str) -> None:
    page = click_row(shelf.own("heads", text=SENTENCE, kind=kind), 6, 2)
    assert link(page, asks) == "7"


def test_a_clicked_word_chooses_its_first_piece(shelf: Shelf, folder: Path) -> None:
    page = click_row(shelf.own("heads", text=SENTENCE, kind="encoder", units="words"), 3)
    pieces = traced(folder).source.pieces
    first = next(index for index, piece in enumerate(pieces) if piece.word == 3)
    assert first != 3
    assert link(page, "row") == str(first + 1)


def test_what_is_switched_off_is_the_ablation(shelf: Shelf) -> None:
    page = shelf.own("ablate", text=SENTENCE, ablation="dec.L2H1=0.5")
    page = answer(page, "attention_toggles", "off", ["cross.L1H3", "enc.L2.ffn"])
    assert link(page, "ablation") == "enc.L2.ffn=skip,dec.L2H1=0.5,cross.L1H3=0"
    page = answer(page, "attention_toggles", "off", [])
    assert link(page, "ablation") == "dec.L2H1=0.5"


BLOCKS = {
    "encoder.layers.self_attention": ("Heads", "encoder"),
    "decoder.layers.self_attention": ("Heads", "decoder"),
    "decoder.layers.cross_attention": ("Heads", "cross"),
    "encoder.layers.self_attention.weights": ("Inside attention", "encoder"),
    "decoder.layers.cross_attention.weights": ("Inside attention", "cross"),
}


@pytest.mark.parametrize(("block", "opened"), BLOCKS.items(), ids=BLOCKS)
def test_a_clicked_block_opens_its_page_on_its_head(
    shelf: Shelf, block: str, opened: tuple[str, str]
) -> None:
    on_show = {f"{name}_head": str(n) for n, name in enumerate(KINDS, start=2)}
    on_show |= {"encoder_layer": "2", "decoder_layer": "3"}
    first, layer = ("encoder", "2") if "cross" in block else ("cross", "3")
    chosen = {"kind": first, "layer": layer, "head": on_show[f"{first}_head"]}
    page = shelf.own("anatomy", text=SENTENCE, **chosen)
    meta, _ = unpacked(components(page, "model_anatomy")[0])
    heads = {name: int(on_show[f"{name}_head"]) for name in KINDS}
    view = {**meta["view"], "heads": heads, "layers": {"encoder": 2, "decoder": 3}}
    page = answer(page, "model_anatomy", "opened", {"name": block, "view": view})
    title, kind = opened
    head = {"Heads": "Which head looks where?", "Inside attention": "What does one head compute?"}
    assert page.header[0].value == head[title]
    assert title in PAGES
    assert (link(page, "kind") if "kind" in page.query_params else "cross") == kind
    assert link(page, "layer") == ("2" if kind == "encoder" else "3")
    assert link(page, "head") == on_show[f"{kind}_head"]
