"""The Anatomy page, run without a browser, on models of different shapes."""

from typing import Any

import pytest

from core.checkpoint.required import model_config_of
from explorer.app_pages.registry import PAGES
from explorer.choice.choice import Run
from explorer.components.anatomy.blocks import anatomy
from explorer.engine import traces
from explorer.engine.checkpoints import every_checkpoint
from explorer.engine.table3 import paper_base
from tests.checkpoints import SENTENCE
from tests.explorer.pages import SHAPES, Open, link, open_page
from tests.explorer.readings import read

__all__ = ["open_page"]


@pytest.mark.parametrize("kind", ["encoder", "decoder", "cross"])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_every_shape_of_model_is_drawn(open_page: Open, shape: dict[str, Any], kind: str) -> None:
    page = open_page(shape, "anatomy", text=SENTENCE, kind=kind)
    assert not page.exception
    assert not page.warning
    [model] = every_checkpoint()
    config = model_config_of(model.folder)
    assert page.expander[0].label.startswith(f"{config.n_parameters:,} parameters")
    table = next(text.value for text in page.markdown if "this model" in text.value)
    assert f"| {config.n_encoder_layers} + {config.n_decoder_layers} | 6 + 6 |" in table


def test_the_choice_of_other_pages_stays_in_the_link(open_page: Open) -> None:
    page = open_page(page="anatomy", text=SENTENCE, layer="2", head="3", step="4")
    assert [link(page, name) for name in ("layer", "head", "step")] == ["2", "3", "4"]


def test_the_letters_of_shapes_are_told_for_the_sentence(open_page: Open) -> None:
    page = open_page(page="anatomy", text=SENTENCE)
    [model] = every_checkpoint()
    trace = traces.trace(model.folder, Run(text=SENTENCE))
    told = " ".join(text.value for text in page.markdown)
    assert f"S = {len(trace.source.pieces)} is the number of source pieces" in told
    assert f"up to {len(trace.consumed)} here" in told


def test_blocks_open_pages_of_the_app() -> None:
    pages = {block.page for block in anatomy(paper_base()) if block.page}
    assert pages <= set(PAGES)


def test_a_block_that_the_model_has_not_is_told(open_page: Open) -> None:
    page = open_page(page="anatomy", text=SENTENCE, block="decoder.layers.zzz")
    assert ["decoder.layers.zzz, but" in read(each.value) for each in page.warning] == [True]
    assert "block" not in page.query_params
    page = open_page(page="anatomy", text=SENTENCE, block="decoder.layers.feed_forward")
    assert not page.warning
    assert link(page, "block") == "decoder.layers.feed_forward"
