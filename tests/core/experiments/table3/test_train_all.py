"""The whole way at toy size: a queue is killed, goes on, and what it writes is what it says."""

import json
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import tyro

import core
from core.checkpoint.card import with_results
from core.checkpoint.folder import load_checkpoint
from core.checkpoint.listing import timeline_steps
from core.checkpoint.weights import read_tensors
from core.cli.train import TYRO_CONFIG, Train
from core.experiments.table3.family import Family
from core.experiments.table3.rows import TEST, VARIANTS
from core.experiments.table3.speeds import read_speeds
from core.experiments.table3.table import SCORES, TEXTS, read_table
from core.system.files import file_lock
from tests.core.experiments.table3.toy import SIZES, saved_step, write_texts
from tests.core.helpers import ENVIRONMENT, ROOT

pytestmark = pytest.mark.slow

N_STEPS = 120
ROWS = "C-N2,base,base-seed2"


def arguments(folder: Path, *more: str) -> list[str]:
    return [
        "--width", "1/16", "--depth", "1/2", "--data", str(folder), "--output", str(folder / "out"),
        "--run-folder", str(folder / "run"), "--vocabulary-size", "400", "--n-steps", str(N_STEPS),
        "--n-warmup-steps", "40", "--rate-scale", "1", "--validate-every", "10",
        "--n-validation-translations", "0", "--save-every-s", "0.2", "--rows", ROWS, "--jobs", "2",
        *more,
    ]  # fmt: skip


def start(*words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "core", *words], cwd=ROOT, env=ENVIRONMENT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def run(*words: str, fails: bool = False) -> str:
    """What the command prints; of one that fails, its error."""
    process = start(*words)
    out, error = process.communicate(timeout=300)
    assert bool(process.returncode) == fails, error[-3000:]
    return error if fails else out


class Trained:
    """A queue that was killed in the middle of base, and begun again with the same command."""

    def __init__(self, folder: Path) -> None:
        write_texts(folder)
        self.folder, self.output, self.base_run = folder, folder / "out", folder / "run" / "base"
        killed = start("table3", *arguments(folder))
        end_s = time.monotonic() + 120
        while saved_step(self.base_run) < 20:
            assert time.monotonic() < end_s
            time.sleep(0.02)
        killed.send_signal(signal.SIGKILL)
        killed.communicate()
        with file_lock(self.base_run):  # the row's process ends too
            self.killed_at = saved_step(self.base_run)
        log = self.base_run / "log.txt"
        size = log.stat().st_size
        self.out = run("table3", *arguments(folder))
        self.resumed_log = log.read_bytes()[size:].decode()


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return Trained(tmp_path_factory.mktemp("table3"))


def test_a_killed_queue_goes_on_row_by_row_and_within_a_row(trained: Trained) -> None:
    assert 20 <= trained.killed_at < N_STEPS
    first = re.search(rf"(\d+)/{N_STEPS}", trained.resumed_log)
    assert first
    assert int(first[1]) >= trained.killed_at
    assert "3 of 3 rows done, 0 running, 0 waiting" in trained.out
    again = run("table3", *arguments(trained.folder))
    assert "running" not in again  # nothing is left to do


def test_the_cards_command_makes_the_same_weights_without_a_kill(
    trained: Trained, tmp_path: Path
) -> None:
    words = shlex.split(load_checkpoint(trained.output / "base").metrics["command"])
    assert words[:4] == ["python", "-m", "core", "train"]
    for option in ("--run-folder", "--output"):
        words[words.index(option) + 1] = str(tmp_path / option)
    run(*words[3:])
    for name in ("best", f"step-{N_STEPS:07d}", "kept-0000040"):
        here, there = (
            read_tensors(folder / "snapshots" / f"{name}.safetensors")
            for folder in (trained.base_run, tmp_path / "--run-folder")
        )
        assert all(torch.equal(here[key], there[key]) for key in there), name


def test_a_finished_row_is_a_checkpoint_that_holds_its_best_weights(trained: Trained) -> None:
    for name, n_layers in (("base", 3), ("C-N2", 1)):
        folder = trained.output / name
        checkpoint = load_checkpoint(folder)
        assert (checkpoint.config.n_encoder_layers, checkpoint.config.d_model) == (n_layers, 32)
        assert core.load(folder).translate(["The old man sees a red house."])[0]
        assert read_tensors(folder / "model.safetensors")["embedding.weight"].dtype == torch.float16
        best = read_tensors(trained.folder / "run" / name / "snapshots" / "best.safetensors")
        for key, weight in checkpoint.model.state_dict().items():
            assert torch.equal(weight, best[key].half().float()), key
        curve = {
            line["step"]: line["perplexity"]
            for line in checkpoint.history
            if line["kind"] == "validation"
        }
        assert list(curve) == list(range(10, N_STEPS + 1, 10))
        assert (
            min(curve, key=lambda step: curve[step]) == checkpoint.metrics["training"]["best_step"]
        )
        assert set(checkpoint.metrics["final"]["results"]) == set(TEXTS)


def test_the_card_says_what_was_done(trained: Trained) -> None:
    for name in ("base", "C-N2", "base-seed2"):
        card = (trained.output / name / "card.md").read_text("utf-8")
        metrics = json.loads((trained.output / name / "metrics.json").read_text("utf-8"))
        assert with_results(card, metrics) == card
        for heading in (
            "Data",
            "Terms of the weights",
            "Known failures",
            "Results",
            "Configuration",
        ):
            assert f"\n## {heading}\n" in card
        assert metrics["command"] in card
        assert metrics["hardware"] in card
        assert "d_model 32, d_ff 128, 8 heads, d_k 4, d_v 4" in card
        assert f"Seed {2 if name == 'base-seed2' else 1}; {N_STEPS} steps" in card
        assert "{" not in card.split("## Results")[0]


def test_a_further_seed_leaves_metrics_and_no_weights(trained: Trained) -> None:
    names = sorted(path.name for path in (trained.output / "base-seed2").iterdir())
    assert names == ["card.md", "config.json", "history.jsonl", "metrics.json", "sentences.npz"]


def test_base_has_a_timeline_that_loads_step_by_step(trained: Trained) -> None:
    base = trained.output / "base"
    assert timeline_steps(base) == [1, 4, 13, 40]  # 120/3, /9, /27, and /81 and /243 round to 1
    early, late = (core.load(base, step=step).checkpoint.model for step in (1, 40))
    kept = read_tensors(trained.base_run / "snapshots" / "kept-0000040.safetensors")
    assert torch.equal(late.embedding.weight, kept["embedding.weight"].half().float())
    assert not torch.equal(early.embedding.weight, late.embedding.weight)
    assert timeline_steps(trained.output / "C-N2") == []


def test_all_rows_share_pieces_and_see_the_same_tokens(trained: Trained) -> None:
    vocabulary = (trained.folder / "run" / "sentencepiece.model").read_bytes()
    measured = {row.name: row.measured for row in read_table(trained.output / "table.json").rows}
    for name in ("base", "C-N2"):
        assert (trained.output / name / "sentencepiece.model").read_bytes() == vocabulary
    assert measured["base"].tokens_seen == measured["C-N2"].tokens_seen
    assert measured["base"].weights_sha256 != measured["C-N2"].weights_sha256
    assert measured["base-seed2"].weights_sha256 is None
    assert measured["big"] is None


@pytest.mark.parametrize("name", ["base", "C-N2"])
def test_evaluate_gives_the_tables_numbers(trained: Trained, name: str) -> None:
    table = read_table(trained.output / "table.json")
    scores = next(row.measured for row in table.rows if row.name == name).scores
    for text in TEXTS:
        english, german = (str(trained.folder / f"{text}.{language}") for language in ("en", "de"))
        result = json.loads(
            run("evaluate", "--checkpoint", str(trained.output / name), "--source", english,
                "--reference", german, "--json")
        )  # fmt: skip
        for score in SCORES:
            assert scores[text][score].value == result[score]
            assert list(scores[text][score].interval_95) == result["intervals_95"][score]


def test_the_report_shows_what_is_there(trained: Trained) -> None:
    out = run("table3", "--report", "--output", str(trained.output))
    assert "at width 1/16 and depth 1/2, 400 pieces: 3 of 24 rows trained" in out
    values = json.loads(
        run("table3", "--report", "--format", "json", "--output", str(trained.output))
    )
    assert values == json.loads((trained.output / "table.json").read_text("utf-8"))
    assert [row["name"] for row in values["rows"] if row["measured"]] == [
        "base", "C-N2", "base-seed2",
    ]  # fmt: skip


def test_speeds_are_measured_in_turn_and_go_into_the_table(trained: Trained) -> None:
    before = {name: load_checkpoint(trained.output / name) for name in ("base", "C-N2")}
    out = run("table3", *arguments(trained.folder), "--speeds")
    speeds = read_speeds(trained.output)
    assert speeds
    assert set(speeds.rows) == {"base", "C-N2"}
    assert speeds.n_sentences == SIZES[TEST]
    assert speeds.how in out
    table = read_table(trained.output / "table.json")
    assert table.speeds == speeds.how
    measured = {row.name: row.measured for row in table.rows if row.measured}
    for name, speed in speeds.rows.items():
        assert measured[name].training_tokens_per_s == speed.training_tokens_per_s > 0
        assert measured[name].decoding_tokens_per_s == speed.decoding_tokens_per_s > 0
        again = load_checkpoint(trained.output / name).model.state_dict()
        for key, weight in before[name].model.state_dict().items():
            assert torch.equal(weight, again[key])


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--n-steps", "130"), rf"n_steps was {N_STEPS}, is 130"),
        (("--width", "1/8"), "d_model was 32, is 64"),
        (("--validate-every", "20"), "validate_every was 10, is 20"),
    ],
)
def test_other_settings_are_refused(trained: Trained, more: list[str], message: str) -> None:
    error = run("table3", *arguments(trained.folder, *more), fails=True)
    assert message in error
    assert "name another --output" in error
    assert "Traceback" not in error


def test_with_the_run_folder_lost_finished_rows_stay_and_give_the_vocabulary(
    trained: Trained,
) -> None:
    """It is not learnt again, not even from another text."""
    elsewhere = trained.folder / "elsewhere"
    elsewhere.mkdir()
    write_texts(elsewhere, seed=4)
    folders = ("--run-folder", str(elsewhere), "--data", str(elsewhere))
    out = run("table3", *arguments(trained.folder, *folders))
    assert "running" not in out
    vocabulary = (trained.output / "base" / "sentencepiece.model").read_bytes()
    assert (elsewhere / "sentencepiece.model").read_bytes() == vocabulary


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--rows", "base,A-h3"), "there is no variant A-h3; the variants are base, A-h1, A-h4"),
        (("--data", "nowhere"), "nowhere/multi30k-train.en: no such file; --data names the folder"),
        (("--jobs", "0"), "jobs=0 must be at least 1"),
        (("--depth", "1/4"), "depth=1/4 makes n_encoder_layers=6 of base into 3/2"),
    ],
)
def test_a_mistake_ends_with_one_line(tmp_path: Path, more: list[str], message: str) -> None:
    write_texts(tmp_path)
    error = run("table3", *arguments(tmp_path, *more), fails=True)
    assert message in error
    assert len(error.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_a_row_that_fails_is_named_with_its_log(tmp_path: Path) -> None:
    write_texts(tmp_path)
    words = arguments(tmp_path, "--rate-scale", "1e30", "--n-warmup-steps", "1", "--rows", "C-N2")
    error = run("table3", *words, fails=True)
    assert f"1 variant(s) did not finish: their last lines, in {tmp_path}/run/C-N2/log.txt" in error
    assert "step 2: loss" in (tmp_path / "run" / "C-N2" / "log.txt").read_text()


@pytest.mark.parametrize("row", VARIANTS.values(), ids=lambda row: row.name)
def test_the_command_on_the_card_trains_what_the_row_is(row, tmp_path):
    """`train_arguments`, read by the command line, are the sizes and settings of the job."""
    family = Family(data=tmp_path, output=tmp_path / "table3", run_folder=tmp_path / "runs")
    words = family.train_arguments(row)
    command = tyro.cli(Train, args=words, config=TYRO_CONFIG)
    job = family.training_job(row)
    model, settings = job.choose(None)
    assert command.model.config(None, family.vocabulary_size) == model
    assert command._settings(None, None, words) == settings
    assert command._files() == (job.files, list(job.held_out))
    assert (command.output, command.vocabulary, command.half) == (
        job.output, job.vocabulary, job.half
    )  # fmt: skip
    assert family.command(row) == shlex.join(["python", "-m", "core", "train", *words])
