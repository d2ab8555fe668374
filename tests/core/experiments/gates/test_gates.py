"""Gates: their distribution against its formulas, what they do to a model, and a whole experiment."""

import dataclasses
import json
import math

import numpy as np
import pytest
import torch

from core.checkpoint.folder import load_checkpoint, save_checkpoint
from core.checkpoint.side_files import read_history
from core.config import KINDS, SearchConfig, TrainConfig
from core.evaluation.likelihood import corpus_likelihood
from core.evaluation.measure import measure
from core.evaluation.ratios import Estimate
from core.experiments.gates.hard_concrete import HIGH, LOW, TEMPERATURE, HardConcreteGates
from core.experiments.gates.objective import GatedTeacherForcing
from core.experiments.gates.prune import GateExperiment, fold
from core.experiments.gates.results import GatePoint, GateResults, read_gates
from core.model import probing
from core.system.files import write_json
from core.text.parallel import ParallelFiles
from core.text.toy_grammar import sentence_pairs
from core.training.objective import TeacherForcing
from core.training.run_folder import RunFolder
from core.training.trainer import Trainer
from tests.checkpoints import write_checkpoint
from tests.core.helpers import random_corpus, small_config, small_model

CONFIG = small_config()
SOURCE, TARGET = torch.tensor([[5, 6, 3]]), torch.tensor([[2, 7, 8]])
N_HEADS = 5 * (2 + 3 + 3)


def gates_at(log_alpha: float) -> HardConcreteGates:
    gates = HardConcreteGates(CONFIG)
    for parameter in gates.parameters():
        parameter.data.fill_(log_alpha)
    return gates


@pytest.mark.parametrize("log_alpha", [-2.0, 0.3, 2.0])
def test_the_chance_to_be_open_is_that_of_many_draws(log_alpha):
    """P(z > 0) = sigmoid(log α - β log(-γ/ζ)), Louizos et al. 2018, Equation 12."""
    torch.manual_seed(1)
    gates = gates_at(log_alpha).train()
    with torch.no_grad():
        drawn = torch.stack([gates._drawn(torch.full((2000,), log_alpha)) for _ in range(20)])
    chance = 1 / (1 + math.exp(-(log_alpha - TEMPERATURE * math.log(-LOW / HIGH))))
    assert float((drawn > 0).float().mean()) == pytest.approx(chance, abs=0.01)
    assert float(gates.expected_open().detach()) == pytest.approx(N_HEADS * chance, rel=1e-5)
    assert 0 <= float(drawn.min()) <= float(drawn.max()) <= 1


def test_without_noise_a_gate_is_closed_or_open_at_the_ends():
    assert all(float(of.detach().abs().max()) == 0 for of in gates_at(-4).values().values())
    assert all(float(of.detach().min()) == 1 for of in gates_at(4).values().values())


@pytest.mark.parametrize("kind", KINDS)
def test_a_folded_model_is_the_gated_one(kind):
    model, gates = small_model(CONFIG), gates_at(4).double().eval()
    with torch.no_grad():
        gates.log_alpha[kind][1, 2] = -4
        gates.log_alpha[kind][0, 3] = 0.2
    with torch.no_grad(), probing(model, gates.edits()):
        expected = model(SOURCE, TARGET)
    with torch.no_grad():
        assert not torch.allclose(model(SOURCE, TARGET), expected)
    fold(model, {each: of.detach().numpy() for each, of in gates.values().items()})
    with torch.no_grad():
        torch.testing.assert_close(model(SOURCE, TARGET), expected, rtol=0, atol=1e-10)


def test_the_price_is_paid_for_every_token():
    model, gates = small_model(CONFIG), gates_at(0.5).double().eval()
    settings = {"label_smoothing": 0.1}
    plain = float(TeacherForcing(model, **settings)(SOURCE, TARGET).detach())
    gated = GatedTeacherForcing(model, gates, penalty=0.25, rate_factor=7.0, **settings)
    cost = float(gated(SOURCE, TARGET).detach()) - plain
    assert cost == pytest.approx(2 * 0.25 * float(gates.expected_open().detach()), rel=1e-6)
    first, second = gated.parameter_groups()
    assert len(first["params"]) == len(list(model.parameters()))
    assert (len(second["params"]), second["rate_factor"]) == (3, 7.0)


def trained(folder, n_steps: int, corpus) -> dict[str, torch.Tensor]:
    torch.manual_seed(3)
    model, gates = small_model(CONFIG), HardConcreteGates(CONFIG).double()
    objective = GatedTeacherForcing(
        model, gates, penalty=0.1, label_smoothing=0.1, rate_factor=50.0
    )
    run = RunFolder(folder)
    run.create()
    config = TrainConfig(
        n_steps=n_steps, rate=1e-3, tokens_per_update=60, tokens_per_microbatch=60,
        precision="float64", compile="off", validate_every=1000, snapshot_every=1000,
    )  # fmt: skip
    with probing(model, gates.edits()):
        Trainer(objective=objective, corpus=corpus, validation={}, config=config, run=run).train()
    return {name: each.detach().clone() for name, each in objective.trained.named_parameters()}


def test_a_resumed_fine_tuning_goes_on_with_its_gates(tmp_path):
    """Gates, and the optimiser's moments of them, are saved like weights."""
    corpus = random_corpus(31)
    whole = trained(tmp_path / "whole", 6, corpus)
    trained(tmp_path / "parts", 3, corpus)
    resumed = trained(tmp_path / "parts", 6, corpus)
    assert set(whole) == set(resumed)
    for name, expected in whole.items():
        torch.testing.assert_close(resumed[name], expected, rtol=0, atol=1e-12, msg=name)
    assert not torch.equal(
        whole["gates.log_alpha.cross"], HardConcreteGates(CONFIG).double().log_alpha["cross"]
    )


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    """Of a toy checkpoint that says how it was trained, with a price that closes some heads."""
    folder = tmp_path_factory.mktemp("gates")
    pairs = list(sentence_pairs(60))
    for number, side in enumerate(("en", "de")):
        (folder / f"text.{side}").write_text("".join(pair[number] + "\n" for pair in pairs))
    settings = TrainConfig(
        n_steps=4, n_warmup_steps=2, tokens_per_update=200, tokens_per_microbatch=200,
        n_validation_translations=0, precision="float32", compile="off",
    )  # fmt: skip
    save_checkpoint(
        dataclasses.replace(write_checkpoint(folder / "toy"), training=settings), folder / "toy"
    )
    text = ParallelFiles((folder / "text.en",), (folder / "text.de",))
    return GateExperiment(
        folder=folder / "run", checkpoint=folder / "toy", training_text=text, validation_text=text,
        test=pairs[:5], config=settings.replace(n_steps=90, rate=1e-2),
        search=SearchConfig(method="greedy"),
    )  # fmt: skip


def test_a_high_price_closes_heads_and_their_shape_is_trained_anew(experiment):
    point = experiment.point(5.0, from_scratch=True)
    config = load_checkpoint(experiment.checkpoint).config
    n_all = config.n_heads * (config.n_encoder_layers + 2 * config.n_decoder_layers)
    assert 0 <= point.n_kept() < n_all
    assert point.n_kept() == sum(point.n_kept(kind) for kind in KINDS)
    assert point.scratch_bleu is not None
    assert point.scratch_perplexity != pytest.approx(point.perplexity)
    again = experiment.point(5.0, from_scratch=True)
    assert again.to_json() == point.to_json()  # remembered, not made again
    closed = {kind: np.argwhere(of == 0) for kind, of in point.gates.items()}
    weights = RunFolder(experiment.folder / "5.0-scratch").resume()
    assert weights is not None
    d_v = config.d_v
    names = {"encoder": "encoder.layers.{}.self_attention", "decoder": "decoder.layers.{}.self_attention",
             "cross": "decoder.layers.{}.cross_attention"}  # fmt: skip
    for kind, places in closed.items():
        for layer, head in places:
            part = weights.weights[f"{names[kind].format(layer)}.output_projection.weight"]
            assert not part[:, head * d_v : (head + 1) * d_v].any()  # it stayed away


def test_bleu_is_that_of_the_gated_model(experiment):
    """The measured model is the fine-tuned one with its gates folded in, and no other."""
    point = experiment.point(5.0, from_scratch=False)
    saved = RunFolder(experiment.folder / "5.0").resume()
    assert saved is not None
    checkpoint = load_checkpoint(experiment.checkpoint)
    weights = {
        name.removeprefix("model."): tensor
        for name, tensor in saved.weights.items()
        if name.startswith("model.")
    }
    checkpoint.model.load_state_dict(weights)
    before = measure(checkpoint, experiment.test, experiment.search).result["perplexity"]
    fold(checkpoint.model, point.gates)
    after = measure(checkpoint, experiment.test, experiment.search).result["perplexity"]
    assert point.perplexity == after != before


def test_another_experiment_in_the_folder_is_refused(experiment, tmp_path):
    experiment.begin()
    experiment.begin()
    longer = dataclasses.replace(experiment, config=experiment.config.replace(n_steps=91))
    with pytest.raises(ValueError, match="is an experiment with other training; name another"):
        longer.begin()
    fewer = dataclasses.replace(experiment, test=experiment.test[:4])
    with pytest.raises(ValueError, match="with other texts; name another"):
        fewer.begin()
    write_checkpoint(tmp_path / "other", d_ff=30)
    with pytest.raises(ValueError, match="with other from_scratch, weights_hash"):
        dataclasses.replace(experiment, checkpoint=tmp_path / "other").begin()
    file = experiment.folder / "5.0" / "measured.json"
    kept = file.read_text()
    file.write_text(kept[:40])
    with pytest.raises(ValueError, match=r"measured\.json: it is not JSON"):
        experiment.point(5.0, from_scratch=False)
    file.write_text(kept)


def test_a_validation_sees_the_gates_without_noise(tmp_path):
    model, gates = small_model(CONFIG), HardConcreteGates(CONFIG).double()
    objective = GatedTeacherForcing(model, gates, penalty=0, label_smoothing=0.1, rate_factor=1.0)
    run = RunFolder(tmp_path)
    run.create()
    config = TrainConfig(n_steps=1, rate=1e-9, tokens_per_update=60, tokens_per_microbatch=60,
                         precision="float64", compile="off", validate_every=1)  # fmt: skip
    text = random_corpus(9, seed=5)
    with probing(model, gates.edits()):
        Trainer(objective=objective, corpus=random_corpus(31), validation={"held out": text},
                config=config, run=run).train()  # fmt: skip
        objective.eval()
        expected = corpus_likelihood(model, text).perplexity
    (line,) = [line for line in read_history(run.history_file) if line["kind"] == "validation"]
    assert line["perplexity"] == pytest.approx(expected, rel=1e-9)


BAD = {
    "no layers": (
        {"encoder": [], "decoder": [[1.0]], "cross": [[1.0]]},
        "must have layers and heads",
    ),
    "no heads": (
        {"encoder": [[]], "decoder": [[1.0]], "cross": [[1.0]]},
        "must have layers and heads",
    ),
    "below 0": ({"encoder": [[-1.0]], "decoder": [[1.0]], "cross": [[1.0]]}, "must be from 0 to 1"),
}


@pytest.mark.parametrize("bad", BAD)
def test_gates_that_are_none_are_refused(bad):
    gates, message = BAD[bad]
    point = {"penalty": 0.1, "gates": gates, "bleu": [1, 0, 2], "perplexity": 3.0,
             "scratch_bleu": None, "scratch_perplexity": None}  # fmt: skip
    values = {"points": [point], "before": [1, 0, 2], "text": "t", "n_sentences": 1, "n_steps": 1,
              "rate": 1e-3, "weights_hash": "", "hardware": ""}  # fmt: skip
    with pytest.raises(ValueError, match=message):
        GateResults.from_json(values)
    good = {**point, "gates": {kind: [[1.0]] for kind in KINDS}}
    with pytest.raises(ValueError, match="penalty must rise"):
        GateResults.from_json({**values, "points": [good, good]})


def test_what_is_stored_reads_back(tmp_path):
    gates = {
        "encoder": np.array([[0.0, 1.0]]),
        "decoder": np.array([[0.4, 0.0]]),
        "cross": np.ones((1, 2)),
    }
    point = GatePoint(
        0.01, gates, Estimate(31.5, (30.0, 33.0)), 5.25, Estimate(30.0, (29.0, 31.0)), 6.0
    )
    stored = GateResults(
        (point,), Estimate(32.0, (31.0, 33.0)), "text", 7, 100, 3e-4, "abc", "a machine"
    )
    (tmp_path / "gates.json").write_text(write_json(stored.to_json()))
    found = read_gates(tmp_path)
    assert found is not None
    assert found.to_json() == stored.to_json()
    assert [found.points[0].n_kept(kind) for kind in KINDS] == [1, 1, 2]
    values = json.loads((tmp_path / "gates.json").read_text())
    (tmp_path / "gates.json").write_text(json.dumps({**values, "points": []}))
    with pytest.raises(ValueError, match="points must be at least one"):
        read_gates(tmp_path)
    assert read_gates(tmp_path / "nowhere") is None
    (tmp_path / "gates.json").write_text(write_json(stored.to_json()))
    with pytest.raises(
        ValueError, match=r"gates of encoder are \(1, 2\), and the model has \(2, 5\)"
    ):
        read_gates(tmp_path, CONFIG)
