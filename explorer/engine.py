"""The only file that calls core: models loaded once, sentences traced once, shared by all visitors.

Importing this file does not import torch, so a stored example is on screen before the model is.
"""

import json
import os
import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import streamlit as st
from cachetools import LRUCache
from numpy.typing import NDArray

from core.ablation import Ablation
from core.ablation.pruning import Pruning, read_pruning
from core.attribution import decoder_rollout, encoder_rollout, norm_weighted
from core.config import ModelConfig
from core.manifest import (
    Listed,
    ListedHistory,
    list_checkpoints,
    list_histories,
    read_history,
    timeline_steps,
)
from core.manifest import model_config_of as model_config
from core.measures import MEASURES, Measure, RankedHead, ranked_heads
from core.presets import PRESETS
from core.presets import model_config as preset_config
from core.records import KINDS, Found, Kind, Trace
from core.table3 import TABLE, TRAINING, VOCABULARY_SIZE, Table, read_table, untrained
from core.tokenizer import Piece, PiecedText, normalise
from core.words import AlignedWord, DiffRun, Rows, aligned_words, word_diff
from explorer.state import Run, Values

if TYPE_CHECKING:
    from core.checkpoint import Checkpoint
    from core.effects import SentenceEffect, StepEffect
    from core.inspection import Check, HeadInternals
    from core.model import Edits, Transformer
    from core.translator import Translator

__all__ = [
    "KINDS", "MEASURES", "AlignedWord", "BestHead", "DiffRun", "Found", "Kind", "Listed",
    "ListedHistory", "Measure", "ModelConfig", "Path", "Piece", "PiecedText", "Pruning",
    "RankedHead", "Rows", "SentenceEffect", "StepEffect", "Trace", "aligned_words", "model_config",
    "normalise", "ranked_heads", "read_pruning", "timeline_steps", "word_diff",
]  # fmt: skip

CHECKPOINTS = "ATTENTION_EXPLORER_CHECKPOINTS"
"""Environment variable: another folder of checkpoints than the bundled one."""

RUNS = "ATTENTION_EXPLORER_RUNS"
"""Environment variable: another folder of running trainings than `runs`, where `train` puts them."""

PAPER_PIECES = 37_000
"""About so many pieces has the vocabulary of section 5.1."""
BUNDLED = Path(__file__).resolve().parents[1] / "checkpoints"
EXAMPLE = "example.npz"
FIRST = "en-de"
MOST_MODELS = 8
"""Models in memory: one and its timeline, or four and a few more; the oldest go first."""
MOST_TRACE_BYTES = 600_000_000
"""Memory for traces of all visitors together; the least recently seen go first."""


class NoCheckpointError(FileNotFoundError):
    """There is no checkpoint to show."""


Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class BestHead:
    """The cross-attention head to open first (from 1), and why."""

    layer: int
    head: int
    rows: Rows
    label: str
    reason: str


@dataclass(frozen=True, slots=True)
class Family:
    """The rows of Table 3, as the paper has them and as they are trained here."""

    paper: Table  # at full size; holds no measurement of ours
    paper_steps: dict[str, int]  # by row
    ours: Table
    folder: Path  # each row's checkpoint is in the folder of its name


def checkpoint_root() -> Path:
    return Path(os.environ.get(CHECKPOINTS, BUNDLED))


@st.cache_data(ttl=10, show_spinner=False)
def listed(root: Path) -> list[Listed]:
    """Every checkpoint folder below `root`, the usual one first; those that cannot load say why.

    Raises:
        NoCheckpointError: if none can; the message says where it looked and what to do.
    """
    found = sorted(list_checkpoints(root), key=lambda item: (item.name != FIRST, item.name))
    if not any(item.problem is None for item in found):
        reasons = "".join(f" {item.name}: {item.problem}." for item in found)
        raise NoCheckpointError(
            f"There is no checkpoint below {root}.{reasons} Train one with `python -m core train`, "
            f"or name another folder: `streamlit run explorer/app.py -- --checkpoints DIR`."
        )
    return found


@st.cache_data(ttl=10, show_spinner=False)
def histories(checkpoints: Path) -> list[ListedHistory]:
    """Every training whose reports can be drawn, finished or not: see `core.manifest`."""
    return list_histories(checkpoints, Path(os.environ.get(RUNS, "runs")))


def history(file: Path) -> list[dict[str, Any]]:
    """The reports so far; read again only if the file changed.

    Raises:
        ValueError: if the file is gone or broken; the message names it.
    """
    try:
        stat = file.stat()
    except OSError as error:
        raise ValueError(f"{file} cannot be read: {error}") from None
    return _history(file, stat.st_mtime_ns, stat.st_size)


@st.cache_data(max_entries=128, show_spinner=False)
def _history(file: Path, mtime_ns: int, size: int) -> list[dict[str, Any]]:
    return list(read_history(file))


def is_loaded(folder: Path) -> bool:
    """Whether this process has the model in memory already."""
    return str(folder) in _loaded()


def trace(folder: Path, run: Run, snapshot: int = 0) -> Trace:
    """The sentence, its translation and every head; from the stored example if it is that run.

    Args:
        snapshot: the step of the training whose weights translate; 0, the finished ones.

    Raises:
        ValueError: if the text cannot be translated (too long, empty, or no text), the link's
            prefix holds no pieces of this model, or the model has not what an ablation changes.
    """
    stored = example(folder)
    if not snapshot and stored and run.replace(model=None) == Run(text=stored.source.text):
        return stored
    key = (str(folder), snapshot, run.replace(model=None))
    return _kept(key, lambda: _traced(folder, run, snapshot))


@st.cache_resource(max_entries=4, show_spinner=False)
def example(folder: Path) -> Trace | None:
    """The sentence stored with the checkpoint, if there is one."""
    file = folder / EXAMPLE
    return Trace.load(file) if file.is_file() else None


def paper_base() -> ModelConfig:
    """The base model of Table 3, with the 37,000 pieces of section 5.1."""
    return preset_config("base", vocabulary_size=PAPER_PIECES)


@st.cache_data(ttl=10, show_spinner=False)
def family(root: Path) -> Family:
    """Table 3 as the first table.json below `root` has it; without one, before any training.

    Raises:
        ValueError: if the file is no such table; the message names it.
    """
    file = next(iter(sorted(root.glob(f"**/{TABLE}"))), root / "table3" / TABLE)
    ours = read_table(file) if file.is_file() else _untrained("1/4", "1/2", VOCABULARY_SIZE)
    steps = {name: preset.n_steps for name, preset in PRESETS.items()}
    return Family(_untrained("1", "1", PAPER_PIECES), steps, ours, file.parent)


def _untrained(width: str, depth: str, vocabulary_size: int) -> Table:
    return untrained(width=width, depth=depth, vocabulary_size=vocabulary_size, training=TRAINING)


def load(folder: Path) -> None:
    """Load the model, so that the next sentence is quick."""
    _translator(str(folder))


def attention(shown: Trace, kind: Kind, values: Values) -> NDArray[np.floating[Any]]:
    """Every head's weights, or what is drawn in their place: N H q k; of a rollout, N 1 q k."""
    weights = shown.weights[kind]
    if values == "norms":
        return norm_weighted(weights, shown.value_norms[kind])
    if values == "rollout":
        return _rollout(shown, kind)[:, None]
    return weights


def _rollout(shown: Trace, kind: Kind) -> NDArray[np.float64]:
    """The columns of a rollout that belong to this kind: source pieces, or consumed tokens."""
    of_encoder = encoder_rollout(shown.weights["encoder"])
    if kind == "encoder":
        return of_encoder
    both = decoder_rollout(shown.weights["decoder"], shown.weights["cross"], of_encoder[-1])
    n_source = len(shown.source.pieces)
    return both[..., :n_source] if kind == "cross" else both[..., n_source:]


def self_check(folder: Path, run: Run, shown: Trace) -> tuple["Check", ...]:
    """Whether the picture is true: see `core.inspection.self_check`."""
    from core.inspection import self_check as check

    return _small((str(folder), run, "check"), lambda: _under(folder, run, check, shown))


def head_effects(folder: Path, run: Run, shown: Trace) -> dict[Kind, NDArray[np.float64]]:
    """Change of the translation's log-probability when one head is switched off, in nats: N H."""
    from core.sweeps import head_effects as effects

    return _small((str(folder), run, "effects"), lambda: _under(folder, run, effects, shown))


Progress = Callable[[int, int], None]
"""Told how many of how many are done; what it raises cancels."""


def leave_one_out(
    folder: Path, run: Run, shown: Trace, progress: Progress = lambda n_done, n: None
) -> dict[str, float]:
    """Change of a translation's log-probability, in nats, without each head, layer and sub-layer.

    Kept for later sessions too.

    Args:
        run: of the model as it is.

    Returns:
        place, as an ablation writes it (`cross.L1H6`, `enc.L2`, `dec.L1.ffn`) -> nats
    """
    from core.ablation.store import Store
    from core.sweeps import every_head, every_layer, every_sublayer, sweep

    def make() -> dict[str, float]:
        model = _translator(str(folder)).checkpoint.model
        kinds = (every_head, every_layer, every_sublayer)
        every = [ablation for of_kind in kinds for ablation in of_kind(model.config)]
        swept = sweep(model, shown, every, store=Store(model), progress=progress)
        places = [ablation.parts[0].place for ablation in swept.ablations]
        return dict(zip(places, swept.delta_nats.tolist(), strict=True))

    return _small((str(folder), run, "leave one out"), make)


def sentence_effects(
    folder: Path, run: Run, shown: Trace, ablations: tuple[Ablation, ...]
) -> list["SentenceEffect"]:
    """What each ablation does to a sentence, traced on the model as it is."""
    from core.effects import sentence_effects as effects

    def make() -> list["SentenceEffect"]:
        checkpoint = _translator(str(folder)).checkpoint
        return effects(checkpoint.model, checkpoint.tokenizer, shown, ablations)

    return _small((str(folder), run, ablations), make)


def step_effects(
    folder: Path, run: Run, shown: Trace, ablation: Ablation
) -> tuple["StepEffect", ...]:
    """What an ablation does to each step of a translation, traced on the model as it is."""
    from core.ablation.means import read_means
    from core.effects import step_effects as effects

    def make() -> tuple["StepEffect", ...]:
        checkpoint = _translator(str(folder)).checkpoint
        means = read_means(checkpoint) if ablation.needs_means else None
        return effects(checkpoint.model, checkpoint.tokenizer, shown, [ablation], means)[0]

    return _small((str(folder), run, ablation, "steps"), make)


def _under(
    folder: Path, run: Run, look: Callable[["Transformer", Trace], Made], shown: Trace
) -> Made:
    """What the model shows when it is looked at as it was for this run."""
    from core.model import probing

    checkpoint = _translator(str(folder)).checkpoint
    with probing(checkpoint.model, *_edits(checkpoint, run)):
        return look(checkpoint.model, shown)


def _edits(checkpoint: "Checkpoint", run: Run) -> list["Edits"]:
    """Raises ValueError if the checkpoint has not what the run's ablation needs."""
    from core.ablation.edits import ablating
    from core.ablation.means import read_means

    if not run.ablation:
        return []
    ablation = Ablation.parse(run.ablation)
    means = read_means(checkpoint) if ablation.needs_means else None
    return [ablating(checkpoint.model, [ablation], means)]


def head_internals(
    folder: Path, run: Run, shown: Trace, kind: Kind, layer: int, head: int
) -> "HeadInternals":
    """All that one head (from 1) computed for the sentence on show."""
    from core.inspection import head_internals as internals

    def look(model: "Transformer", shown: Trace) -> "HeadInternals":
        return internals(model, shown, kind, layer - 1, head - 1)

    return _under(folder, run, look, shown)


def position_table(folder: Path) -> NDArray[np.float32]:
    """The table that the model adds to its embeddings, whole: max_positions d_model."""
    import torch

    model = _translator(str(folder)).checkpoint.model
    indices = torch.arange(model.config.max_positions, device=model.embedding.weight.device)
    return model.embedding.positions_for(indices).detach().float().cpu().numpy()


def sinusoid_table(n: int, d_model: int) -> NDArray[np.float32]:
    """What the paper would add instead of a learned table: n d_model; d_model must be even."""
    from core.model.embedding import sinusoids

    return sinusoids(n, d_model).numpy()


def continuation(folder: Path, tokens: tuple[int, ...], word: str) -> tuple[int, ...]:
    """Tokens, and then a word that the reader typed, in this model's pieces."""
    return (*tokens, *_translator(str(folder)).checkpoint.tokenizer.encode(word))


def best_head(folder: Path, shown: Trace) -> BestHead:
    """The head that aligns words best on gold alignments, measured once and stored; see `align`.

    A checkpoint without that measurement falls back to the head that covers this source best.
    """
    alignment = metrics(folder).get("alignment")
    if alignment:
        return BestHead(
            layer=alignment["layer"],
            head=alignment["head"],
            rows=alignment["rows"],
            label="best-aligned",
            reason=(
                f"aligns words best: error rate {alignment['alignment_error_rate']:.2f} on "
                f"{alignment['n_sentences']} hand-aligned sentence pairs"
            ),
        )
    return covering_head(shown)


def covering_head(shown: Trace) -> BestHead:
    """The cross-attention head whose rows together look at the most of this source."""
    words = shown.weights["cross"][..., :-1]  # all source columns but </s>
    coverage = words.max(-2).mean(-1)  # how much of each source token its best row got
    layer, head = divmod(int(coverage.argmax()), coverage.shape[1])
    return BestHead(
        layer + 1,
        head + 1,
        "produced",
        "covers most",
        "covers this source most completely (no alignment was measured for this checkpoint)",
    )


def languages(folder: Path) -> tuple[str, str]:
    """Names of source and target language, as far as the checkpoint says."""
    source, target = metrics(folder).get("languages") or ("Source", "Target")
    return source, target


@st.cache_data(max_entries=64, show_spinner=False)
def metrics(folder: Path) -> dict[str, Any]:
    """What was measured of a checkpoint."""
    file = folder / "metrics.json"
    return json.loads(file.read_text("utf-8")) if file.is_file() else {}


def _translator(folder: str, snapshot: int = 0) -> "Translator":
    translator = _opened(folder, snapshot)
    if not snapshot:
        _loaded().add(folder)
    return translator


@st.cache_resource(max_entries=MOST_MODELS, show_spinner=False)
def _opened(folder: str, snapshot: int) -> "Translator":
    import core

    return core.load(folder, step=snapshot or None)


@st.cache_resource(show_spinner=False)
def _loaded() -> set[str]:
    return set()


def _traced(folder: Path, run: Run, snapshot: int) -> Trace:
    translator = _translator(str(folder), snapshot)
    tokenizer = translator.checkpoint.tokenizer
    prefix = run.prefix
    if any(id_ >= tokenizer.vocabulary_size for id_ in prefix):
        raise ValueError(
            f"the link's prefix names piece {max(prefix)}, but this model has pieces up to "
            f"{tokenizer.vocabulary_size - 1}"
        )
    if run.target.strip():
        prefix = (*tokenizer.encode(run.target), translator.checkpoint.config.end_id)
    edits = _edits(translator.checkpoint, run)
    found = translator.trace(run.text, run.search, prefix, edits)
    for array in (*found.weights.values(), *found.value_norms.values()):
        array.setflags(write=False)  # one trace is shown to many visitors
    return found


def _kept(key: Hashable, make: Callable[[], Trace]) -> Trace:
    """The trace made for this key before, or a new one; at most `MOST_TRACE_BYTES` are kept."""
    cache, lock = _traces()
    with lock:
        if key in cache:
            return cache[key]  # type: ignore[no-any-return]
    made = make()
    with lock:
        if _n_bytes(made) <= cache.maxsize:
            cache[key] = made
    return made


def _small(key: Hashable, make: Callable[[], Made]) -> Made:
    """A small result made for this key before, or a new one."""
    cache, lock = _small_results()
    with lock:
        if key in cache:
            return cache[key]  # type: ignore[no-any-return]
    made = make()
    with lock:
        cache[key] = made
    return made


@st.cache_resource(show_spinner=False)
def _small_results() -> tuple[Any, threading.Lock]:
    return LRUCache(512), threading.Lock()


@st.cache_resource(show_spinner=False)
def _traces() -> tuple[Any, threading.Lock]:
    return LRUCache(MOST_TRACE_BYTES, getsizeof=_n_bytes), threading.Lock()


def _n_bytes(shown: Trace) -> int:
    return sum(weights.nbytes for weights in shown.weights.values())
