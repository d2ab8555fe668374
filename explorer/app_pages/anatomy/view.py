"""Which layers, heads and tokens the figure shows: from the link, and back to it."""

import numpy as np

from core.analysis.heads.measures import confidence
from core.analysis.trace.trace import Trace
from core.checkpoint.required import model_config_of
from core.config import KINDS, Kind
from explorer.app_pages.anatomy.fields import AnatomyFields
from explorer.choice import session
from explorer.choice.choice import View
from explorer.choice.page_context import PageContext, Settled, UsualView, middle_place, settled_on
from explorer.components.anatomy.blocks import Side, anatomy
from explorer.components.anatomy.component import FigureView, layer_of


def settle(shown: PageContext) -> Settled:
    """The middle step and the usual heads where the reader chose none.

    The source piece stays open: until the reader chooses one, it is the one that the step attends
    to most.
    """
    middle = middle_place(shown)
    usual = UsualView(middle.layer, middle.head, step=middle.step, row=None)
    choice, notices = settled_on(shown, usual)
    view, fields = choice.view, choice.of(AnatomyFields)
    assert view.layer
    assert view.head
    chosen = {
        _layer_field(view.kind): view.layer,
        f"{view.kind}_head": view.head,
    }
    found, replaced = _fitting(fields.replace(**chosen), shown.trace)
    if found.block and found.block not in {
        block.name for block in anatomy(model_config_of(shown.folder))
    }:
        replaced += (f"The link says block {found.block}, but this model has none of that name.",)
        found = found.replace(block="")
    return choice.with_fields(found), (*notices, *replaced)


def _layer_field(kind: Kind) -> str:
    return "encoder_layer" if kind == "encoder" else "decoder_layer"


def _fitting(fields: AnatomyFields, trace: Trace) -> tuple[AnatomyFields, tuple[str, ...]]:
    """The fields with usual layers and heads for those that are open, or that the model lacks."""
    notices = []
    chosen: dict[str, int] = {}

    def settle_field(name: str, n: int, usual: int) -> None:
        value = getattr(fields, name)
        if value is not None and value > n:
            notices.append(f"The link says {name} {value}, but there are only {n} here.")
        chosen[name] = value if value is not None and value <= n else usual

    for kind in KINDS:
        n_layers, n_heads = trace.weights[kind].shape[:2]
        name = _layer_field(kind)
        settle_field(name, n_layers, _striking(trace, kind)[0])
        head = _striking(trace, kind, chosen[name])[1]
        settle_field(f"{kind}_head", n_heads, head)
    return fields.replace(**chosen), tuple(dict.fromkeys(notices))


def _striking(trace: Trace, kind: Kind, layer: int | None = None) -> tuple[int, int]:
    """The layer and head, from 1, whose queries have the largest weights on words but themselves.

    Args:
        layer: from 1; without it, of all layers.
    """
    keys = trace.consumed if kind == "decoder" else trace.source.pieces
    weights = trace.weights[kind]
    if kind != "cross":
        weights = weights * (1 - np.eye(len(keys), dtype=weights.dtype))
    found = confidence(weights, keys)  # N H
    if layer:
        return layer, int(found[layer - 1].argmax()) + 1
    first, head = divmod(int(found.argmax()), found.shape[1])
    return first + 1, head + 1


def figure_view(shown: PageContext) -> FigureView:
    """What the figure shows of a settled page."""
    fields, view = shown.of(AnatomyFields), shown.view
    layers: dict[Side, int | None] = {
        "encoder": fields.encoder_layer, "decoder": fields.decoder_layer,
    }  # fmt: skip
    heads: dict[Kind, int | None] = {
        "encoder": fields.encoder_head, "decoder": fields.decoder_head, "cross": fields.cross_head,
    }  # fmt: skip
    return FigureView(
        {side: layer or 1 for side, layer in layers.items()},
        {kind: head or 1 for kind, head in heads.items()},
        step=shown.step,
        row=view.row,
        kind=view.kind,
        block=fields.block,
    )


def take_view(view: FigureView | None) -> None:
    """Put what the reader has on show into the link."""
    if not view:
        return
    session.change(
        AnatomyFields,
        encoder_layer=view.layers["encoder"],
        decoder_layer=view.layers["decoder"],
        encoder_head=view.heads["encoder"],
        decoder_head=view.heads["decoder"],
        cross_head=view.heads["cross"],
        block=view.block,
    )
    session.change(
        View,
        kind=view.kind,
        layer=layer_of(view, view.kind),
        head=view.heads[view.kind],
        step=view.step,
        row=view.row,
    )
