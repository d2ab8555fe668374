"""What pages ought to show, computed apart from the app: with `core` alone, on a folder.

A folder is read once: a test that replaces one loads it by itself.
"""

import functools
from pathlib import Path

from core import load
from core.analysis.ablation import Ablation
from core.analysis.ablation.edits import ablating
from core.analysis.trace.trace import Trace
from core.config import SearchConfig
from core.translator import Translator
from tests.checkpoints import SENTENCE


@functools.cache
def loaded(folder: Path, step: int = 0) -> Translator:
    """The model of a folder; of its timeline, if a step is named."""
    return load(folder, step=step or None)


@functools.cache
def traced(
    folder: Path,
    ablation: str = "",
    prefix: tuple[int, ...] = (),
    *,
    text: str = SENTENCE,
    search: SearchConfig | None = None,
    step: int = 0,
) -> Trace:
    translator = loaded(folder, step)
    edits = [ablating(translator.checkpoint.model, [Ablation.parse(ablation)])] if ablation else []
    return translator.trace(text, search, prefix, edits)


def held(folder: Path, ablation: str = "", *, step: int = 0) -> Trace:
    """The first translation, forced under a change."""
    pieces = tuple(piece.id for piece in traced(folder).target.pieces)
    return traced(folder, ablation, pieces, step=step)
