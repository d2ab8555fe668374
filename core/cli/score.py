"""`score`: a translator learns to correct itself (SCoRe), and is measured beside every baseline."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import tyro

from core.cli.task_options import TaskOptions
from core.training.score.methods import METHODS
from core.training.score.report import Format

if TYPE_CHECKING:
    from core.text.parallel import ParallelFiles
    from core.training.score.plans import Plan
    from core.training.score.report import Row
    from core.training.score.results import Example
    from core.training.score.task import Task
    from core.training.score.train import Experiment

Stage = Literal["warm-up", "1", "2"]


@dataclass(frozen=True, kw_only=True)
class _Options:
    """What names an experiment: its task, its texts, its folder."""

    task: Literal["addition", "translation"] = "addition"
    """addition: four-digit sums that the command makes itself; translation: texts of your own."""
    output: Path | None = None
    """The experiment's folder; runs/score/TASK without it."""
    base: Path | None = None
    """translation: the checkpoint that the warm-up starts from; additions start from random weights."""
    warm_up_source: tuple[Path, ...] = ()
    """translation: text that second attempts are taught on; the base may have been trained on it."""
    warm_up_target: tuple[Path, ...] = ()
    """Its translation."""
    source: tuple[Path, ...] = ()
    """translation: prompts, which neither base nor warm-up has seen."""
    target: tuple[Path, ...] = ()
    """Their references, which rewards are measured against."""
    test_source: tuple[Path, ...] = ()
    """translation: texts to measure on."""
    test_target: tuple[Path, ...] = ()
    """Their translations."""
    reward: Literal["chrf", "bleu"] = "chrf"
    """translation: the reward that is trained on; the report prints either."""
    is_right: float = 0.7
    """translation: an attempt with at least this reward counts as right; choose it before training."""

    @property
    def folder(self) -> Path:
        return self.output or Path("runs/score") / self.task

    def texts(self) -> "Task":
        from core.text.parallel import ParallelFiles
        from core.training.score.task import Task, addition_task

        if self.task == "addition":
            self._require_no_texts()
            return addition_task(self.folder / "texts")
        missing = [
            name
            for name in ("base", "warm_up_source", "source", "test_source")
            if not getattr(self, name)
        ]
        if missing:
            options = ", ".join(f"--{name.replace('_', '-')}" for name in missing)
            raise ValueError(f"--task translation needs {options} as well")
        return Task(
            name="translation",
            reward=self.reward,
            is_right=self.is_right,
            warm_up=ParallelFiles(self.warm_up_source, self.warm_up_target),
            prompts=ParallelFiles(self.source, self.target),
            tests=self._tests(),
            max_extra_tokens=10,
        )

    def _tests(self) -> "dict[str, ParallelFiles]":
        from core.text.parallel import ParallelFiles

        ParallelFiles(self.test_source, self.test_target)  # as many of each
        names = [source.stem for source in self.test_source]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice:
            raise ValueError(
                f"two test texts are called {twice}; results are kept by name, so rename one"
            )
        return {
            name: ParallelFiles((source,), (target,))
            for name, source, target in zip(names, self.test_source, self.test_target, strict=True)
        }

    def _require_no_texts(self) -> None:
        """The command makes its own sums; texts and a base are for translation."""
        given = [
            name
            for name in (
                "base",
                "warm_up_source",
                "warm_up_target",
                "source",
                "target",
                "test_source",
                "test_target",
            )
            if getattr(self, name)
        ]
        if given:
            options = ", ".join(f"--{name.replace('_', '-')}" for name in given)
            raise ValueError(
                f"--task addition starts from random weights and makes its own texts, so it takes no {options}"
            )


@dataclass(frozen=True, kw_only=True)
class TrainScore(_Options):
    """Warm up once, then train methods from the same weights and record their attempts at the tests.

    Stopped or killed, the same command resumes where it stopped. A task trains one method with one
    seed; with --scheduler, --output and the texts lie on a disk that all workers share.
    """

    method: str = ""
    """Only these methods, such as base,score,star; all of them without it (`score methods` lists them)."""
    seeds: tuple[int, ...] = (1, 2, 3)
    """Each method is trained once with each; they decide batches and samples."""
    stage: Stage | None = None
    """Stop after the warm-up, or after this stage of each method."""
    n_warm_up_steps: int | None = None
    """Updates of the warm-up. Default: the task's own number; likewise below."""
    n_steps: int | None = None
    """Updates of each method, in all its stages."""
    tokens_per_update: int | None = None
    """Source tokens of the prompts in one update; each prompt is answered `n_samples` times."""
    n_samples: int = 4
    """Attempts that are sampled for each prompt in an update."""
    rate: float | None = None
    """Learning rate of the methods."""
    warm_up_rate: float | None = None
    """Learning rate of the warm-up."""
    tasks: TaskOptions = field(default_factory=TaskOptions)

    def execute(self, arguments: Sequence[str]) -> None:
        from core.system.files import prepare_folder
        from core.training.score.train_all import run_method, run_methods
        from core.training.workers import workers

        prepare_folder(self.folder)
        names = _methods(self.method)
        self.tasks.check()
        if min(self.seeds, default=-1) < 0:
            raise ValueError(f"seeds={self.seeds} must be whole numbers from 0, at least one")
        with workers() as group:
            experiment = self.experiment(group)
            self._warm_up(experiment)
            if self.stage == "warm-up":
                return
            runs = [
                (name, seed)
                for name in names
                for seed in (self.seeds if METHODS[name].stages else self.seeds[:1])
            ]
            last = int(self.stage) if self.stage else None
            if group.world_size > 1 or self.tasks == TaskOptions():
                for name, seed in runs:
                    run_method(experiment, name, seed, last)
            else:
                with self.tasks.executor(is_apart=True) as executor:
                    run_methods(experiment, runs, executor, last)
        if group.is_first:
            print(f"{self.folder}: see  python -m core score report --output {self.folder}")

    def experiment(self, group: object) -> "Experiment":
        from core.training.score.train import Experiment

        return Experiment(folder=self.folder, task=self.texts(), plan=self.plan(), group=group)  # type: ignore[arg-type]

    def plan(self) -> "Plan":
        from core.training.score.plans import PLANS

        return PLANS[self.task].changed(
            n_warm_up_steps=self.n_warm_up_steps,
            n_steps=self.n_steps,
            tokens_per_update=self.tokens_per_update,
            n_samples=self.n_samples,
            rate=self.rate,
            warm_up_rate=self.warm_up_rate,
        )

    def _warm_up(self, experiment: "Experiment") -> None:
        import torch

        from core.checkpoint.folder import load_checkpoint
        from core.model import build
        from core.text.vocabulary import JointVocabulary
        from core.training.score.task import ADDITION_MODEL

        if self.task == "translation":
            assert self.base
            checkpoint = load_checkpoint(self.base)
            if not isinstance(checkpoint.vocabulary, JointVocabulary):
                raise ValueError(f"{self.base} has two vocabularies; a draft needs a joint one")
            experiment.warm_up(checkpoint.model, checkpoint.vocabulary)
            return
        lines = (line for pair in experiment.task.warm_up.pairs() for line in pair)
        vocabulary = JointVocabulary.learn(lines, ADDITION_MODEL.vocabulary_size)
        torch.manual_seed(experiment.plan.warm_up.seed)
        experiment.warm_up(build(ADDITION_MODEL), vocabulary)


def _methods(names: str) -> list[str]:
    chosen = [name.strip() for name in names.split(",") if name.strip()] or list(METHODS)
    unknown = [name for name in chosen if name not in METHODS]
    if unknown:
        raise ValueError(f"no method {', '.join(unknown)}; there are {', '.join(METHODS)}")
    return chosen


@dataclass(frozen=True, kw_only=True)
class EvaluateScore:
    """Measure a checkpoint that takes drafts on a text: both attempts, and other drafts as controls."""

    checkpoint: Path
    source: Path
    """Text, one sentence a line."""
    reference: Path
    """Its translation, line by line."""
    reward: Literal["exact", "chrf", "bleu"] = "chrf"
    """What an attempt is judged by."""
    is_right: float = 0.7
    """An attempt with at least this reward counts as right; with exact, any number from above 0 to 1."""
    output: Path | None = None
    """Also write the attempts themselves to this JSON file."""
    format: Format = "text"

    def execute(self, arguments: Sequence[str]) -> None:
        from core.checkpoint.folder import load_checkpoint
        from core.system.files import prepare_file
        from core.text.parallel import read_pairs
        from core.training.score.attempts import attempt
        from core.training.score.report import report, rows

        if self.output:
            prepare_file(self.output)
        pairs = list(read_pairs(self.source, self.reference))
        if not pairs:
            raise ValueError(f"{self.source} is empty; give it some lines")
        checkpoint = load_checkpoint(self.checkpoint)
        made = attempt(checkpoint.model, checkpoint.vocabulary, pairs)
        name = self.checkpoint.as_posix()
        found = rows(
            {self.source.stem: {name: {1: made}}}, reward=self.reward, is_right=self.is_right
        )
        print(report(found, self.format))
        if self.output:
            made.save(self.output)


@dataclass(frozen=True, kw_only=True)
class ReportScore:
    """Print every method that has been measured, with intervals, beside the paper's numbers."""

    output: Path | None = None
    """An experiment's folder, or one that `bundle` wrote; the bundled ones without it."""
    reward: Literal["exact", "chrf", "bleu"] | None = None
    """What attempts are judged by; only with an experiment's folder. Default: what it was trained on."""
    is_right: float | None = None
    """An attempt with at least this reward counts as right; only with an experiment's folder."""
    format: Format = "text"

    def execute(self, arguments: Sequence[str]) -> None:
        from core.training.score.report import report

        print(report(self._rows(), self.format))

    def _rows(self) -> "list[Row]":
        from core.checkpoint.bundled import bundled_root
        from core.training.score.report import read_attempts, rows
        from core.training.score.results import RESULTS, read_results

        shown = [self.output] if self.output else sorted(bundled_root().glob("score/*"))
        if self.output is None or (self.output / RESULTS).is_file():
            self._require_no_judgement()
            return [row for folder in shown for row in read_results(folder).rows]
        judged = _judged(self.output, self.reward, self.is_right)
        return rows(read_attempts(self.output), reward=judged.reward, is_right=judged.is_right)

    def _require_no_judgement(self) -> None:
        """What is bundled are numbers; only attempts can be judged anew."""
        if self.reward or self.is_right is not None:
            raise ValueError(
                "--reward and --is-right judge attempts anew, and bundled results hold none; name the "
                "experiment's folder with --output"
            )


@dataclass(frozen=True, kw_only=True)
class BundleScore:
    """Write an experiment's numbers and chosen models into a folder that the Explorer shows.

    Nothing of the experiment's texts is written, only numbers and weights.
    """

    output: Path = Path("runs/score/addition")
    """The experiment's folder."""
    to: Path
    """The folder to write; one that is there is replaced."""
    models: str = "base,stage1,score"
    """Methods whose checkpoints are bundled, commas between them."""
    example_source: Path | None = None
    """Texts to begin with in the Explorer, one a line; additions make their own without it."""
    example_target: Path | None = None
    """Their references."""
    picked: bool = False
    """The examples were chosen by what the models make of them: the page says so."""
    languages: tuple[str, str] | None = None
    """Such as English German."""
    about: Path | None = None
    """Markdown for the model cards: the data with their licenses, known failures."""
    reward: Literal["exact", "chrf", "bleu"] | None = None
    """As for `report`."""
    is_right: float | None = None
    """As for `report`."""

    def execute(self, arguments: Sequence[str]) -> None:
        from core.training.score.bundle import Bundle

        judged = _judged(self.output, self.reward, self.is_right)
        is_addition = judged.task == "addition"
        bundle = Bundle(
            experiment=self.output,
            task=judged.task,
            reward=judged.reward,
            is_right=judged.is_right,
            models=_methods(self.models),
            examples=self._examples(is_addition),
            is_picked=self.picked,
            languages=self.languages
            or (("Sum", "Result") if is_addition else ("Source", "Target")),
            about=self.about.read_text("utf-8") if self.about else "",
        )
        bundle.write(self.to)
        print(f"{self.to}: {', '.join(bundle.models)}")

    def _examples(self, is_addition: bool) -> "list[Example]":
        from core.text.addition import addition_pairs
        from core.text.parallel import read_pairs
        from core.text.pieces import normalise
        from core.training.score.results import Example

        if (self.example_source is None) != (self.example_target is None):
            raise ValueError("--example-source and --example-target belong together; give both")
        if self.example_source and self.example_target:
            pairs = list(read_pairs(self.example_source, self.example_target))
            _require_full(pairs, self.example_source)
        else:
            pairs = list(addition_pairs(N_EXAMPLES, EXAMPLES_SEED)) if is_addition else []
        return [Example(normalise(source), normalise(reference)) for source, reference in pairs]


def _require_full(pairs: Sequence[tuple[str, str]], file: Path) -> None:
    for number, (source, reference) in enumerate(pairs, start=1):
        if not source.strip() or not reference.strip():
            raise ValueError(
                f"line {number} of {file} or of its references is empty; leave both out"
            )


N_EXAMPLES, EXAMPLES_SEED = 5, 2_017


class _Judged(NamedTuple):
    task: str
    reward: str
    is_right: float


def _judged(folder: Path, reward: str | None, is_right: float | None) -> _Judged:
    """What counts as right in an experiment, unless the command says something else."""
    from core.training.score.settings import read_settings

    begun = read_settings(folder)
    task = begun.task if begun else "addition" if (folder / "texts").is_dir() else "translation"
    trained_on = begun.reward if begun else "exact" if task == "addition" else "chrf"
    if is_right is None:
        same = begun and reward in (None, begun.reward)
        is_right = (
            begun.is_right if begun and same else 1.0 if (reward or trained_on) == "exact" else 0.7
        )
    return _Judged(task, reward or trained_on, is_right)


@dataclass(frozen=True, kw_only=True)
class ListMethods:
    """List the methods, each with a line on what it is."""

    def execute(self, arguments: Sequence[str]) -> None:
        width = max(map(len, METHODS))
        for name, method in METHODS.items():
            print(f"{name:{width}}  {method.about}")


Action = (
    Annotated[TrainScore, tyro.conf.subcommand("train")]
    | Annotated[EvaluateScore, tyro.conf.subcommand("evaluate")]
    | Annotated[ReportScore, tyro.conf.subcommand("report")]
    | Annotated[BundleScore, tyro.conf.subcommand("bundle")]
    | Annotated[ListMethods, tyro.conf.subcommand("methods")]
)


@dataclass(frozen=True, kw_only=True)
class Score:
    """Self-correction by reinforcement learning (SCoRe, arXiv 2409.12917): train, measure, compare."""

    action: tyro.conf.OmitSubcommandPrefixes[Action]

    def execute(self, arguments: Sequence[str]) -> None:
        self.action.execute(arguments)
