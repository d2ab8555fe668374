"""Train one variant of Table 3 and measure it, up to its finished checkpoint folder."""

import dataclasses
import filecmp
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.checkpoint.card import new_card, with_results
from core.config import ModelConfig, SearchConfig, TrainConfig
from core.evaluation.measure import Measurement, measure
from core.experiments.table3.family import Family
from core.experiments.table3.rows import METRICS, SENTENCES, VALIDATION, Variant
from core.experiments.table3.table import TEXTS
from core.system.files import file_lock, write_json
from core.training.finish import write_checkpoint
from core.training.train import train

if TYPE_CHECKING:
    from core.checkpoint.folder import Checkpoint


def train_row(family: Family, row: Variant, command: str) -> None:
    """Train and measure one variant, unless it is finished; an interrupted training is resumed.

    Args:
        command: what repeats the training, for its card.
    """
    with file_lock(family.work / row.name):
        if not family.is_done(row):
            train(dataclasses.replace(family.training_job(row), command=command))
            finish_row(family, row)


def finish_row(family: Family, row: Variant) -> None:
    """Measure the best and the last weights, and write the variant's complete folder."""
    from core.checkpoint.folder import load_checkpoint
    from core.checkpoint.weights import read_tensors
    from core.training.run_folder import RunFolder

    run = RunFolder(family.work / row.name)
    best = read_tensors(run.snapshots / "best.safetensors")
    write_checkpoint(run, run.folder / "best", best, half=True)
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
    from core.checkpoint.required import WEIGHTS

    return filecmp.cmp(one / WEIGHTS, other / WEIGHTS, shallow=False)


def _measure_texts(family: Family, checkpoint: "Checkpoint") -> dict[str, Measurement]:
    from core.text.parallel import read_pairs

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
    row: Variant,
    checkpoint: "Checkpoint",
    measured: Mapping[str, Measurement],
) -> None:
    from core.checkpoint.required import VOCABULARY, WEIGHTS
    from core.checkpoint.side_files import CARD
    from core.evaluation.bootstrap import save_statistics
    from core.system.files import writing_folder

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


def _about(family: Family, row: Variant, checkpoint: "Checkpoint") -> str:
    """The text of the model card."""
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
    n_fixed = model.n_fixed_heads
    fixed = (
        f", {n_fixed} heads of each encoder layer fixed to patterns of positions" if n_fixed else ""
    )
    return (
        f"{model.n_encoder_layers} + {model.n_decoder_layers} layers, d_model {model.d_model}, "
        f"d_ff {model.d_ff}, {model.n_heads} heads, d_k {model.d_k}, d_v {model.d_v}, dropout "
        f"{model.p_dropout:g}, label smoothing {training.label_smoothing:g}, {model.positions} "
        f"positions{fixed}"
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
