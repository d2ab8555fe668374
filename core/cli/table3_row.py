"""`table3-row`: one row of Table 3, from nothing to its finished checkpoint folder."""

import dataclasses
import filecmp
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tyro

from core.card import new_card, with_results
from core.cli.evaluate import Measurement, measure
from core.cli.outcome import write_checkpoint
from core.cli.train import TYRO_CONFIG, Train
from core.config import ModelConfig, SearchConfig, TrainConfig, write_json
from core.jobs import alone, end_with_parent
from core.table3 import (
    LANGUAGES,
    METRICS,
    SENTENCES,
    TEXTS,
    TRAIN,
    TRAINING,
    VALIDATION,
    VOCABULARY_SIZE,
    Row,
    chosen_rows,
    is_finished,
)

if TYPE_CHECKING:
    from core.checkpoint import Checkpoint


@dataclass(frozen=True, kw_only=True)
class Family:
    """What all rows share; the defaults are those of the bundled table."""

    width: str = "1/4"
    """Factor on d_model, d_ff, d_k and d_v of every row; the number of heads stays the paper's."""
    depth: str = "1/2"
    """Factor on the number of layers."""
    data: Path = Path("data/en-de")
    """Folder with multi30k-train, multi30k-val and multi30k-test2016, each as .en and .de."""
    output: Path = Path("checkpoints/table3")
    """Folder for table.json and one checkpoint folder a row."""
    run_folder: Path | None = None
    """Folder of the running states; runs/NAME-OF-OUTPUT without it."""
    vocabulary_size: int = VOCABULARY_SIZE
    """Pieces in the vocabulary that all rows share."""
    training: TrainConfig = TRAINING
    """The settings of every row but for what makes the row; changed ones are for trying out."""

    @property
    def work(self) -> Path:
        return self.run_folder or Path("runs") / self.output.name

    @property
    def vocabulary(self) -> Path:
        return self.work / "sentencepiece.model"

    def text(self, name: str) -> tuple[Path, Path]:
        """Source and target file of a text."""
        english, german = (self.data / f"{name}.{language}" for language in LANGUAGES)
        return english, german

    def is_done(self, row: Row) -> bool:
        return is_finished(self.output / row.name)

    def arguments(self) -> list[str]:
        """The options that give this family again."""
        return [
            *("--width", self.width, "--depth", self.depth, "--data", str(self.data)),
            *("--output", str(self.output), "--run-folder", str(self.work)),
            *("--vocabulary-size", str(self.vocabulary_size)),
            *_options(self.training, TRAINING),
        ]

    def train_arguments(self, row: Row) -> list[str]:
        """What `python -m core train` is called with for a row."""
        (source, target), (validation_source, validation_target) = map(
            self.text, (TRAIN, VALIDATION)
        )
        folder = self.work / row.name
        return [
            *("--source", str(source), "--target", str(target)),
            *("--validation-source", str(validation_source)),
            *("--validation-target", str(validation_target)),
            *("--languages", "English", "German", "--vocabulary", str(self.vocabulary)),
            *("--preset", row.preset, "--width", self.width, "--depth", row.depth or self.depth),
            *("--run-folder", str(folder), "--output", str(folder / "final"), "--half"),
            *_options(row.settings(self.training), TrainConfig(), "n_steps", "label_smoothing"),
        ]


def _options(settings: TrainConfig, default: TrainConfig, *always: str) -> list[str]:
    """The options for every setting that differs from the default, and for some anyway."""
    words: list[str] = []
    for name, value in settings.to_json().items():
        if value != default.to_json()[name] or name in always:
            values = value if isinstance(value, list) else [value]
            words += [f"--{name.replace('_', '-')}", *map(str, values)]
    return words


@dataclass(frozen=True, kw_only=True)
class Table3Row(Family):
    """Train and measure one row, as `table3` does for each; given again, it goes on where it was."""

    row: str
    """The row's name, such as A-h1."""

    def execute(self, arguments: Sequence[str]) -> None:
        end_with_parent()
        for row in chosen_rows(self.row):
            with alone(self.work / row.name):
                if not self.is_done(row):
                    words = self.train_arguments(row)
                    tyro.cli(Train, args=words, config=TYRO_CONFIG).execute(words)
                    _finish(self, row)


def _finish(family: Family, row: Row) -> None:
    """Measure the best and the last weights, and write the row's folder whole."""
    from core.checkpoint import load_checkpoint
    from core.runs import RunFolder
    from core.weights import read_tensors

    run = RunFolder(family.work / row.name)
    best = read_tensors(run.snapshots / "best.safetensors")
    write_checkpoint(run, run.folder / "best", best, half=True, about=None)
    checkpoint = load_checkpoint(run.folder / "best")
    measured = _measure_texts(family, checkpoint)
    final = measured
    if not _same_weights(run.folder / "best", run.folder / "final"):
        final = _measure_texts(family, load_checkpoint(run.folder / "final"))
    metrics = {
        **checkpoint.metrics,
        "results": {text: m.result for text, m in measured.items()},
        "final": {"results": {text: m.result for text, m in final.items()}},
        "training": _training_facts(checkpoint.history),
    }
    _write_row(family, row, dataclasses.replace(checkpoint, metrics=metrics), measured)


def _same_weights(one: Path, other: Path) -> bool:
    from core.checkpoint import WEIGHTS

    return filecmp.cmp(one / WEIGHTS, other / WEIGHTS, shallow=False)


def _measure_texts(family: Family, checkpoint: "Checkpoint") -> dict[str, Measurement]:
    from core.data import read_pairs

    return {
        text: measure(checkpoint, list(read_pairs(*family.text(text))), SearchConfig())
        for text in TEXTS
    }


def _training_facts(history: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Length, speed, and the step whose weights are kept: the first of the lowest perplexity."""
    last = history[-1]
    validations = [line for line in history if line["kind"] == "validation"]
    return {
        "steps": last["step"],
        "best_step": min(validations, key=lambda line: line["perplexity"])["step"],
        "tokens_seen": last["tokens"],
        "tokens_per_s": round(last["tokens"] / max(last["elapsed_s"], 0.1), 1),
    }


def _write_row(
    family: Family,
    row: Row,
    checkpoint: "Checkpoint",
    measured: Mapping[str, Measurement],
) -> None:
    from core.atomic import writing_folder
    from core.checkpoint import CARD, VOCABULARY, WEIGHTS
    from core.significance import save_statistics

    assert checkpoint.training
    assert checkpoint.folder
    left_out = () if row.keeps_weights else (WEIGHTS, VOCABULARY)
    card = new_card(
        row.name, checkpoint.config, checkpoint.training, _about(family, row, checkpoint)
    )
    with writing_folder(family.output / row.name) as partial:
        shutil.copytree(checkpoint.folder, partial, dirs_exist_ok=True, ignore=lambda *_: left_out)
        (partial / METRICS).write_text(write_json(dict(checkpoint.metrics)), "utf-8")
        (partial / CARD).write_text(with_results(card, checkpoint.metrics), "utf-8")
        save_statistics(partial / SENTENCES, {text: m.statistics for text, m in measured.items()})


def _about(family: Family, row: Row, checkpoint: "Checkpoint") -> str:
    """What the card says in words."""
    assert checkpoint.training
    model, training, metrics = checkpoint.config, checkpoint.training, checkpoint.metrics
    facts = metrics["training"]
    return ABOUT.format(
        row=row.name,
        preset=row.preset,
        width=family.width,
        depth=row.depth or family.depth,
        sizes=_sizes(model, training),
        n_pairs=metrics["n_training_pairs"],
        n_left_out=metrics["n_pairs_left_out"],
        weights=f"those of step {facts['best_step']:,}, the best on {VALIDATION}, in half precision"
        if row.keeps_weights
        else "not kept; this training is here to say how much of a difference is seed",
        command=metrics["command"],
        seed=training.seed,
        hardware=metrics["hardware"],
        **facts,
    )


def _sizes(model: ModelConfig, training: TrainConfig) -> str:
    return (
        f"{model.n_encoder_layers} + {model.n_decoder_layers} layers, d_model {model.d_model}, "
        f"d_ff {model.d_ff}, {model.n_heads} heads, d_k {model.d_k}, d_v {model.d_v}, dropout "
        f"{model.p_dropout:g}, label smoothing {training.label_smoothing:g}, {model.positions} "
        "positions"
    )


ABOUT = """\
English to German, one row of the paper's Table 3 scaled to a small machine: the sizes of the row `{preset}` at width {width} and depth {depth}. Its true sizes: {sizes}.

## Data

{n_pairs:,} sentence pairs, the training part of Multi30k (Elliott et al. 2016, image captions; license: none stated, published for research); {n_left_out} pairs with an empty or over-long side were left out. Validation on multi30k-val. None of the text is part of this repository; weights, vocabulary and statistics were learnt from it.

## Terms of the weights

The weights are not under the code's license. As they are learnt from text published for research, use them for teaching and research, and name the source.

## How it was made

- Command: `{command}`
- Seed {seed}; {steps:,} steps, {tokens_seen:,} source and target tokens, {tokens_per_s:,.0f} tokens/s on {hardware}.
- Weights: {weights}. They are not averaged, as in the paper's Table 3.

## Known failures

- It knows image captions and hardly any other text: few words, simple sentences, no questions, no "I" and "you".
- Words it has seldom or never seen are replaced by others of the same kind, with high probability.
- It is made to be compared with its sister rows, not to translate well.
"""
