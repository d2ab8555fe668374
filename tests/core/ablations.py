"""Ablations of a model of the small shape: any, for laws that hold for all, and sixteen of all sorts."""

from collections.abc import Mapping

import numpy as np
from hypothesis import strategies as st

from core.analysis.ablation import (
    Ablation,
    HeadChange,
    LayerSkip,
    Part,
    PositionChange,
    RowOnKey,
    SublayerSkip,
)
from core.analysis.ablation.head_means import HeadMeans
from core.analysis.ablation.parts import LARGEST
from core.analysis.effects.corpus_results import CorpusEffect, CorpusEffects
from core.config import KINDS, SearchConfig
from core.evaluation.bootstrap import Difference

N_LAYERS = {"encoder": 2, "decoder": 3, "cross": 3}
N_HEADS = 5


def layers(kinds):
    return st.sampled_from([(kind, layer) for kind in kinds for layer in range(N_LAYERS[kind])])


factors = st.floats(-LARGEST, LARGEST)
heads = st.builds(
    lambda place, head, change: HeadChange(*place, head, change),
    layers(KINDS),
    st.integers(0, N_HEADS - 1),
    factors | st.sampled_from(["mean", "uniform"]),
)
rows = st.builds(
    lambda place, head, row, key: RowOnKey(*place, head, max(row, key), min(row, key)),
    layers(KINDS),
    st.integers(0, N_HEADS - 1),
    st.integers(0, 99),
    st.integers(0, 99),
)
sublayers = st.builds(
    lambda place, sublayer: SublayerSkip(*place, sublayer),
    layers(["decoder"]),
    st.sampled_from(["self", "cross", "ffn"]),
) | st.builds(
    lambda place, sublayer: SublayerSkip(*place, sublayer),
    layers(["encoder"]),
    st.sampled_from(["self", "ffn"]),
)
skips = st.builds(lambda place: LayerSkip(*place), layers(["encoder", "decoder"]))
positions = st.builds(
    lambda stack, change: PositionChange(stack, *change),
    st.sampled_from(["encoder", "decoder"]),
    st.just(("off",))
    | st.tuples(st.just("shift"), st.integers(-99, 99))
    | st.tuples(st.just("scale"), st.floats(0, 1e9)),
)
parts: st.SearchStrategy[Part] = heads | rows | sublayers | skips | positions


def _one_by_one(wanted: list[Part]) -> Ablation:
    """As many of the parts, in their order, as can stand together."""
    ablation = Ablation()
    for part in wanted:
        try:
            ablation += Ablation((part,))
        except ValueError:
            continue
    return ablation


ablations = st.lists(parts, max_size=8).map(_one_by_one)

MANY_TEXTS = (
    "", "cross.L3H5=0", "enc.L2.ffn=skip", "dec.L3=skip", "pos=shift:3", "cross.L2H1.row2=k3",
    "pos=off", "dec.L1H2=0.5,cross.L1H1=uniform", "enc.L1=skip,pos=scale:0.5", "enc.L1H3=uniform",
    "dec.L2.self=skip", "dec.L2.cross=skip", "dec.L1H1=mean", "dec.L1H4.row2=k1,dec.L1H4.row3=k2",
    "enc.L2H2=mean,dec.pos=shift:2", "cross.L1H1=-1,cross.L3H3=uniform,cross.L3H3.row1=k2",
)  # fmt: skip
MANY = tuple(map(Ablation.parse, MANY_TEXTS))


def random_means() -> HeadMeans:
    random = np.random.default_rng(1)
    outputs = {
        kind: random.normal(size=(N_LAYERS[kind], N_HEADS, 11)).astype(np.float32) for kind in KINDS
    }
    return HeadMeans(outputs, weights_hash="", data_hash="", n_sentences=1)


def made_up_sweep(changes: Mapping[str, float]) -> CorpusEffects:
    """Ablation -> ΔBLEU, ± 0.5; chrF changes by twice as much, perplexity the other way."""

    def difference(value: float) -> Difference:
        return Difference(value, (value - 0.5, value + 0.5), 0.1)

    return CorpusEffects(
        scores={"bleu": 38.0, "chrf": 60.0, "perplexity": 4.0},
        intervals_95={"bleu": (36.0, 40.0), "chrf": (59.0, 61.0), "perplexity": (3.0, 5.0)},
        effects=tuple(
            CorpusEffect(
                Ablation.parse(text),
                {"bleu": 38.0 + change, "chrf": 60.0 + 2 * change, "perplexity": 4.0 - change},
                {
                    "bleu": difference(change),
                    "chrf": difference(2 * change),
                    "perplexity": difference(-change),
                },
            )
            for text, change in changes.items()
        ),
        n_sentences=1_000, data_hash="", weights_hash="", search=SearchConfig(),
    )  # fmt: skip
