"""Long analyses of one sentence pause between their parts, and can be ended there."""

import pytest

from core.analysis.contrast.attribution import contrast
from core.analysis.contributions.rollout import contributions
from core.analysis.effects.sweeps import every_head, sweep
from core.analysis.patching.patch import patching
from core.analysis.trace.capture import trace
from core.system.pauses import at_pauses
from tests.core.helpers import small_config, small_model


class EnoughError(Exception):
    pass


@pytest.fixture(scope="module")
def model():
    return small_model(small_config(vocabulary_size=397, max_positions=101))


@pytest.fixture(scope="module")
def traces(model, tokenizer):
    end = model.config.end_id
    return [
        trace(model, tokenizer, text, prefix=(5, 6, third, 8, end))
        for text, third in (("the man sees a house", 7), ("the man sees the house", 9))
    ]


ANALYSES = {
    "sweep": lambda model, traces: sweep(model, traces[0], every_head(model.config)),
    "contributions": lambda model, traces: contributions(model, traces[0]),
    "patching": lambda model, traces: patching(model, *traces),
    **{
        method: lambda model, traces, method=method: contrast(
            model, traces[0], step=2, wanted=7, other=9, method=method
        )
        for method in ("integrated_gradients", "occlusion")
    },
}


@pytest.mark.parametrize("analyse", ANALYSES.values(), ids=ANALYSES)
def test_it_pauses_more_than_once_and_ends_where_it_is_told_to(model, traces, analyse):
    asked = []

    def ask():
        asked.append(1)
        if len(asked) == 2:
            raise EnoughError

    with at_pauses(ask), pytest.raises(EnoughError):
        analyse(model, traces)
    assert len(asked) == 2
