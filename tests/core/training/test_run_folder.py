"""The running state: saved whole, found again, and cut back to where it was saved."""

import contextlib
import dataclasses
import json
import math
import socket
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from core.checkpoint.required import CheckpointError
from core.checkpoint.side_files import read_history
from core.model import build
from core.system.files import OutputError
from core.training.run_folder import Progress, RunFolder, StepReport, Window
from tests.core.helpers import random_ids, small_config

SOURCE, TARGET = random_ids(3, 7), random_ids(3, 5, seed=2)


@pytest.fixture
def run(tmp_path):
    folder = RunFolder(tmp_path / "run")
    folder.create()
    return folder


def fresh(seed=1):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = build(small_config(positions="learned"))
    return model, torch.optim.Adam(model.parameters(), lr=0.01)


def stepped(n_steps, seed=1):
    """A model and its optimiser after so many steps."""
    model, optimizer = fresh(seed)
    for _ in range(n_steps):
        one_step(model, optimizer)
    return model, optimizer


def one_step(model, optimizer):
    optimizer.zero_grad()
    model(SOURCE, TARGET).logsumexp(-1).mean().backward()
    optimizer.step()


def resumed(run, model, optimizer):
    """Where the run stands, with its state loaded."""
    saved = run.resume()
    if saved is None:
        return None
    saved.load_into(model, optimizer)
    return saved.progress


def test_a_resumed_training_goes_on_as_if_nothing_had_been(run):
    """Weights, both of Adam's moments and its step count: the next step is the same to the bit."""
    model, optimizer = stepped(3)
    progress = Progress(step=3, epoch=1, batch=2, tokens=77, best_perplexity=4.5)
    run.save(progress, model, optimizer)
    again, optimizer_again = fresh(seed=2)
    assert resumed(run, again, optimizer_again) == progress
    for _ in range(2):
        one_step(model, optimizer)
        one_step(again, optimizer_again)
    for name, weight in model.state_dict().items():
        assert torch.equal(weight, again.state_dict()[name]), name


def test_a_state_of_float64_stays_float64(run):
    model, optimizer = fresh()
    model.double()
    one_step(model, optimizer)
    run.save(Progress(step=1), model, optimizer)
    again, optimizer_again = fresh(seed=2)
    resumed(run, again.double(), optimizer_again)
    assert_close(again.embedding.weight, model.embedding.weight, rtol=0, atol=0)
    moment = optimizer_again.state[again.embedding.weight]["exp_avg"]
    assert_close(moment, optimizer.state[model.embedding.weight]["exp_avg"], rtol=0, atol=0)


def on_device(n_steps, device, *, fused):
    model = build(small_config()).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01, fused=fused)
    for _ in range(n_steps):
        step_on(device, model, optimizer)
    return model, optimizer


def step_on(device, model, optimizer):
    optimizer.zero_grad()
    model(SOURCE.to(device), TARGET.to(device)).logsumexp(-1).mean().backward()
    optimizer.step()


@pytest.mark.filterwarnings("ignore:for .*copying from a non-meta parameter:UserWarning")
@pytest.mark.parametrize("fused", [True, False])
def test_a_resumed_optimiser_has_its_state_on_the_device_that_needs_it(run, fused):
    """The fused one on a GPU wants the step count there; without a GPU, `meta` stands for it."""
    run.save(Progress(step=1), *on_device(1, "cpu", fused=fused))
    model, optimizer = on_device(0, "meta", fused=fused)
    resumed(run, model, optimizer)
    (state, *others) = optimizer.state.values()
    assert len(others) + 1 == len(list(model.parameters()))
    assert state["exp_avg"].is_meta
    assert state["exp_avg_sq"].is_meta
    assert state["step"].is_meta == fused


@pytest.mark.gpu
def test_a_training_resumed_on_a_gpu_goes_on_as_if_nothing_had_been(run):
    model, optimizer = on_device(2, "cuda", fused=True)
    run.save(Progress(step=2), model, optimizer)
    again, optimizer_again = on_device(0, "cuda", fused=True)
    resumed(run, again, optimizer_again)
    for _ in range(2):
        step_on("cuda", model, optimizer)
        step_on("cuda", again, optimizer_again)
    assert_close(again.state_dict(), model.state_dict())


def test_nothing_saved_is_nothing_resumed(run):
    model, optimizer = fresh()
    before = model.embedding.weight.clone()
    assert resumed(run, model, optimizer) is None
    assert torch.equal(model.embedding.weight, before)


def test_the_newest_state_is_resumed_and_two_are_kept(run):
    model, optimizer = stepped(1)
    for step in (9, 10, 100, 101):
        run.save(Progress(step=step), model, optimizer)
        assert resumed(run, *fresh()).step == step
    states = sorted(path.name for path in run.folder.glob("step-*"))
    assert states == ["step-0000100", "step-0000101"]
    assert (run.folder / "latest").read_text() == "step-0000101\n"


def test_newer_states_that_nothing_points_at_do_not_cost_the_one_just_saved(run):
    """They are of processes that were killed before they could name them."""
    model, optimizer = stepped(1)
    run.save(Progress(step=1), model, optimizer)
    for name in ("step-0000007", "step-0000008"):
        (run.folder / name).mkdir()
    run.save(Progress(step=2), model, optimizer)
    assert resumed(run, *fresh()).step == 2
    run.save(Progress(step=3), model, optimizer)
    assert sorted(path.name for path in run.folder.glob("step-*")) == [
        "step-0000002", "step-0000003",
    ]  # fmt: skip


def test_a_snapshot_that_cannot_be_written_leaves_the_old_one(run, monkeypatch):
    model, _ = stepped(1)
    run.save_snapshot("best", model)
    before = (run.snapshots / "best.safetensors").read_bytes()

    def full(_, file):
        file.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("safetensors.torch.save_file", full)
        with pytest.raises(OSError, match="No space left"):
            run.save_snapshot("best", stepped(2)[0])
    assert (run.snapshots / "best.safetensors").read_bytes() == before
    assert [path.name for path in run.snapshots.iterdir()] == ["best.safetensors"]


def test_saving_the_same_step_again_never_takes_the_state_away(run, monkeypatch):
    """A run that ends where it was saved: a kill while its state is replaced would lose it."""
    model, optimizer = stepped(1)
    run.save(Progress(step=1), model, optimizer)

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("core.system.files.shutil.rmtree", lambda *_, **__: None)
        patch.setattr("pathlib.Path.rename", only_first(killed))
        with contextlib.suppress(KeyboardInterrupt):
            run.save(Progress(step=1), model, optimizer)
    assert resumed(run, *fresh()).step == 1


def only_first(then):
    """Path.rename that works once, and then calls something else."""
    original, calls = Path.rename, []

    def rename(self, target):
        calls.append(target)
        return original(self, target) if len(calls) == 1 else then()

    return rename


def test_history_is_cut_back_to_the_resumed_step(run):
    model, optimizer = stepped(1)
    for step in (1, 2):
        run.report({"kind": "training", "step": step})
    run.save(Progress(step=2), model, optimizer)
    for step in (2, 3, 4):
        run.report({"kind": "validation", "step": step})
    resumed(run, *fresh())
    lines = [(line["kind"], line["step"]) for line in read_history(run.history_file)]
    assert lines == [("training", 1), ("training", 2), ("validation", 2)]
    run.report({"kind": "training", "step": 3})
    assert len(run.history_file.read_text().splitlines()) == 4


def test_a_line_cut_off_by_a_kill_is_cut_away(run):
    model, optimizer = stepped(1)
    run.report({"kind": "training", "step": 1})
    run.save(Progress(step=1), model, optimizer)
    with run.history_file.open("a") as file:
        file.write('{"kind": "trai')
    resumed(run, *fresh())
    run.report({"kind": "training", "step": 2})
    assert [line["step"] for line in read_history(run.history_file)] == [1, 2]


def test_without_a_state_the_history_begins_anew(run):
    """A run killed before its first save starts over; its lines would stand there twice."""
    run.report({"kind": "training", "step": 50})
    with run.history_file.open("a") as file:
        file.write('{"kind": "trai')
    assert resumed(run, *fresh()) is None
    run.report({"kind": "training", "step": 50})
    run.report({"kind": "training", "step": 100})
    assert [line["step"] for line in read_history(run.history_file)] == [50, 100]


@pytest.mark.parametrize("name", ["model.safetensors", "optimizer.safetensors"])
def test_a_damaged_state_is_named(run, name):
    run.save(Progress(step=1), *stepped(1))
    file = run.folder / "step-0000001" / name
    file.write_bytes(file.read_bytes()[:-5])
    with pytest.raises(CheckpointError, match=rf"^{file} cannot be read, it may be truncated: "):
        resumed(run, *fresh())


def test_snapshots_are_weights_and_the_oldest_go_first(run):
    model, _ = stepped(1)
    for step in (8, 9, 10, 11):
        run.save_snapshot(f"step-{step:07d}", model)
    run.save_snapshot("best", model)
    run.drop_snapshots_but(3)
    names = [file.name for file in run.step_snapshots()]
    assert names == [f"step-{step:07d}.safetensors" for step in (9, 10, 11)]
    assert sorted(path.name for path in run.snapshots.iterdir()) == ["best.safetensors", *names]


NUMBERS = st.floats(0, 1e6)
REPORTS = st.builds(StepReport, NUMBERS, NUMBERS, NUMBERS, st.integers(1, 10**5))


@given(
    progress=st.builds(
        Progress, st.integers(0), st.integers(0), st.integers(0), st.integers(0), NUMBERS,
        st.floats(1, math.inf), st.integers(0),
        st.builds(Window, st.integers(0), NUMBERS, NUMBERS, st.integers(0), NUMBERS),
    )
)  # fmt: skip
def test_progress_survives_json(progress):
    text = json.dumps(dataclasses.asdict(progress))
    assert Progress.from_json(json.loads(text)) == progress


@given(st.lists(st.tuples(REPORTS, st.floats(0.1, 10)), min_size=1, max_size=9))
def test_a_window_is_the_mean_of_its_steps(steps):
    progress = Progress(step=100, tokens=7)
    for number, (report, elapsed_s) in enumerate(steps):
        progress = progress.after(report, elapsed_s, epoch=3, batch=number)
    n = len(steps)
    assert (progress.step, progress.epoch, progress.batch) == (100 + n, 3, n - 1)
    assert progress.tokens == 7 + sum(report.n_tokens for report, _ in steps)
    assert progress.elapsed_s == pytest.approx(sum(elapsed_s for _, elapsed_s in steps))
    summary = progress.window.summary()
    assert summary["loss_nats"] == pytest.approx(sum(r.loss_nats for r, _ in steps) / n)
    assert summary["gradient_norm"] == pytest.approx(sum(r.gradient_norm for r, _ in steps) / n)
    tokens_per_s = (progress.tokens - 7) / progress.elapsed_s
    assert summary["tokens_per_s"] == pytest.approx(tokens_per_s, rel=1e-3, abs=0.06)


def test_what_a_killed_save_left_is_swept_whatever_its_step(tmp_path):
    run = RunFolder(tmp_path)
    run.create()
    nobody = f"{socket.gethostname()}-{2**22 + 1}-7"
    lost = [
        tmp_path / f".step-0000032.partial-{nobody}",
        run.snapshots / f".best.safetensors.partial-{nobody}",
    ]
    at_work = tmp_path / f".step-0000033.partial-{socket.gethostname()}-1-7"
    lost[0].mkdir()
    (lost[0] / "model.safetensors").write_bytes(b"half")
    lost[1].write_bytes(b"half")
    at_work.mkdir()
    assert run.resume() is None
    assert not any(each.exists() for each in lost)
    assert at_work.exists()


@pytest.mark.parametrize("name", ["history.jsonl", ".process", "snapshots/best.safetensors"])
def test_a_run_folder_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    """A stranger's: what the training writes would replace other files."""
    outside = tmp_path / "outside"
    outside.write_text("mine")
    run = RunFolder(tmp_path / "run")
    run.create()
    (run.folder / name).symlink_to(outside)
    with pytest.raises(OutputError, match=f"{name} is a link that leads out of the run folder"):
        RunFolder(run.folder).create()
    assert outside.read_text() == "mine"


@pytest.mark.parametrize("name", ["../outside", "step-1/../../outside", "", "step-"])
def test_the_newest_state_is_one_of_the_folder(tmp_path: Path, name: str) -> None:
    run = RunFolder(tmp_path / "run")
    run.create()
    (run.folder / "latest").write_text(name)
    with pytest.raises(ValueError, match="latest must name a state, as step-0000100"):
        run.resume()
