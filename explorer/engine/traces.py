"""Traces of sentences, each computed once and cached, up to a total size in bytes."""

from collections.abc import Hashable, Sequence
from pathlib import Path

import streamlit as st

from core.analysis.ablation import Ablation
from core.analysis.trace.trace import Trace
from core.checkpoint.required import model_config_of
from core.config import KINDS, ModelConfig, n_layers
from explorer.choice.choice import Run
from explorer.engine.checkpoints import side_files
from explorer.engine.folder_version import FolderVersion, folder_version
from explorer.engine.heavy import at_its_turn
from explorer.engine.models import checkpoint, edits, load
from explorer.engine.result_cache import MemoryCache
from explorer.engine.work import searched

EXAMPLE = "example.npz"
MOST_EXAMPLE_BYTES = 50_000_000
"""Unpacked; the bundled one has a tenth of a million."""
MOST_TRACE_BYTES = 600_000_000
"""Memory for traces of all visitors together."""
FINISHED = 0
"""The snapshot at the end of a training, where others have the number of their step."""


def trace(folder: Path, run: Run, snapshot: int = FINISHED) -> Trace:
    """Translate and trace the run's sentence; the stored example is used if it is this run.

    Args:
        snapshot: the step of the training whose weights translate.

    Raises:
        ValueError: if the text cannot be translated (too long, empty, or no text), the link's
            prefix holds no pieces of this model, or the ablation names a part that the model, the
            sentence or its translation lacks.
    """
    if stored := _stored(folder, run, snapshot):
        return stored
    key = _key(folder, run, snapshot)
    return _traces().get(key, lambda: _traced(folder, run, snapshot), searched(run))


def _key(folder: Path, run: Run, snapshot: int) -> Hashable:
    return folder_version(folder), snapshot, run.replace(model=None)


Asked = tuple[Path, Run, int]
"""What `trace` takes."""


def several(asked: Sequence[Asked]) -> list[Trace]:
    """Traces that are shown together; those that are not known yet are one piece of work.

    Raises:
        ValueError: as `trace` does.
    """
    unknown = [one for one in asked if not (_stored(*one) or _traces().known(_key(*one)))]
    with at_its_turn(sum(searched(run) for _, run, _ in unknown)):
        return [trace(*one) for one in asked]


def _stored(folder: Path, run: Run, snapshot: int) -> Trace | None:
    """The stored example, if it is this run."""
    found = example(folder)
    is_it = (
        snapshot == FINISHED and found and run.replace(model=None) == Run(text=found.source.text)
    )
    return found if is_it else None


def example(folder: Path) -> Trace | None:
    """The sentence stored with the checkpoint, if there is one that can be used."""
    found = _example(folder_version(folder))
    return None if isinstance(found, str) else found


def notices(folder: Path) -> tuple[str, ...]:
    """A sentence for each file beside the model that cannot be used, whole or in part."""
    found = _example(folder_version(folder))
    return (*side_files(folder).notices, *([found] if isinstance(found, str) else []))


@st.cache_resource(max_entries=4, show_spinner=False)
def _example(folder_version: FolderVersion) -> Trace | str | None:
    """The trace, or what is wrong with the file."""
    folder = Path(folder_version[0])
    file = folder / EXAMPLE
    if not file.exists():
        return None
    try:
        trace = Trace.load(file, MOST_EXAMPLE_BYTES)
        _require_same_shape(trace, model_config_of(folder))
    except ValueError as error:
        return f"{error}; the sentence is translated anew"
    return trace


def _require_same_shape(trace: Trace, config: ModelConfig) -> None:
    for kind in KINDS:
        wanted, found = (n_layers(config, kind), config.n_heads), trace.weights[kind].shape[:2]
        if found != wanted:
            raise ValueError(
                f"{EXAMPLE} is of another model: {kind} layers and heads are {found}, not {wanted}"
            )


def continuation(folder: Path, tokens: tuple[int, ...], word: str) -> tuple[int, ...]:
    """These tokens, followed by the pieces of a word that the reader typed."""
    return (*tokens, *checkpoint(folder).vocabulary.target.encode(word))


def _traced(folder: Path, run: Run, snapshot: int) -> Trace:
    translator = load(folder, snapshot)
    vocabulary = translator.checkpoint.vocabulary.target
    prefix = run.prefix
    if any(id_ >= len(vocabulary.names) for id_ in prefix):
        raise ValueError(
            f"the link's prefix names piece {max(prefix)}, but this model has pieces up to "
            f"{len(vocabulary.names) - 1}"
        )
    if run.target.strip():
        prefix = (*vocabulary.encode(run.target), translator.checkpoint.config.end_id)
    _check_rows(folder, run, snapshot)
    changed = edits(translator.checkpoint, run)
    found = translator.trace(run.text, run.search, prefix, changed)
    for array in (*found.weights.values(), *found.value_norms.values()):
        array.setflags(write=False)  # one trace is shown to many visitors
    return found


def _check_rows(folder: Path, run: Run, snapshot: int) -> None:
    """Refuse an ablation of rows that the sentence, or its unchanged translation, does not have."""
    from core.analysis.effects.sentence import check_parts

    ablation = Ablation.parse(run.ablation)
    if ablation.names_rows:
        unchanged = trace(folder, run.replace(ablation=""), snapshot)
        check_parts(load(folder, snapshot).checkpoint.model, unchanged, [ablation])


@st.cache_resource(show_spinner=False)
def _traces() -> MemoryCache:
    return MemoryCache(MOST_TRACE_BYTES)
