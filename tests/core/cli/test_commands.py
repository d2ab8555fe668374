"""The command line, as a newcomer types it: every command in a process of its own."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core import load
from core.analysis.trace.trace import Trace
from core.checkpoint.folder import load_checkpoint
from core.checkpoint.listing import timeline_steps
from core.cli import main
from core.cli.ablate import Ablate
from core.cli.translate import Translate
from core.model.costs import training_operations
from tests.checkpoints import SENTENCE, write_checkpoint

COMMANDS = (
    "train", "translate", "trace", "evaluate", "align", "average", "info", "corpus",
    "table3", "ablate", "means", "prune", "roles", "contributions", "lens", "why",
    "why-there", "patch", "gates", "text", "learning", "claims",
)  # fmt: skip


def run(
    *arguments: str | Path, text: str | None = None, fails: bool = False
) -> subprocess.CompletedProcess[str]:
    result = subprocess.run(
        [sys.executable, "-m", "core", *map(str, arguments)],
        input=text, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (result.returncode != 0) == fails, result.stderr[-3000:]
    return result


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "tiny"
    write_checkpoint(folder)
    return folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus, a run of 30 steps and the checkpoint it wrote."""
    folder = tmp_path_factory.mktemp("trained")
    run("corpus", "--output", folder, "--n-pairs", "300", "--n-test", "20")
    run(*train(folder, "30", "--keep-steps", "3", "9"))
    return folder


def train(folder: Path, n_steps: str, *more: str) -> list[str | Path]:
    return [
        "train", "--source", folder / "train.en", "--target", folder / "train.de",
        "--output", folder / "model", "--run-folder", folder / "runs" / "model",
        "--vocabulary-size", "400", "--n-encoder-layers", "1", "--n-decoder-layers", "2",
        "--d-model", "24", "--d-ff", "32", "--n-heads", "3", "--n-steps", n_steps,
        "--n-warmup-steps", "10", "--snapshot-every", "10", "--validate-every", "15", *more,
    ]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_help_needs_no_torch(command: str) -> None:
    check = (
        "import sys, core.cli\n"
        f"try: core.cli.main([{command!r}, '--help'])\n"
        "except SystemExit as end: assert not end.code\n"
        "assert 'torch' not in sys.modules"
    )
    result = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, check=True
    )
    assert "usage" in result.stdout


@pytest.mark.slow
def test_costs_are_those_of_the_formulas(checkpoint: Path) -> None:
    (row,) = json.loads(
        run("info", "--checkpoint", checkpoint, "--costs", "--json", "--n-source", "9").stdout
    )
    config = load(checkpoint).checkpoint.config
    assert row["G_operations_trained"] == round(training_operations(config, 9, 25) / 1e9, 3)
    assert row["MB_weights"] == round(config.n_parameters * 4 / 1e6, 1)
    table = run("info", "--presets", "--costs").stdout
    assert len(table.splitlines()) == 21
    assert "G operations beam 4" in table


@pytest.mark.slow
def test_lines_come_out_in_their_order(checkpoint: Path) -> None:
    lines = [SENTENCE, "", "The cat finds a small red ball in the evening.", "A dog.", "  "]
    out = run("translate", "--checkpoint", checkpoint, text="\n".join(lines) + "\n").stdout
    translated = out.split("\n")[:-1]
    assert len(translated) == len(lines)
    assert translated[1] == translated[4] == ""
    for line, translation in zip(lines, translated, strict=True):
        if line.strip():
            assert load(checkpoint).translate([line]) == [translation]


def test_an_empty_line_stays_empty_as_json_too(
    checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = ("A dog.", "", "The cat.", "  ")
    Translate(checkpoint=checkpoint, texts=lines, json=True, device="cpu").execute([])
    values = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [value["source"] for value in values] == list(lines)
    translations = load(checkpoint).translate(lines)
    assert [value["translation"] for value in values] == translations
    for value in values:
        is_empty = not value["source"].strip()
        assert (value["steps"] == []) == is_empty
        assert (value["log_probability_nats"] is None) == (value["score"] is None) == is_empty
    assert values[0].keys() == values[1].keys()


@pytest.mark.slow
def test_json_holds_steps_and_candidates(checkpoint: Path) -> None:
    result = run("translate", "--checkpoint", checkpoint, "--json", "--beam-size", "3", SENTENCE)
    value = json.loads(result.stdout)
    assert value["source"] == SENTENCE
    assert value["steps"][-1]["piece"] == "</s>"
    assert len(value["steps"][0]["candidates"]) == 5
    assert len(value["alternatives"]) <= 2


@pytest.mark.parametrize("command", [["info"], ["info", "--json"], ["translate", SENTENCE]])
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("metrics.json", b"{"), ("metrics.json", b'{"results": []}'),
        ("metrics.json", b'{"results": {"a": null}}'), ("metrics.json", b"[" * 100_000),
        ("metrics.json", b'{"pieces_not_in_training": null}'), ("card.md", b"\xff\xfe"),
        ("history.jsonl", b"{\n{}\n"),
    ],
)  # fmt: skip
def test_what_is_bad_beside_a_model_is_noted_and_costs_nothing_else(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    command: list[str], name: str, content: bytes,
) -> None:  # fmt: skip
    folder = tmp_path / "tiny"
    shutil.copytree(checkpoint, folder)
    main([*command, "--checkpoint", str(folder)])
    whole = capsys.readouterr()
    (folder / name).write_bytes(content)
    main([*command, "--checkpoint", str(folder)])
    damaged = capsys.readouterr()
    assert damaged.out == whole.out != ""
    assert whole.err == ""
    (note,) = damaged.err.splitlines()
    assert note.startswith("note: ")
    assert name in note


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["npz", "json"])
def test_trace_writes_every_head(checkpoint: Path, tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"trace.{ending}"
    run("trace", "--checkpoint", checkpoint, SENTENCE, "--output", file)
    if ending == "npz":
        weights = Trace.load(file).weights
    else:
        weights = json.loads(file.read_text("utf-8"))["weights"]
    n_source = np.shape(weights["encoder"])[-1]
    n_steps = np.shape(weights["decoder"])[-1]
    assert np.shape(weights["encoder"]) == (2, 5, n_source, n_source)
    assert np.shape(weights["decoder"]) == (3, 5, n_steps, n_steps)
    assert np.shape(weights["cross"]) == (3, 5, n_steps, n_source)


def test_presets_print_the_papers_parameters() -> None:
    rows = json.loads(run("info", "--presets", "--json").stdout)
    assert len(rows) == 20
    by_name = {row["row"]: row for row in rows}
    assert by_name["big"]["paper_parameters_millions"] == 213
    assert by_name["base"]["parameters_millions"] == 63.05
    assert "C-ff4096" in run("info", "--presets", "--width", "1/4", "--depth", "1/2").stdout


@pytest.mark.slow
def test_two_text_files_become_a_checkpoint(trained: Path) -> None:
    model = load_checkpoint(trained / "model")
    assert (model.config.d_k, model.config.n_encoder_layers) == (8, 1)
    assert timeline_steps(trained / "model") == [3, 9]
    validations = [line for line in model.history if line["kind"] == "validation"]
    assert [line["step"] for line in validations] == [15, 30]
    for line in validations:
        assert line["perplexity_held-out"] == line["perplexity"] > 1
        assert 0 <= line["bleu_held-out"] <= 100
    assert "30" in model.metrics["command"]
    unseen = model.metrics["pieces_not_in_training"]
    assert {0, 2} <= set(unseen["source"]) & set(unseen["target"])  # <pad>, <s>
    assert 3 not in unseen["source"]  # </s>
    assert model.training
    assert model.training.precision in {"float32", "bfloat16"}  # auto, decided
    begun = json.loads((trained / "runs" / "model" / "config.json").read_text("utf-8"))
    assert begun["training"] == model.training.to_json()
    assert "Not described yet" in model.card


@pytest.mark.slow
def test_evaluate_ends_with_one_json_object_and_keeps_it(trained: Path) -> None:
    model = trained / "model"
    texts = ["--source", trained / "test.en", "--reference", trained / "test.de"]
    out = run("evaluate", "--checkpoint", model, *texts, "--record", "grammar").stdout
    result = json.loads(out.splitlines()[-1])
    assert {"bleu", "bleu_lc", "chrf", "perplexity", "sentences", "seconds"} <= set(result)
    assert result["sentences"] == 20
    low, high = result["intervals_95"]["perplexity"]
    assert 1 < low < result["perplexity"] < high
    assert result["decoding_tokens_per_s"] > 0
    assert "case:lc" in result["signatures"]["bleu_lc"]
    assert load_checkpoint(model).metrics["results"]["grammar"] == result
    assert f"| grammar | 20 | {result['bleu']:.1f} [" in (model / "card.md").read_text("utf-8")
    only_json = run("evaluate", "--checkpoint", model, *texts, "--json").stdout
    assert json.loads(only_json)["bleu"] == result["bleu"]


@pytest.mark.slow
def test_training_to_the_same_end_again_leaves_what_is_kept_with_the_checkpoint(
    trained: Path,
) -> None:
    model = trained / "model"
    card = (model / "card.md").read_text("utf-8")
    (model / "card.md").write_text(card.replace("Not described yet", "Described by hand"), "utf-8")
    (model / "means.npz").write_bytes(b"measured")
    before = {file.name: file.read_bytes() for file in model.iterdir() if file.is_file()}
    out = run(*train(trained, "30", "--keep-steps", "3", "9")).stdout
    assert f"{model} holds these weights already, and is left as it is\n" in out
    assert {file.name: file.read_bytes() for file in model.iterdir() if file.is_file()} == before
    (model / "card.md").write_text(card, "utf-8")
    (model / "means.npz").unlink()


@pytest.mark.slow
def test_average_of_a_run_and_of_checkpoints(trained: Path, tmp_path: Path) -> None:
    run(
        "average",
        "--run-folder",
        trained / "runs" / "model",
        "--last",
        "1",
        "--output",
        tmp_path / "last",
    )
    run(
        "average",
        "--checkpoint",
        trained / "model",
        tmp_path / "last",
        "--output",
        tmp_path / "mean",
        "--half",
    )
    name = "embedding.weight"
    a, b, mean = (
        load_checkpoint(folder).model.state_dict()[name]
        for folder in (trained / "model", tmp_path / "last", tmp_path / "mean")
    )
    assert not a.equal(b)
    assert (mean - (a + b) / 2).abs().max() < 1e-3


@pytest.mark.slow
def test_other_settings_are_refused_for_the_same_run(trained: Path) -> None:
    result = run(*train(trained, "30", "--rate-scale", "0.123"), fails=True)
    assert "rate_scale was" in result.stderr
    assert "--run-folder" in result.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--source", "test.en", "--target", "test.de"], "the text of --source and --target is"),
        (["--validation-source", "test.en", "--validation-target", "test.de"],
         "the text of --validation-source and --validation-target is another"),
        (["--vocabulary-size", "390"], "has 400 pieces, but --vocabulary-size asks for 390"),
        (["--n-steps", "20", "--keep-steps", "3", "9"], "is already at step 30"),
    ],
)  # fmt: skip
def test_other_texts_are_refused_for_the_same_run(
    trained: Path, more: list[str], message: str
) -> None:
    more = [str(trained / word) if word.startswith("test") else word for word in more]
    before = (trained / "runs" / "model" / "config.json").read_bytes()
    result = run(*train(trained, "30", *more), fails=True)
    assert message in result.stderr
    assert "name another --run-folder" in result.stderr
    assert "Traceback" not in result.stderr
    assert (trained / "runs" / "model" / "config.json").read_bytes() == before


@pytest.mark.slow
def test_align_keeps_the_best_head(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "a.en").write_text("The man sees a house .\n")
    (tmp_path / "a.de").write_text("Der Mann sieht ein Haus .\n")
    (tmp_path / "gold").write_text("1-1 2-2 3-3 4-4 5-5 6p6\n")
    run(
        "align", "--checkpoint", trained / "model", "--source", tmp_path / "a.en",
        "--target", tmp_path / "a.de", "--gold", tmp_path / "gold", "--name", "one sentence",
    )  # fmt: skip
    alignment = load_checkpoint(trained / "model").metrics["alignment"]
    rates = np.array(alignment["error_rates"][alignment["rows"]])
    assert rates.shape == (2, 3)
    assert rates[alignment["layer"] - 1, alignment["head"] - 1] == rates.min()
    assert "one sentence" in (trained / "model" / "card.md").read_text("utf-8")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["translate", "--checkpoint", "nowhere", "x"], "nowhere is not a folder"),
        (["info", "--presets", "--costs", "--n-source", "0"], "n_source=0 and n_target=25 must be"),
        (["info"], "name either --checkpoint DIR or --presets"),
        (["info", "--presets", "--width", "1/7"], "not a whole number"),
        (["info", "--presets", "--width", "1/0"], "width='1/0' is not a fraction"),
        (["train", "--source", "none.en", "--target", "none.de", "--output", "x", "--run-folder", "r"],
         "none.en: No such file"),
        (["train", "--source", "a.en", "--target", "a.de", "--validation-source", "b.en", "--output", "x",
          "--run-folder", "r"], "1 file(s) after --validation-source and 0 after --validation-target; "),
    ],
)  # fmt: skip
def test_a_mistake_ends_with_one_line(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = Path.cwd()
    monkeypatch.setenv("PYTHONPATH", str(root))
    monkeypatch.chdir(tmp_path)
    result = run(*arguments, fails=True)
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert result.returncode == 2
    assert len(result.stderr.strip().splitlines()) == 1


@pytest.mark.slow
def test_a_preset_at_no_width_ends_with_one_line(trained: Path, tmp_path: Path) -> None:
    result = run(
        "train", "--source", trained / "train.en", "--target", trained / "train.de", "--output",
        tmp_path / "model", "--run-folder", tmp_path / "run", "--vocabulary-size", "400",
        "--preset", "base", "--width", "1/0", fails=True,
    )  # fmt: skip
    assert (
        result.stderr
        == "python -m core train: error: width='1/0' is not a fraction; write 1/4 or 0.25\n"
    )


@pytest.mark.slow
def test_a_diverged_training_ends_with_one_line(trained: Path, tmp_path: Path) -> None:
    command = train(trained, "30", "--rate-scale", "1e30", "--n-warmup-steps", "1")
    command[command.index("--run-folder") + 1] = tmp_path / "run"
    command[command.index("--output") + 1] = tmp_path / "model"
    result = run(*command, fails=True)
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("python -m core train: error: step 2: loss ")
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "model").exists()


@pytest.mark.slow
def test_a_reader_who_leaves_early_is_no_error(checkpoint: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "core", "translate", "--checkpoint", str(checkpoint)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    process.stdout.close()
    process.stdin.write(SENTENCE + "\n")
    process.stdin.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait() == 1


@pytest.mark.slow
@pytest.mark.parametrize("json_", [False, True])
def test_one_line_in_is_one_line_out_whatever_it_holds(checkpoint: Path, json_: bool) -> None:
    """A byte order mark is no text; a line that cannot be translated is empty, and named in the end."""
    lines = [
        b"\xef\xbb\xbfThe old man sees a red house.\r", b"Caf\xe9", "\0 \u3000".encode(),
        b"dog " * 700, b"The old man sees a red house.",
    ]  # fmt: skip
    command = [sys.executable, "-m", "core", "translate", "--checkpoint", str(checkpoint)]
    for strict in (False, True):
        done = subprocess.run(
            [*command, *["--json"] * json_, *["--strict"] * strict],
            input=b"\n".join(lines) + b"\n", capture_output=True, check=False,
        )  # fmt: skip
        out, error = done.stdout.decode().splitlines(), done.stderr.decode()
        assert done.returncode == 2
        assert "standard input, line 2: not UTF-8 (byte 0xE9)" in error
        assert len(error.strip().splitlines()) == 1
        if strict:
            assert out == []
            continue
        assert re.search(r"; line 4: the source has \d+ pieces, but at most 512", error)
        translations = [json.loads(line)["translation"] for line in out] if json_ else out
        assert len(translations) == len(lines)
        assert translations[1:4] == ["", "", ""]
        assert translations[0] == translations[4] != ""


def test_ctrl_c_ends_a_command_with_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def interrupted(*given: object) -> None:
        raise KeyboardInterrupt

    for command, again in (
        (Translate, ""),
        (Ablate, "; the same command goes on from what is saved"),
    ):
        monkeypatch.setattr(command, "execute", interrupted)
        name = command.__name__.lower()
        with pytest.raises(SystemExit, match="130"):
            main([name, "--checkpoint", str(tmp_path), "A sentence."])
        assert capsys.readouterr().err == f"\npython -m core {name}: stopped{again}\n"
