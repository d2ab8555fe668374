"""Every analysis runs on a device without float64, and finds what it finds on the CPU."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.analysis.ablation import Ablation
from core.analysis.ablation.head_means import head_means
from core.analysis.alignment.gold import GoldAlignment
from core.analysis.alignment.measure import measure_alignment
from core.analysis.contrast.attribution import contrast
from core.analysis.contributions.rollout import contributions
from core.analysis.effects.corpus import corpus_effects
from core.analysis.effects.pruning import head_importance
from core.analysis.effects.sentence import sentence_effects
from core.analysis.effects.sweeps import every_head, every_layer, sweep
from core.analysis.head_place import HeadPlace
from core.analysis.lens.logit_lens import logit_lens
from core.analysis.roles.count_text import count_text, piece_counts
from core.analysis.trace.head_internals import head_internals
from core.analysis.trace.self_check import self_check
from core.checkpoint.folder import Checkpoint, load_checkpoint
from core.evaluation.likelihood import likelihood_statistics
from core.text.toy_grammar import sentence_pairs
from core.translator import Translator
from tests.checkpoints import SENTENCE, write_checkpoint
from tests.core.ablations import MANY
from tests.core.fake_mps import FakeMPS

PAIRS = list(sentence_pairs(5))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    folder: Path = tmp_path_factory.mktemp("mps") / "tiny"
    write_checkpoint(folder)
    return load_checkpoint(folder)


def ids(checkpoint: Checkpoint) -> tuple[list[list[int]], list[list[int]]]:
    sources, targets = zip(*PAIRS, strict=True)
    encode = checkpoint.vocabulary.source.encode_lines
    return encode(list(sources)), encode(list(targets))


def effects(checkpoint: Checkpoint) -> list[Any]:
    means = head_means(checkpoint, PAIRS)
    trace = Translator(checkpoint).trace(SENTENCE)
    fitting = [one for one in MANY if fits(one, checkpoint)]
    assert len(fitting) > 10
    found = sentence_effects(checkpoint.model, checkpoint.vocabulary, trace, fitting, means)
    return [(one.delta_nats, one.kl_nats) for one in found]


def fits(ablation: Ablation, checkpoint: Checkpoint) -> bool:
    try:
        ablation.check(checkpoint.config, n_source_pieces=3)
    except ValueError:
        return False
    return True


def swept(checkpoint: Checkpoint) -> Any:
    trace = Translator(checkpoint).trace(SENTENCE)
    every = [*every_head(checkpoint.config), *every_layer(checkpoint.config)]
    found = sweep(checkpoint.model, trace, every)
    return np.stack([found.delta_nats, found.kl_nats])


def checks(checkpoint: Checkpoint) -> Any:
    trace = Translator(checkpoint).trace(SENTENCE)
    assert all(check.passed for check in self_check(checkpoint.model, trace))
    inside = head_internals(checkpoint.model, trace, HeadPlace("cross", 1, 2))
    return [trace.weights["cross"], inside.share]


def text_effects(checkpoint: Checkpoint) -> Any:
    found = corpus_effects(checkpoint, PAIRS, [Ablation.parse("cross.L1H1=0.5,pos=scale:0.5")])
    return [found.scores["perplexity"], found.effects[0].scores["perplexity"]]


GOLD = GoldAlignment(frozenset({(0, 0)}), frozenset({(0, 0), (1, 1)}))
ANALYSES: dict[str, Callable[[Checkpoint], Any]] = {
    "ablations": effects,
    "sweep": swept,
    "trace, self-check, inside": checks,
    "a text": text_effects,
    "means": lambda of: list(head_means(of, PAIRS).outputs.values()),
    "importance": lambda of: list(head_importance(of, *ids(of)).values()),
    "likelihood": lambda of: likelihood_statistics(of, *ids(of)),
    "alignment": lambda of: measure_alignment(
        of, *zip(*PAIRS, strict=True), [GOLD] * len(PAIRS)
    ).to_json()["error_rates"]["consumed"],
    "contributions": lambda of: [contributions(of.model, Translator(of).trace(SENTENCE)).source],
    "lens": lambda of: [
        logit_lens(of.model, of.vocabulary, Translator(of).trace(SENTENCE)).probabilities
    ],
    "contrast": lambda of: [
        contrast(of.model, Translator(of).trace(SENTENCE), step=1, wanted=5, other=6).source
    ],
    "roles": lambda of: [
        tally.hits for tally in count_text(of, PAIRS, piece_counts(of, ["a"])).values()
    ],
}


@pytest.mark.parametrize("analyse", ANALYSES.values(), ids=ANALYSES)
def test_an_analysis_needs_no_float64_on_the_device(
    checkpoint: Checkpoint, analyse: Callable[[Checkpoint], Any]
) -> None:
    expected = analyse(checkpoint)
    with FakeMPS():
        found = analyse(checkpoint)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)


def test_the_simulation_refuses_what_the_device_would() -> None:
    weights = torch.ones(3)
    with FakeMPS():
        with pytest.raises(TypeError, match="float64"):
            weights.double()
        with pytest.raises(TypeError, match="float64"):
            torch.ones(3, dtype=torch.float64).to(weights.device)
        with pytest.raises(TypeError, match="numpy"):
            weights.numpy()
        with pytest.raises(RuntimeError, match="on both"):
            weights + torch.ones(3)
        assert weights.device.type == "mps"
        assert weights.cpu().double().numpy().tolist() == [1.0, 1.0, 1.0]
        assert torch.zeros(2, device=weights.device).device.type == "mps"
