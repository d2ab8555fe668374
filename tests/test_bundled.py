"""The laws, held by the weights that are bundled, and the bundle's own honesty."""

import re
from pathlib import Path

import numpy as np
import pytest
import safetensors
import torch

import core
from core.analysis.trace.capture import capture_weights
from core.analysis.trace.trace import Trace
from core.checkpoint.bundled import FIRST, bundled_root
from core.checkpoint.card import with_results
from core.config import KINDS, SearchConfig
from core.decoding.search import max_source_pieces, search
from core.model import probing, record
from core.model.transformer import attention_tap
from core.text.batches import pad
from core.translator import Translator
from explorer.choice.examples import EXAMPLES

CHECKPOINTS = sorted(
    file.parent for file in (Path(__file__).parents[1] / "checkpoints").glob("**/model.safetensors")
)
TEXTS = [*EXAMPLES, "Yes.", "He said that it was too late to go home, so we stayed until morning."]
GREEDY = SearchConfig(method="greedy")

pytestmark = pytest.mark.slow


def test_there_is_a_bundled_model() -> None:
    assert "en-de" in [folder.name for folder in CHECKPOINTS]


@pytest.fixture(scope="module", params=CHECKPOINTS, ids=lambda folder: folder.name)
def translator(request: pytest.FixtureRequest) -> Translator:
    return core.load(request.param)


@pytest.fixture(scope="module")
def exact(translator: Translator) -> torch.nn.Module:
    """The same weights in float64, where rounding cannot hide a bug."""
    return core.load(str(translator.checkpoint.folder)).checkpoint.model.double()


def ids(translator: Translator) -> list[list[int]]:
    """Texts of the kind that the model learnt, then others as far as they are short enough."""
    own = translator.checkpoint.metrics.get("examples", ())
    encoded = [translator.checkpoint.vocabulary.encode(text) for text in (*own, *TEXTS)]
    return [
        each for each in encoded if len(each) <= max_source_pieces(translator.checkpoint.config)
    ]


@pytest.mark.parametrize("config", [GREEDY, SearchConfig()], ids=["greedy", "beam"])
def test_alone_and_in_company_translations_agree(
    translator: Translator, exact: torch.nn.Module, config: SearchConfig
) -> None:
    together = search(exact, ids(translator), config)
    for source, found in zip(ids(translator), together, strict=True):
        alone = search(exact, [source], config)[0]
        assert alone.best.tokens == found.best.tokens
        assert alone.best.score == pytest.approx(found.best.score, abs=1e-9)


def test_a_beam_of_one_is_greedy(translator: Translator, exact: torch.nn.Module) -> None:
    beams = search(exact, ids(translator), SearchConfig(beam_size=1))
    greedy = search(exact, ids(translator), GREEDY)
    assert [f.best.tokens for f in beams] == [f.best.tokens for f in greedy]


def test_cached_decoding_equals_one_forced_pass(
    translator: Translator, exact: torch.nn.Module
) -> None:
    config = exact.config
    for source, found in zip(ids(translator), search(exact, ids(translator)), strict=True):
        tokens = [config.start_id, *found.best.tokens]
        with torch.inference_mode():
            logits = exact(
                pad([[*source, config.end_id]], config.pad_id), pad([tokens], config.pad_id)
            )
        forced = torch.log_softmax(logits[0], -1)
        produced = [*found.best.tokens, config.end_id]
        wanted = [step.log_probability_nats for step in found.best.steps]
        got = forced[torch.arange(len(produced)), torch.tensor(produced)]
        assert torch.allclose(got, torch.tensor(wanted, dtype=got.dtype), atol=1e-9)


def test_fused_attention_equals_explicit(translator: Translator, exact: torch.nn.Module) -> None:
    source = pad([[*ids(translator)[1], exact.config.end_id]], exact.config.pad_id)
    target = pad([[exact.config.start_id, *ids(translator)[2]]], exact.config.pad_id)
    with torch.inference_mode():
        fused = exact(source, target)
        with probing(exact, record()):
            explicit = exact(source, target)
    assert (fused - explicit).abs().max() < 1e-10


def test_recorded_weights_make_the_recorded_output(
    translator: Translator, exact: torch.nn.Module
) -> None:
    source = pad([[*ids(translator)[1], exact.config.end_id]], exact.config.pad_id)
    target = pad([[exact.config.start_id, *ids(translator)[2]]], exact.config.pad_id)
    with torch.inference_mode(), probing(exact, record()) as seen:
        exact(source, target)
    modules = dict(exact.named_modules())
    for kind in KINDS:
        for layer in range(len((exact.encoder if kind == "encoder" else exact.decoder).layers)):
            place = attention_tap(kind, layer, "")[:-1]
            heads = seen[f"{place}.weights"] @ seen[f"{place}.values"]
            joined = heads.transpose(1, 2).flatten(2)
            made = modules[f"{place}.output_projection"](joined)
            assert (made - seen[f"{place}.output"]).abs().max() < 1e-10


def test_nothing_attends_to_the_future(translator: Translator) -> None:
    model = translator.checkpoint.model
    weights = capture_weights(model, [*ids(translator)[0], 3], [2, *ids(translator)[1]])["decoder"]
    future = np.triu(np.ones(weights.shape[-2:], bool), 1)
    assert (weights[..., future] == 0).all()


def test_the_stored_example_is_what_the_model_does() -> None:
    """The Explorer opens on it; only the first of the bundled checkpoints has one."""
    folder = bundled_root() / FIRST
    stored = Trace.load(folder / "example.npz")
    fresh = Translator.load(folder).trace(EXAMPLES[0])
    assert stored.source == fresh.source
    assert stored.target == fresh.target
    assert stored.search == fresh.search
    for kind in KINDS:
        assert np.abs(stored.weights[kind] - fresh.weights[kind]).max() < 1e-4
        np.testing.assert_allclose(stored.value_norms[kind], fresh.value_norms[kind], rtol=1e-4)


def test_the_card_prints_what_was_measured(translator: Translator) -> None:
    checkpoint = translator.checkpoint
    if checkpoint.config.takes_drafts:  # measured as one of many: tests/test_score.py
        assert "| Acc@t1 |" in checkpoint.card
    else:
        assert with_results(checkpoint.card, checkpoint.metrics) == checkpoint.card
    for name in ("## Data", "## Terms of the weights", "## Known failures", "## Configuration"):
        assert name in checkpoint.card
    assert not re.search(r"not described yet", checkpoint.card, re.IGNORECASE)


def test_weights_are_stored_in_half_precision(translator: Translator) -> None:
    file = translator.checkpoint.folder
    assert file
    with safetensors.safe_open(file / "model.safetensors", "pt") as stored:
        kinds = {stored.get_slice(name).get_dtype() for name in stored.keys()}  # noqa: SIM118
    assert kinds == {"F16"}
