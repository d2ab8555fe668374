"""`ablate`: change heads, layers or positions, and measure the effect on a sentence or a text."""

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from core.analysis.ablation import Ablation
from core.cli.opening import open_checkpoint
from core.cli.task_options import TaskOptions
from core.cli.texts import read_usable
from core.config import SearchConfig
from core.system.files import prepare_file, write_json, write_whole
from core.text.pieces import one_line

if TYPE_CHECKING:
    from core.analysis.ablation.head_means import HeadMeans
    from core.analysis.effects.corpus_results import CorpusEffects
    from core.analysis.effects.sentence import SentenceEffect
    from core.analysis.effects.sweeps import Sweep
    from core.analysis.result_cache import DiskCache
    from core.checkpoint.folder import Checkpoint
    from core.config import ModelConfig

Swept = Literal["heads", "layers", "sublayers", "pairs"]


@dataclass(frozen=True, kw_only=True)
class Ablate:
    """Change heads, layers or positions, and measure the effect on a sentence or a parallel text.

    An ablation is one line such as cross.L3H5=0,enc.L2.ffn=skip. It can switch a head off (=0),
    scale its output (=0.5), replace its output by its mean over a text (=mean) or make its weights
    uniform (=uniform). It can make one query attend to one key (cross.L2H1.row7=k3), skip a
    sub-layer (enc.L2.ffn=skip) or a layer (dec.L4=skip), or change the positions (pos=off,
    pos=shift:3, pos=scale:0.5). Layers and heads count from 1.
    """

    text: tyro.conf.Positional[str | None] = None
    """A sentence to translate; without one, give --source and --reference."""
    checkpoint: Path
    """A checkpoint folder, such as checkpoints/en-de."""
    ablation: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """What to change. Repeat the option to try several changes, each on its own."""
    sweep: Swept | None = None
    """Switch off, one at a time, every head, layer, sub-layer or pair of heads."""
    source: Path | None = None
    """Text to translate, one sentence a line."""
    reference: Path | None = None
    """Its reference translation, line by line."""
    output: Path | None = None
    """A file for the result as JSON. The Ablate page shows a sweep of heads over a text if this
    file is sweep.json in the checkpoint's folder."""
    json: bool = False
    """Print JSON."""
    cache: bool = True
    """Store what a sweep measures in the user's cache folder; a repeated sweep continues."""
    device: str = "auto"
    search: SearchConfig = field(default_factory=SearchConfig)
    tasks: TaskOptions = field(default_factory=TaskOptions)

    def execute(self, arguments: Sequence[str]) -> None:
        from core.analysis.ablation.head_means import read_means
        from core.analysis.result_cache import DiskCache

        self._check()
        if self.output:
            prepare_file(self.output)
        ablations = [Ablation.parse(text) for text in self.ablation]
        checkpoint = open_checkpoint(self.checkpoint, self.device)
        ablations += _swept(self.sweep, checkpoint.config) if self.sweep else []
        needs_means = any(ablation.needs_means for ablation in ablations)
        means = read_means(checkpoint) if needs_means else None
        store = DiskCache(checkpoint.model) if self.cache else None
        if self.text is None:
            result, lines = self._of_text(checkpoint, ablations, means, store)
        else:
            result, lines = self._of_sentence(checkpoint, ablations, means, store)
        text = json.dumps(result, ensure_ascii=False) if self.json else "\n".join(lines)
        print(text, flush=True)
        if self.output:
            write_whole(self.output, write_json(result))

    def _check(self) -> None:
        if (self.text is None) == (self.source is None) or bool(self.source) != bool(
            self.reference
        ):
            raise ValueError("name either a sentence, or both --source FILE and --reference FILE")
        if not self.ablation and not self.sweep:
            raise ValueError("say what to change with --ablation TEXT, or what to --sweep")
        if any(not Ablation.parse(text).parts for text in self.ablation):
            raise ValueError(
                'an empty --ablation changes nothing; name a part such as --ablation "cross.L3H5=0", '
                "or leave it out"
            )
        if self.sweep == "pairs" and self.text is None:
            raise ValueError("pairs of heads are swept on one sentence; give it instead of files")

    def _of_sentence(
        self,
        checkpoint: "Checkpoint",
        ablations: Sequence[Ablation],
        means: "HeadMeans | None",
        store: "DiskCache | None",
    ) -> tuple[dict[str, Any], list[str]]:
        from core.analysis.effects.sentence import sentence_effects
        from core.analysis.effects.sweeps import sweep
        from core.translator import Translator

        trace = Translator(checkpoint).trace(self.text or "", self.search)
        head = {"source": trace.source.text, "translation": trace.target.text}
        if self.sweep:
            swept = sweep(
                checkpoint.model,
                trace,
                ablations,
                means=means,
                store=store,
                progress=progress_at_a_terminal,
            )
            return {**head, **swept.to_json()}, [one_line(trace.target.text), *_sweep_lines(swept)]
        effects = sentence_effects(checkpoint.model, checkpoint.vocabulary, trace, ablations, means)
        result = {**head, "effects": [effect.to_json() for effect in effects]}
        return result, [one_line(trace.target.text), *map(_effect_line, effects)]

    def _of_text(
        self,
        checkpoint: "Checkpoint",
        ablations: Sequence[Ablation],
        means: "HeadMeans | None",
        store: "DiskCache | None",
    ) -> tuple[dict[str, Any], list[str]]:
        from core.analysis.effects.corpus import corpus_effects

        assert self.source
        assert self.reference
        used = read_usable(checkpoint, self.source, self.reference)
        started_s = time.perf_counter()
        with self.tasks.executor() as executor:
            effects = corpus_effects(
                checkpoint,
                used.pairs,
                ablations,
                search=self.search,
                means=means,
                store=store,
                progress=progress_at_a_terminal,
                executor=executor,
            )
        elapsed_s = round(time.perf_counter() - started_s, 1)
        more = {"pairs_left_out": used.n_left_out, "elapsed_s": elapsed_s}
        return {**effects.to_json(), **more}, _text_lines(effects)


def _swept(what: Swept, config: "ModelConfig") -> list[Ablation]:
    from core.analysis.effects import sweeps

    return {
        "heads": sweeps.every_head,
        "layers": sweeps.every_layer,
        "sublayers": sweeps.every_sublayer,
        "pairs": sweeps.every_pair_of_heads,
    }[what](config)


def progress_at_a_terminal(n_done: int, n: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{n_done} of {n}", end="\n" if n_done == n else "", file=sys.stderr, flush=True)


def _effect_line(effect: "SentenceEffect") -> str:
    marks = {"same": "{}", "removed": "[-{}-]", "added": "{{+{}+}}"}
    words = " ".join(marks[run.change].format(run.text) for run in effect.diff)
    return (
        f"{words}\n    {effect.ablation}: log-probability of the original {effect.delta_nats:+.3f}, "
        f"KL {effect.kl_nats:.4f} nats a step"
    )


def _sweep_lines(swept: "Sweep") -> list[str]:
    order = swept.delta_nats.argsort()
    return [
        "change of its log-probability without, and KL a step, in nats",
        *(
            f"{swept.delta_nats[i]:+9.3f}  {swept.kl_nats[i]:8.4f}  {swept.ablations[i]}"
            for i in order
        ),
        f"{swept.n_layers_run:,} layers evaluated of {swept.n_layers_naive:,} "
        f"({swept.cost_ratio:.2f}) in {swept.elapsed_s:.2f} s",
    ]


def _text_lines(effects: "CorpusEffects") -> list[str]:
    from core.system.text_tables import aligned

    def cell(value: float, interval: Sequence[float], sign: str) -> str:
        low, high = interval
        return f"{value:{sign}.2f} [{low:{sign}.2f}, {high:{sign}.2f}]"

    names = list(effects.scores)
    rows = [("", *names)]
    rows.append(
        ("as it is", *(cell(effects.scores[n], effects.intervals_95[n], "") for n in names))
    )
    for effect in sorted(effects.effects, key=lambda e: e.differences["bleu"].value):
        differences = (effect.differences[name] for name in names)
        rows.append(
            (str(effect.ablation), *(cell(d.value, d.interval_95, "+") for d in differences))
        )
    return [aligned(rows)]
