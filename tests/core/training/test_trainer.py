"""Section 5: one step read literally, the same step cut in parts, and a run that survives."""

import functools
import itertools
import json
import math
import random
import shutil
import signal

import numpy as np
import pytest
import torch
from torch._dynamo import OptimizedModule
from torch.testing import assert_close

from core.checkpoint.folder import model_with
from core.checkpoint.side_files import read_history
from core.checkpoint.weights import read_tensors
from core.evaluation.likelihood import Likelihood, corpus_likelihood
from core.text.batches import collate, epoch_batches
from core.training.loss import smoothed_cross_entropy
from core.training.run_folder import Progress, RunFolder
from core.training.schedule import learning_rate
from core.training.update import DivergedError
from core.training.workers import Workers
from tests.core.helpers import random_corpus, small_config
from tests.core.processes import (
    CONTEXT,
    SHARED,
    STEPS_BETWEEN_SAVES,
    interrupted_training,
    new_process,
    own_disk,
    resumed_training,
    shared_training,
    small_trainer,
    train_together,
    with_dropout,
)

CORPUS = random_corpus(31)
VALIDATION = {"held out": random_corpus(11, seed=5), "other": random_corpus(7, seed=6)}


def steps(trainer, n):
    batches = trainer.batches_from(Progress())
    return [
        trainer.step(batch, number)
        for number, (batch, _, _) in enumerate(itertools.islice(batches, n), start=1)
    ]


def history(run: RunFolder, kind: str):
    return [line for line in read_history(run.history_file) if line["kind"] == kind]


def test_a_step_is_the_papers(tmp_path):
    """Mean smoothed loss a target token, Adam with its constants, the rate of Equation 3."""
    settings = {"label_smoothing": 0.1, "max_gradient_norm": 1e9, "rate_scale": 0.7}
    trainer = small_trainer(tmp_path, CORPUS, **settings)
    twin = small_trainer(tmp_path, CORPUS).model
    adam = torch.optim.Adam(twin.parameters(), betas=(0.9, 0.98), eps=1e-9)
    for number, (batch, _, _) in enumerate(
        itertools.islice(trainer.batches_from(Progress()), 4), 1
    ):
        padded = collate(CORPUS, batch)
        expected = padded.target[:, 1:]
        real = expected != 0
        logits = twin(padded.source, padded.target[:, :-1])[real]
        loss = smoothed_cross_entropy(logits, expected[real], label_smoothing=0.1) / real.sum()
        adam.zero_grad()
        loss.backward()
        norm = math.sqrt(sum(p.grad.square().sum().item() for p in twin.parameters()))
        adam.param_groups[0]["lr"] = learning_rate(number, d_model=26, n_warmup_steps=3, scale=0.7)
        adam.step()
        report = trainer.step(batch, number)
        assert report.loss_nats == pytest.approx(loss.item(), rel=1e-12)
        assert report.gradient_norm == pytest.approx(norm, rel=1e-10)
        assert report.rate == adam.param_groups[0]["lr"]
        n_source = int((padded.source != 0).sum())
        assert report.n_tokens == n_source + int(real.sum())
    for ours, theirs in zip(trainer.model.parameters(), twin.parameters(), strict=True):
        assert_close(ours, theirs, rtol=0, atol=1e-12)


def test_long_gradients_are_scaled_down(tmp_path):
    """Adam hides the scale of a gradient, so the first moment tells."""
    moments = {}
    for limit in (1e9, 1e-3):
        trainer = small_trainer(tmp_path, CORPUS, max_gradient_norm=limit)
        (report,) = steps(trainer, 1)
        assert report.gradient_norm > 1e-3  # as it was before
        state = trainer.update.optimizer.state[trainer.model.embedding.weight]
        moments[limit] = (
            state["exp_avg"] / 1e-3 if limit < 1 else state["exp_avg"] / report.gradient_norm
        )
    assert_close(moments[1e-3], moments[1e9], rtol=1e-4, atol=1e-12)


@pytest.mark.parametrize("tokens_per_microbatch", [5, 17, 40])
def test_accumulation_equals_one_big_batch(tmp_path, tokens_per_microbatch):
    whole = small_trainer(tmp_path, CORPUS)
    parts = small_trainer(tmp_path, CORPUS, tokens_per_microbatch=tokens_per_microbatch)
    calls = []
    update, loss = parts.update, parts.update.part_loss
    update.part_loss = lambda corpus, part: calls.append(len(part)) or loss(corpus, part)
    for one, other in zip(steps(whole, 4), steps(parts, 4), strict=True):
        assert other.loss_nats == pytest.approx(one.loss_nats, rel=1e-12)
        assert other.gradient_norm == pytest.approx(one.gradient_norm, rel=1e-10)
        assert other.n_tokens == one.n_tokens
    assert len(calls) > 4
    for ours, theirs in zip(whole.model.parameters(), parts.model.parameters(), strict=True):
        assert_close(ours, theirs, rtol=0, atol=1e-11)


def test_the_loss_goes_down(tmp_path):
    trainer = small_trainer(
        tmp_path, random_corpus(7), n_steps=40, tokens_per_update=200, n_warmup_steps=10,
        rate_scale=0.5, label_smoothing=0.0, precision="float32",
    )  # fmt: skip
    losses = [report.loss_nats for report in steps(trainer, 40)]
    assert losses[0] > 0.7 * math.log(43)
    assert losses[-1] < 0.2 * losses[0]


def test_an_epoch_sees_every_pair_once_and_the_next_another_order(tmp_path):
    trainer = small_trainer(tmp_path, CORPUS, seed=7)
    n_batches = len(epoch_batches(CORPUS, tokens_per_update=60, seed=7, epoch=0))
    seen = list(itertools.islice(trainer.batches_from(Progress()), 2 * n_batches))
    for epoch in range(2):
        part = seen[epoch * n_batches : (epoch + 1) * n_batches]
        pairs = np.concatenate([batch for batch, _, _ in part])
        assert sorted(pairs.tolist()) == list(range(len(CORPUS)))
        assert [(e, n) for _, e, n in part] == [
            *((epoch, number) for number in range(1, n_batches)), (epoch + 1, 0)
        ]  # fmt: skip
    first, second = ([b.tolist() for b, _, _ in seen[i : i + n_batches]] for i in (0, n_batches))
    assert first != second


def test_batches_go_on_from_where_a_run_stands(tmp_path):
    trainer = small_trainer(tmp_path, CORPUS)
    seen = list(itertools.islice(trainer.batches_from(Progress()), 30))
    for n_done in (1, 7, 15, 29):
        _, epoch, number = seen[n_done - 1]
        following = next(trainer.batches_from(Progress(epoch=epoch, batch=number)))
        assert following[0].tolist() == seen[n_done][0].tolist()
        assert following[1:] == seen[n_done][1:]


def run_to_the_end(folder, n_steps, monkeypatch, **settings):
    """A whole run with dropout; every step's loss to the bit."""
    monkeypatch.setattr("core.training.trainer.REPORT_EVERY", 3)
    trainer = small_trainer(
        folder, CORPUS, validation=VALIDATION, p_dropout=0.3, precision="float32", n_steps=n_steps,
        validate_every=4, snapshot_every=5, n_snapshots=2, tokens_per_microbatch=25, **settings,
    )  # fmt: skip
    losses, step = {}, trainer.step

    def logged(batch, number):
        report = step(batch, number)
        losses[number] = report.loss_nats
        return report

    trainer.step = logged
    progress = trainer.train()
    return trainer, progress, losses


def without_timings(run):
    return [
        {name: value for name, value in line.items() if name not in ("elapsed_s", "tokens_per_s")}
        for line in read_history(run.history_file)
    ]


def test_a_stopped_run_goes_on_as_if_it_had_not_been(tmp_path, monkeypatch):
    whole, progress, losses = run_to_the_end(tmp_path / "whole", 19, monkeypatch)
    _, _, first = run_to_the_end(tmp_path / "parts", 11, monkeypatch)
    parts, progress_again, second = run_to_the_end(tmp_path / "parts", 19, monkeypatch)
    assert list(first) == list(range(1, 12))
    assert list(second) == list(range(12, 20))
    assert first | second == losses
    for name, weight in whole.model.state_dict().items():
        assert torch.equal(weight, parts.model.state_dict()[name]), name
    expected = without_timings(whole.run)
    # the first part ended with a validation and a snapshot of its own, at its last step
    assert [line for line in without_timings(parts.run) if line["step"] != 11] == expected
    assert progress_again.tokens == progress.tokens
    assert [f.name for f in parts.run.step_snapshots()] == [
        f.name for f in whole.run.step_snapshots()
    ]


def test_a_finished_run_does_nothing_more(tmp_path, monkeypatch):
    first, progress, _ = run_to_the_end(tmp_path, 7, monkeypatch)
    lines = without_timings(first.run)
    again, progress_again, losses = run_to_the_end(tmp_path, 7, monkeypatch)
    assert losses == {}
    assert progress_again == progress
    assert without_timings(again.run) == lines


def test_the_history_tells_what_happened(tmp_path, monkeypatch):
    trainer, progress, losses = run_to_the_end(tmp_path, 13, monkeypatch)
    reported = history(trainer.run, "training")
    assert [line["step"] for line in reported] == [3, 6, 9, 12]
    for line in reported:
        window = [losses[step] for step in range(line["step"] - 2, line["step"] + 1)]
        assert line["loss_nats"] == pytest.approx(np.mean(window))
        assert line["rate"] == learning_rate(line["step"], d_model=26, n_warmup_steps=3)
        assert line["tokens_per_s"] > 0
    assert [line["step"] for line in history(trainer.run, "validation")] == [4, 8, 12, 13]
    assert [file.stem for file in trainer.run.step_snapshots()] == ["step-0000010", "step-0000013"]
    assert progress.step == 13
    assert progress.window.n_steps == 1  # of the next line, which never came
    sides = [CORPUS.source_lengths, CORPUS.target_lengths]
    batches = [batch for batch, _, _ in itertools.islice(trainer.batches_from(Progress()), 13)]
    assert progress.tokens == sum(int(side[batch].sum()) for batch in batches for side in sides)


def test_a_validation_measures_the_model_without_dropout(tmp_path, monkeypatch):
    trainer, *_ = run_to_the_end(tmp_path, 10, monkeypatch)
    line = history(trainer.run, "validation")[-1]
    weights = read_tensors(trainer.run.snapshots / "step-0000010.safetensors")
    model = model_with(small_config(p_dropout=0.3), weights)
    parts = {name: corpus_likelihood(model, corpus) for name, corpus in VALIDATION.items()}
    for name, part in parts.items():
        assert line[f"perplexity_{name}"] == pytest.approx(part.perplexity, rel=1e-5)
    total = sum(parts.values(), start=Likelihood(0.0, 0))
    assert line["perplexity"] == pytest.approx(total.perplexity, rel=1e-5)


def test_training_goes_on_with_dropout_after_a_validation(tmp_path):
    trainer = small_trainer(tmp_path, CORPUS, validation=VALIDATION, p_dropout=0.5)
    trainer.validate(Progress(step=1))
    assert not trainer.model.training
    trainer.step(np.arange(5), 1)
    assert trainer.model.training


def test_random_numbers_are_a_function_of_seed_and_step(tmp_path):
    def first_losses(**settings):
        torch.manual_seed(5)
        trainer = small_trainer(tmp_path, CORPUS, p_dropout=0.5, **settings)
        torch.rand(7)
        batch = np.arange(9)
        rates = []
        for number in (1, 2, 2):
            torch.rand(number)
            trainer.update.optimizer.step = lambda: None  # weights stay: only the dropout differs
            rates.append(trainer.step(batch, number).loss_nats)
        return rates

    one, two, two_again = first_losses()
    assert two == two_again != one
    assert first_losses() == [one, two, two]
    assert first_losses(seed=2)[0] != one


def scripted_validation(trainer, monkeypatch, perplexities):
    values = iter(perplexities)
    monkeypatch.setattr(
        "core.training.trainer.corpus_likelihood",
        lambda *_, **__: Likelihood(math.log(next(values)), 1),
    )
    trainer.validation = {"held out": None}


def test_patience_ends_a_run_that_gets_no_better(tmp_path, monkeypatch):
    trainer = small_trainer(tmp_path, CORPUS, n_steps=90, validate_every=2, patience=3)
    scripted_validation(trainer, monkeypatch, [9, 7, 8, 7, 7.5, 3])
    progress = trainer.train()
    assert progress.step == 10  # the fifth validation: the third without a better one
    assert progress.best_perplexity == pytest.approx(7)
    assert RunFolder(tmp_path).resume().progress.step == 10


def test_without_patience_a_run_goes_to_its_end(tmp_path, monkeypatch):
    trainer = small_trainer(tmp_path, CORPUS, n_steps=12, validate_every=2)
    scripted_validation(trainer, monkeypatch, [3, 4, 5, 6, 7, 8])
    assert trainer.train().validations_since_best == 5


def test_the_best_weights_are_kept(tmp_path, monkeypatch):
    trainer = small_trainer(
        tmp_path, CORPUS, n_steps=12, validate_every=3, snapshot_every=3, precision="float32"
    )
    scripted_validation(trainer, monkeypatch, [9, 5, 8, 6])
    trainer.train()
    best, sixth = (
        read_tensors(trainer.run.snapshots / f"{name}.safetensors")
        for name in ("best", "step-0000006")
    )
    assert all(torch.equal(best[name], sixth[name]) for name in sixth)


def test_weights_to_keep_outlive_the_snapshots_for_averaging(tmp_path):
    trainer = small_trainer(tmp_path, CORPUS, n_steps=5, snapshot_every=1, keep_steps=(1, 4))
    trainer.config = trainer.config.replace(n_snapshots=2)
    trainer.train()
    names = sorted(file.stem for file in trainer.run.snapshots.iterdir())
    assert names == ["kept-0000001", "kept-0000004", "step-0000004", "step-0000005"]
    first, fourth, averaged = (
        read_tensors(trainer.run.snapshots / f"{name}.safetensors")
        for name in ("kept-0000001", "kept-0000004", "step-0000004")
    )
    assert all(torch.equal(fourth[name], averaged[name]) for name in fourth)
    assert not any(torch.equal(first[name], fourth[name]) for name in first)


def test_further_scores_stand_in_the_validation_lines(tmp_path):
    trainer = small_trainer(
        tmp_path, CORPUS, validation=VALIDATION, validate_every=5,
        score=lambda model: {"bleu": 12.5, "is_training": model.training},
    )  # fmt: skip
    trainer.train()
    (line,) = history(trainer.run, "validation")
    assert (line["bleu"], line["is_training"]) == (12.5, False)


def test_no_validation_text_is_no_validation(tmp_path):
    trainer = small_trainer(tmp_path, CORPUS, validate_every=2)
    assert trainer.train().best_perplexity == math.inf
    assert history(trainer.run, "validation") == []


def test_a_diverged_run_names_step_and_rate_and_keeps_the_last_good_state(tmp_path, monkeypatch):
    trainer = small_trainer(tmp_path, CORPUS, n_steps=9, save_every_s=1e-9)
    loss, n_calls = trainer.update.part_loss, itertools.count(1)
    trainer.update.part_loss = lambda *part: loss(*part) * (math.nan if next(n_calls) == 5 else 1)
    rate = learning_rate(5, d_model=26, n_warmup_steps=3)
    with pytest.raises(
        DivergedError,
        match=rf"^step 5: loss nan, gradient norm nan at rate {rate:.3g}\. The last saved state "
        rf"stays in {tmp_path}; start again in another --run-folder, with a smaller --rate-scale or a longer",
    ):
        trainer.train()
    again = small_trainer(tmp_path, CORPUS, n_steps=9)
    saved = again.run.resume()
    assert saved.progress.step == 4
    saved.load_into(again.model, again.update.optimizer)
    assert all(parameter.isfinite().all() for parameter in again.model.parameters())
    assert again.train().step == 9


def test_a_rate_beyond_reason_diverges(tmp_path):
    trainer = small_trainer(tmp_path, CORPUS, n_steps=9, rate_scale=1e200)
    with pytest.raises(DivergedError, match=r"^step [2-9]: loss "):
        trainer.train()


def test_an_infinite_gradient_is_divergence_too(tmp_path):
    trainer = small_trainer(tmp_path, CORPUS)
    trainer.model.embedding.weight.register_hook(lambda gradient: gradient * math.inf)
    with pytest.raises(DivergedError, match=r"^step 1: loss \d\.\d+, gradient norm (inf|nan) at"):
        trainer.train()


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float64"])
def test_a_named_precision_is_what_products_are_computed_in(tmp_path, precision):
    trainer = small_trainer(tmp_path, CORPUS, precision=precision)
    found = set()
    for name, module in trainer.model.named_modules():
        if name.endswith("projection"):
            module.register_forward_hook(lambda *of: found.add(of[-1].dtype))
    steps(trainer, 1)
    assert {str(dtype) for dtype in found} == {f"torch.{precision}"}


def test_bfloat16_autocast_is_close_to_float32(tmp_path):
    losses = {
        precision: steps(small_trainer(tmp_path, CORPUS, precision=precision), 3)
        for precision in ("float32", "bfloat16")
    }
    for exact, rounded in zip(losses["float32"], losses["bfloat16"], strict=True):
        assert rounded.loss_nats == pytest.approx(exact.loss_nats, rel=0.02)
        assert rounded.loss_nats != exact.loss_nats


@pytest.mark.parametrize(
    "backend",
    [
        "aot_eager",
        pytest.param(
            "inductor",
            marks=[
                pytest.mark.long,
                pytest.mark.skipif(not shutil.which("g++"), reason="until there is a C++ compiler"),
            ],
        ),
    ],
)
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:::torch")
def test_a_compiled_training_computes_what_a_plain_one_does(tmp_path, monkeypatch, backend):
    """Traced as by default on CUDA, and also compiled; one layer each, for compiling takes minutes."""
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend=backend))
    losses, weights = {}, {}
    for switch in ("off", "on"):
        trainer = small_trainer(
            tmp_path / switch, CORPUS, compile=switch, precision="float32",
            shape={"n_encoder_layers": 1, "n_decoder_layers": 1},
        )  # fmt: skip
        losses[switch] = [report.loss_nats for report in steps(trainer, 2)]
        weights[switch] = trainer.model.state_dict()
        assert isinstance(trainer.update._runs, OptimizedModule) == (switch == "on")
    assert losses["on"] == pytest.approx(losses["off"], rel=1e-5)
    for name, weight in weights["off"].items():
        assert_close(weights["on"][name], weight, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("switch", "is_compiled"), [("on", True), ("off", False), ("auto", False)])
def test_a_cpu_compiles_only_when_told(tmp_path, switch, is_compiled):
    """Nothing is compiled before it runs, so that asking costs nothing."""
    runs = small_trainer(tmp_path, CORPUS, compile=switch).update._runs
    assert isinstance(runs, OptimizedModule) == is_compiled


# Several processes.


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """What two and three processes computed in each scenario."""
    folders = {}
    for world_size in (2, 3):
        folders[world_size] = tmp_path_factory.mktemp(f"{world_size}-processes")
        train_together(world_size, folders[world_size])
    return folders


@pytest.mark.slow
@pytest.mark.parametrize("world_size", [2, 3])
@pytest.mark.parametrize("name", SHARED)
def test_several_processes_equal_one(together, tmp_path, name, world_size):
    alone = shared_training(name, tmp_path, Workers())
    for rank in range(world_size):
        shared = torch.load(together[world_size] / f"{name}-{rank}.pt", weights_only=True)
        assert shared["reports"] == pytest.approx(alone["reports"], rel=1e-9)
        for key, weight in alone["weights"].items():
            assert_close(shared["weights"][key], weight, rtol=0, atol=1e-9)
    lines, expected = (
        without_timings(RunFolder(folder)) for folder in (together[world_size] / name, tmp_path)
    )
    for line, one in zip(lines, expected, strict=True):
        assert line.pop("kind") == one.pop("kind")
        assert line == pytest.approx(one, rel=1e-9)
    if name == "to the end":
        assert len(expected) == 4


@pytest.mark.slow
@pytest.mark.parametrize("world_size", [2, 3])
def test_every_part_of_every_worker_drops_other_numbers(together, tmp_path, world_size):
    """All pairs of the batch are the same, so only dropout tells two losses apart."""
    files = [together[world_size] / f"with dropout-{rank}.pt" for rank in range(world_size)]
    losses = [loss for file in files for step in torch.load(file) for loss in step]
    assert len(losses) >= 2 * 2 * world_size  # of two steps, two parts or more a worker
    assert len({round(loss, 9) for loss in losses}) == len(losses)
    alone = with_dropout(tmp_path / "alone", Workers())
    assert with_dropout(tmp_path / "again", Workers()) == alone


@pytest.mark.slow
@pytest.mark.parametrize("world_size", [2, 3])
def test_all_workers_go_on_from_what_the_first_one_has_saved(together, tmp_path, world_size):
    """Each has a disk of its own, and on the others' lies another run, which stays as it is."""
    folder = together[world_size]
    small_trainer(tmp_path / "alone", random_corpus(31), n_steps=3).train()
    alone = resumed_training(tmp_path / "alone", Workers())
    for rank in range(world_size):
        shared = torch.load(folder / f"resumed-{rank}.pt")
        assert shared["step"] == alone["step"] == 7
        for key, weight in alone["weights"].items():
            assert_close(shared["weights"][key], weight, rtol=0, atol=1e-9)
        history = [
            line["step"] for line in read_history(RunFolder(own_disk(folder, rank)).history_file)
        ]
        assert history == ([] if rank == 0 else [5])  # only the first one cuts its own


# A process that is killed.

PLACES = [
    ("between two parts of a batch", 8),
    ("between weights and moments", 1),
    ("in the middle of a line", 1),
    ("before the newest state is named", 2),
    ("before a snapshot is in its place", 1),
    ("between two parts of a batch", 11),
    ("in the middle of a line", 4),
    ("between weights and moments", 2),
]


def start(folder, place, count=1):
    reached = CONTEXT.Event()
    log = folder.with_suffix(".log")
    process = new_process(interrupted_training, folder, log, place, count, reached)
    process.start()
    return process, reached


def comes_there(process, reached):
    """Wait for the process to be where it was sent, or to end without having been there."""
    while process.is_alive():
        if reached.wait(0.05):
            return True
    return False


def kill_at(folder, place, count):
    process, reached = start(folder, place, count)
    assert comes_there(process, reached), place
    kill(process)


def kill(process):
    assert was_killed(process)


def was_killed(process):
    """Kill it; false if it had finished on its own by then."""
    process.kill()
    process.join(60)
    assert process.exitcode in {0, -signal.SIGKILL}
    return process.exitcode == -signal.SIGKILL


def finish(folder):
    process, _ = start(folder, "nowhere")
    process.join(120)
    assert process.exitcode == 0


def logged_losses(folder):
    """Every step that was ever finished, in the order in which it happened, with its exact loss."""
    return [tuple(json.loads(line)) for line in folder.with_suffix(".log").read_text().splitlines()]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed") / "run"
    finish(folder)
    assert [step for step, _ in logged_losses(folder)] == list(range(1, 25))
    return folder


def assert_same_run(folder, undisturbed):
    """Every loss to the bit, the history, the final weights and the snapshots."""
    assert set(logged_losses(folder)) == set(logged_losses(undisturbed))
    one, other = RunFolder(folder), RunFolder(undisturbed)
    assert without_timings(one) == without_timings(other)
    files = ["step-0000024/model.safetensors", "step-0000024/optimizer.safetensors"]
    files += [f"snapshots/{file.name}" for file in other.snapshots.iterdir()]
    for name in files:
        mine, theirs = read_tensors(folder / name), read_tensors(undisturbed / name)
        assert all(torch.equal(mine[key], theirs[key]) for key in theirs), name
    assert {file.name for file in one.snapshots.iterdir() if file.name[0] != "."} == {
        file.name for file in other.snapshots.iterdir()
    }


@pytest.mark.slow
def test_a_run_killed_at_the_worst_moments_goes_on_as_if_it_had_not_been(tmp_path, undisturbed):
    """Each kill loses at most the steps since the last save."""
    folder = tmp_path / "run"
    n_done = 0
    for place, count in PLACES:
        kill_at(folder, place, count)
        finished = logged_losses(folder)[n_done:] if folder.with_suffix(".log").exists() else []
        n_done += len(finished)
        progress = saved_step(folder)
        last = finished[-1][0] if finished else progress
        assert last - progress <= STEPS_BETWEEN_SAVES, place
        if finished:
            assert last - progress >= 0
    finish(folder)
    assert len(logged_losses(folder)) > 24  # something was lost, and done again
    assert_same_run(folder, undisturbed)


def saved_step(folder):
    latest = folder / "latest"
    return int(latest.read_text().split("-")[1]) if latest.is_file() else 0


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_run_killed_anywhere_goes_on_as_if_it_had_not_been(tmp_path, undisturbed, seed):
    folder, choose = tmp_path / "run", random.Random(seed)
    n_killed = 0
    for _ in range(6):
        process, reached = start(folder, "anywhere")
        if comes_there(process, reached):
            process.join(choose.uniform(0.0, 0.4))
        n_killed += was_killed(process)
    assert n_killed > 1
    finish(folder)
    assert_same_run(folder, undisturbed)


@pytest.mark.slow
def test_a_finished_run_started_again_and_killed_is_still_finished(tmp_path, undisturbed):
    """Saving the last step once more must never leave the run without it."""
    folder = tmp_path / "run"
    finish(folder)
    process, reached = start(folder, "while a state is replaced")
    if comes_there(process, reached):
        kill(process)
    finish(folder)
    assert_same_run(folder, undisturbed)


def test_the_rate_of_the_last_steps_falls(tmp_path):
    trainer = small_trainer(tmp_path, CORPUS, n_steps=4, n_cooldown_steps=2, n_warmup_steps=1)
    rates = [report.rate for report in steps(trainer, 4)]
    plain = [learning_rate(step, d_model=26, n_warmup_steps=1) for step in range(1, 5)]
    assert rates == pytest.approx([plain[0], plain[1], plain[2] * 2 / 3, plain[3] / 3])
