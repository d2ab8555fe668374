"""`train`, `average`, `corpus`: from two text files to a checkpoint."""

import dataclasses
import json
import os
import platform
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import tyro

from core.card import new_card, with_results
from core.config import ModelConfig, Positions, TrainConfig, write_json
from core.presets import model_config, preset
from core.recipes import Recipe, recipe_for

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from core.data import ParallelFiles, TokenisedCorpus
    from core.model import Transformer
    from core.runs import RunFolder
    from core.tokenizer import Tokenizer
    from core.training import Score, Workers

TYRO_CONFIG = (tyro.conf.OmitArgPrefixes,)

FACTS = "facts.json"
MAX_HELD_OUT = 1_000
FREE_TO_CHANGE = {
    "n_steps", "validate_every", "n_validation_translations", "patience", "save_every_s",
    "snapshot_every", "n_snapshots", "keep_steps",
}  # fmt: skip
"""Settings a resumed run may change: they decide how long and how often, not what is computed."""


@dataclass(frozen=True, kw_only=True)
class ModelChoice:
    """The model's shape; what is left out follows from the preset, or from the size of the corpus."""

    preset: str | None = None
    """A row of the paper's Table 3: base, A-h1 .. E-learned, big (`info --presets` lists them)."""
    width: str = "1"
    """With a preset: factor on d_model, d_ff, d_k and d_v, such as 1/4."""
    depth: str = "1"
    """With a preset: factor on the number of layers, such as 1/2."""
    n_encoder_layers: int | None = None
    n_decoder_layers: int | None = None
    d_model: int | None = None
    d_ff: int | None = None
    n_heads: int | None = None
    d_k: int | None = None
    d_v: int | None = None
    p_dropout: float | None = None
    positions: Positions | None = None

    def config(self, recipe: Recipe, vocabulary_size: int) -> ModelConfig:
        scaled = {"preset", "width", "depth"}
        changes = {
            name: value
            for name, value in dataclasses.asdict(self).items()
            if name not in scaled and value is not None
        }
        if self.preset:
            return model_config(
                self.preset,
                vocabulary_size=vocabulary_size,
                width=self.width,
                depth=self.depth,
                **changes,
            )
        config = recipe.model(vocabulary_size)
        if "d_k" not in changes and {"d_model", "n_heads"} & set(changes):
            d_model = changes.get("d_model", config.d_model)
            n_heads = changes.get("n_heads", config.n_heads)
            if d_model % n_heads:
                raise ValueError(
                    f"d_model={d_model} does not split into n_heads={n_heads} equal heads; "
                    f"the remainder is {d_model % n_heads}; name --d-k and --d-v, or other sizes"
                )
            changes = {"d_k": d_model // n_heads, "d_v": d_model // n_heads} | changes
        return config.replace(**changes)


@dataclass(frozen=True, kw_only=True)
class Train:
    """Train a model on parallel text, from nothing to a checkpoint that translates.

    Two text files are enough: the vocabulary is learnt from them, and sizes and settings fit the
    size of the corpus unless given. Stopped or killed, the same command goes on where it was.
    Under `torchrun --nproc-per-node N -m core train ...` N processes train one model.
    """

    source: tuple[Path, ...]
    """Text in the source language, one sentence a line."""
    target: tuple[Path, ...]
    """Its translation, line by line."""
    output: Path
    """The checkpoint folder to write when the training ends."""
    validation_source: tuple[Path, ...] = ()
    """Held-out text for perplexity and BLEU while training; without it, the last pairs are held out."""
    validation_target: tuple[Path, ...] = ()
    run_folder: Path | None = None
    """Folder of the running state; runs/NAME-OF-OUTPUT without it."""
    vocabulary_size: int | None = None
    """Pieces in the joint vocabulary, learnt from both texts."""
    vocabulary: Path | None = None
    """A sentencepiece.model to use instead of learning one."""
    languages: tuple[str, str] | None = None
    """Names of source and target language, such as English German, for pages and cards."""
    about: Path | None = None
    """A Markdown file for the model card: data with licenses, terms of the weights, known failures."""
    half: bool = False
    """Store the final weights as float16."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    model: ModelChoice = field(default_factory=ModelChoice)
    training: TrainConfig = field(default_factory=TrainConfig)
    """Without a preset, settings that are not given fit the size of the corpus."""

    def execute(self, arguments: Sequence[str]) -> None:
        from core.device import choose_device, keep_freed_memory

        keep_freed_memory()
        from core.runs import RunFolder
        from core.training import workers

        with workers() as group:
            device = choose_device(self.device, group.local_rank)
            run = RunFolder(self.run_folder or Path("runs") / self.output.name)
            texts = _Texts.prepare(self, run, group)
            recipe = recipe_for(len(texts.corpus))
            settings = self._settings(recipe, texts, arguments)
            config = self.model.config(recipe, texts.tokenizer.vocabulary_size)
            if group.is_first:
                _agree_with_earlier(run, config, _with_precision(run, settings, device))
                _write_facts(run, self, texts, str(device), arguments)
            group.wait()
            settings = TrainConfig.from_json(_agreed(run)["training"])
            _train(_Job(run, texts, config, settings), group, str(device))
            if group.is_first:
                weights = _averaged(run, settings.n_snapshots)
                write_checkpoint(run, self.output, weights, half=self.half, about=self.about)
                print(f"{self.output}: try  python -m core translate --checkpoint {self.output}")

    def _settings(self, recipe: Recipe, texts: "_Texts", arguments: Sequence[str]) -> TrainConfig:
        """The settings given, over those that fit the preset or else the size of the corpus."""
        if self.model.preset:
            chosen = preset(self.model.preset)
            fitting = TrainConfig(label_smoothing=chosen.label_smoothing, n_steps=chosen.n_steps)
        else:
            n_target = int(texts.corpus.target_lengths.sum())
            fitting = recipe.training(n_target, self.training.seed)
        again = tyro.cli(
            Train,
            args=arguments,
            default=dataclasses.replace(self, training=fitting),
            config=TYRO_CONFIG,
        )
        return again.training


@dataclass(frozen=True, slots=True)
class _Texts:
    """What is trained and validated on."""

    tokenizer: "Tokenizer"
    corpus: "TokenisedCorpus"
    validation: Mapping[str, "TokenisedCorpus"]

    @classmethod
    def prepare(cls, command: Train, run: "RunFolder", group: "Workers") -> "_Texts":
        """Learn or read the vocabulary and tokenise; with several workers, the first one does."""
        from core.data import ParallelFiles, tokenise_once
        from core.decoding import MAX_SOURCE_PIECES

        files = ParallelFiles(command.source, command.target)
        held_out = [
            ParallelFiles((source,), (target,))
            for source, target in zip(
                command.validation_source, command.validation_target, strict=True
            )
        ]
        if group.is_first:
            run.create()
            _learn_vocabulary(command, files, run)
        group.wait()
        tokenizer = _vocabulary(run)

        def tokenised(text: ParallelFiles, max_pieces: int) -> "TokenisedCorpus":
            return tokenise_once(
                text,
                tokenizer,
                max_pieces=max_pieces,
                cache=run.folder.parent / "cache",
                n_threads=os.cpu_count() or 1,
            )

        if group.is_first:  # writes the cache that the others then open
            tokenised(files, command.training.max_pieces)
        group.wait()
        corpus = tokenised(files, command.training.max_pieces)
        if held_out:
            named = {text.sources[0].stem: tokenised(text, MAX_SOURCE_PIECES) for text in held_out}
            return cls(tokenizer, corpus, named)
        n_held_out = min(MAX_HELD_OUT, len(corpus) // 20)
        n_train = len(corpus) - n_held_out
        held_out_part = {"held-out": corpus.part(n_train, len(corpus))} if n_held_out else {}
        return cls(tokenizer, corpus.part(0, n_train), held_out_part)


@dataclass(frozen=True, slots=True)
class _Job:
    """One training: where, on what, what, and how."""

    run: "RunFolder"
    texts: _Texts
    config: ModelConfig
    settings: TrainConfig


def _learn_vocabulary(command: Train, files: "ParallelFiles", run: "RunFolder") -> None:
    from core.tokenizer import Tokenizer

    target = run.folder / "sentencepiece.model"
    if target.is_file():
        return
    if command.vocabulary:
        model = command.vocabulary.read_bytes()
        Tokenizer(model)
    else:
        n_pairs = sum(1 for _ in files.pairs())
        size = command.vocabulary_size or recipe_for(n_pairs).vocabulary_size
        model = Tokenizer.learn(files.lines(), size, n_threads=os.cpu_count() or 1).model
    partial = target.with_suffix(".partial")
    partial.write_bytes(model)
    partial.replace(target)


def _vocabulary(run: "RunFolder") -> "Tokenizer":
    from core.tokenizer import Tokenizer

    return Tokenizer((run.folder / "sentencepiece.model").read_bytes())


def _agreed(run: "RunFolder") -> dict[str, Any]:
    """What a run folder says is trained in it; empty before the first start."""
    file = run.folder / "config.json"
    return json.loads(file.read_text("utf-8")) if file.is_file() else {}


def _with_precision(run: "RunFolder", settings: TrainConfig, device: "torch.device") -> TrainConfig:
    """`auto` is decided once, by the first worker at the first start, and kept for the whole run."""
    from core.device import choose_dtype

    if settings.precision != "auto":
        return settings
    earlier = _agreed(run).get("training", {}).get("precision")
    chosen = str(choose_dtype("auto", device)).removeprefix("torch.")
    return settings.replace(precision=earlier or chosen)


def _agree_with_earlier(run: "RunFolder", config: ModelConfig, settings: TrainConfig) -> None:
    """Write what is trained into the run folder, or refuse to go on with something else.

    Raises:
        ValueError: if the folder holds a run of another model or other settings.
    """
    from core.checkpoint import write_whole

    wanted = {"model": config.to_json(), "training": settings.to_json()}
    earlier = _agreed(run)
    if earlier:
        different = [
            f"{name} was {earlier[part].get(name)!r}, is {value!r}"
            for part, values in wanted.items()
            for name, value in values.items()
            if earlier[part].get(name) != value and name not in FREE_TO_CHANGE
        ]
        if different:
            raise ValueError(
                f"{run.folder} holds a run with other settings ({'; '.join(different)}); "
                "repeat its command to go on with it, or name another --run-folder"
            )
    write_whole(run.folder / "config.json", write_json(wanted))


def _train(job: "_Job", group: "Workers", device: str) -> None:
    import torch

    from core.model import build
    from core.training import Trainer

    torch.manual_seed(job.settings.seed)
    model = build(job.config).to(device)
    Trainer(
        model=model,
        corpus=job.texts.corpus,
        validation=job.texts.validation,
        config=job.settings,
        run=job.run,
        group=group,
        score=_bleu_scorer(job.texts, job.settings.n_validation_translations),
    ).train()


def _bleu_scorer(texts: _Texts, n_sentences: int) -> "Score":
    """Greedy translations of the first validation sentences, scored by sacrebleu (cased, 13a)."""
    from core.config import SearchConfig
    from core.decoding import search
    from core.evaluation import translation_scores

    greedy = SearchConfig(method="greedy", n_candidates=0)

    def score(model: "Transformer") -> dict[str, float]:
        values = {}
        for name, corpus in texts.validation.items():
            n = min(n_sentences, len(corpus))
            if not n:
                continue
            pairs = [corpus.pair(i) for i in range(n)]
            found = search(model, [source[:-1].tolist() for source, _ in pairs], greedy)
            translations = [texts.tokenizer.decode(f.best.tokens) for f in found]
            references = [texts.tokenizer.decode(target[:-1].tolist()) for _, target in pairs]
            scores = translation_scores(translations, references, n_bootstrap=1)
            values[f"bleu_{name}"] = round(scores["bleu"].value, 2)
        return values

    return score


def _averaged(run: "RunFolder", n_snapshots: int) -> dict[str, "Tensor"]:
    """The mean of the newest snapshots (section 6.1)."""
    from core.checkpoint import average_weights

    return average_weights(run.step_snapshots()[-n_snapshots:])


def write_checkpoint(
    run: "RunFolder",
    output: Path,
    weights: Mapping[str, "Tensor"],
    *,
    half: bool,
    about: Path | None,
) -> None:
    """Turn weights of a run into a checkpoint folder, with its history and a first card."""
    from core.checkpoint import Checkpoint, model_with, read_history, save_checkpoint

    trained = _agreed(run)
    config = ModelConfig.from_json(trained["model"])
    settings = TrainConfig.from_json(trained["training"])
    metrics = json.loads((run.folder / FACTS).read_text("utf-8"))
    text = about.read_text("utf-8") if about else ""
    checkpoint = Checkpoint(
        model=model_with(config, weights),
        tokenizer=_vocabulary(run),
        training=settings,
        metrics=metrics,
        history=tuple(read_history(run.history_file)),
        card=with_results(new_card(output.name, config, settings, text), metrics),
    )
    save_checkpoint(checkpoint, output, half=half)


def _write_facts(
    run: "RunFolder", command: Train, texts: _Texts, device: str, arguments: Sequence[str]
) -> None:
    """What a checkpoint of this run will say of its making."""
    from core.checkpoint import write_whole

    facts = {
        "languages": command.languages,
        "command": shlex.join(["python", "-m", "core", "train", *arguments]),
        "hardware": hardware(device),
        "n_training_pairs": len(texts.corpus),
        "n_pairs_left_out": texts.corpus.n_left_out,
        "pieces_not_in_training": _unseen_pieces(texts),
    }
    write_whole(run.folder / FACTS, write_json(facts))


def hardware(device: str) -> str:
    """Device, processes and software, in one line."""
    import torch

    kind = torch.device(device).type
    name = torch.cuda.get_device_name(device) if kind == "cuda" else _cpu_name()
    n_processes = os.environ.get("WORLD_SIZE", "1")
    return (
        f"{name}; {n_processes} process(es) of {torch.get_num_threads()} thread(s); "
        f"torch {torch.__version__}"
    )


def _cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _unseen_pieces(texts: _Texts) -> dict[str, list[int]]:
    """Ids of pieces that no training sentence of that side holds."""
    import numpy as np

    sides = {"source": texts.corpus.source_ids, "target": texts.corpus.target_ids}
    size = texts.tokenizer.vocabulary_size
    return {
        side: np.flatnonzero(np.bincount(ids, minlength=size) == 0).tolist()
        for side, ids in sides.items()
    }


@dataclass(frozen=True, kw_only=True)
class Average:
    """Average weights into a new checkpoint: the last snapshots of a run, or several checkpoints.

    The paper averages its last 5 (base) or 20 (big) checkpoints (section 6.1).
    """

    output: Path
    """The checkpoint folder to write."""
    run_folder: Path | None = None
    """A running state below runs/; its newest snapshots are averaged."""
    last: int = 5
    """How many snapshots."""
    checkpoint: tuple[Path, ...] = ()
    """Instead of a run: checkpoint folders of one shape."""
    about: Path | None = None
    """A Markdown file for the model card."""
    half: bool = False
    """Store the weights as float16."""

    def execute(self, arguments: Sequence[str]) -> None:
        from core.checkpoint import (
            WEIGHTS,
            Checkpoint,
            average_weights,
            load_checkpoint,
            model_with,
            save_checkpoint,
        )
        from core.runs import RunFolder

        if bool(self.run_folder) == bool(self.checkpoint):
            raise ValueError("name either --run-folder or --checkpoint, to say what to average")
        if self.run_folder:
            run = RunFolder(self.run_folder)
            files = run.step_snapshots()[-self.last :]
            weights = _averaged(run, self.last)
            write_checkpoint(run, self.output, weights, half=self.half, about=self.about)
        else:
            files = [folder / WEIGHTS for folder in self.checkpoint]
            first = load_checkpoint(self.checkpoint[0])
            model = model_with(first.config, average_weights(files))
            card = new_card(self.output.name, first.config, first.training)
            averaged = Checkpoint(model, first.tokenizer, first.training, card=card)
            save_checkpoint(averaged, self.output, half=self.half)
        print(f"{self.output}: average of {', '.join(str(file) for file in files)}")


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """Write an English-German corpus from the project's own small grammar, to try things with."""

    output: Path
    """Folder for train.en, train.de, test.en and test.de."""
    n_pairs: int = 5_000
    n_test: int = 200
    seed: int = 1

    def execute(self, arguments: Sequence[str]) -> None:
        from core.corpus import sentence_pairs

        self.output.mkdir(parents=True, exist_ok=True)
        pairs = list(sentence_pairs(self.n_pairs + self.n_test, self.seed))
        for name, part in (("train", pairs[: self.n_pairs]), ("test", pairs[self.n_pairs :])):
            for side, language in enumerate(("en", "de")):
                lines = "".join(pair[side] + "\n" for pair in part)
                (self.output / f"{name}.{language}").write_text(lines, "utf-8")
        print(f"{self.output}: {self.n_pairs} training and {self.n_test} test pairs")
