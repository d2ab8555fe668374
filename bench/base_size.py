"""How quickly a model of OPUS-MT's size answers: 6 + 6 layers, 8 heads, 58,101 pieces.

    python -m bench.base_size [--repeats 10] [--json FILE]

The model has only the size of OPUS-MT. Its weights are random, and its 24 positions end every
translation after 23 pieces.
"""

import json
import multiprocessing
import re
import resource
import statistics
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch
from playwright.sync_api import Page

import core
from bench.browser import await_drawn, measuring, options
from bench.explorer import Change, answers
from core.analysis.effects.sweeps import every_head, sweep
from core.checkpoint.folder import Checkpoint
from core.checkpoint.marian_export import export_marian
from core.config import ModelConfig
from core.model import build
from core.text.marian import (
    END,
    PAD,
    SOURCE_FILE,
    TABLE_FILE,
    TARGET_FILE,
    UNKNOWN,
    MarianVocabulary,
    table_bytes,
)
from core.text.vocabulary import JOINT_FILE

N_PIECES, N_POSITIONS = 58_101, 24
SENTENCE = "An old man sees a red house and a young woman wants to buy the {}"  # 15 words
PLACES = ("ball", "letter", "bicycle", "book", "table", "chair", "door", "picture")
TARGETS_S = {"sentence": 1.5, "another head": 0.3, "sweep of all heads": 20.0}


def write(folder: Path) -> None:
    """A Marian folder of that size."""
    bundled = core.load("en-de").checkpoint.vocabulary
    spm = bundled.files[JOINT_FILE]
    pieces = [name for name in bundled.target.names if name not in (END, UNKNOWN, PAD)]
    others = [f"piece{number}" for number in range(N_PIECES - len(pieces) - 3)]
    names = (END, UNKNOWN, *pieces, *others, PAD)
    config = ModelConfig(
        vocabulary_size=N_PIECES, positions="sinusoidal_halves", max_positions=N_POSITIONS,
        activation="silu", attention_bias=True, output_bias=True, layer_norm_epsilon=1e-5,
        pad_id=N_PIECES - 1, start_id=N_PIECES - 1, end_id=0, unknown_id=1, renormalises=True,
    )  # fmt: skip
    torch.manual_seed(1)
    model = build(config).eval()
    with torch.no_grad():
        model.embedding.weight[config.pad_id] = 0
        model.embedding.output_bias[config.end_id] = -20  # never before its last position
    table = table_bytes({name: number for number, name in enumerate(names)})
    files = {TABLE_FILE: table, **dict.fromkeys((SOURCE_FILE, TARGET_FILE), spm)}
    vocabulary = MarianVocabulary(files, start=config.start_id, pad=config.pad_id)
    export_marian(Checkpoint(model, vocabulary), folder, half=True)


def in_core(folder: Path, n: int) -> tuple[dict[str, list[float]], float]:
    """Seconds of loading, of tracing a sentence by a beam of 4, and of a sweep of all heads; and the
    most memory of this process, in MiB."""
    started_s = time.perf_counter()
    translator = core.load(folder)
    seconds = {"load": [time.perf_counter() - started_s], "trace": [], "sweep of all heads": []}
    for number in range(n):
        started_s = time.perf_counter()
        shown = translator.trace(SENTENCE.format(PLACES[number % len(PLACES)]))
        seconds["trace"].append(time.perf_counter() - started_s)
    model = translator.checkpoint.model
    started_s = time.perf_counter()
    found = sweep(model, shown, every_head(model.config))
    seconds["sweep of all heads"].append(time.perf_counter() - started_s)
    assert len(found.ablations) == 144
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _ask(page: Page, number: int) -> None:
    place = PLACES[number % len(PLACES)]
    page.get_by_label("Source sentence").fill(SENTENCE.format(place))
    page.get_by_role("button", name="Translate", exact=True).click()
    await_drawn(page.locator(".words .source .said").last.filter(has_text=place))
    await_drawn(page.get_by_role("heading", name=re.compile("layer")))


def _open_head(page: Page, number: int) -> None:
    head = 1 + number % 8
    page.get_by_role("button", name=f"Layer 2, head {head}", exact=True).click()
    await_drawn(page.get_by_role("heading", name=f"layer 2, head {head}"))


CHANGES: dict[str, Change] = {"sentence": ("heads", _ask), "another head": ("heads", _open_head)}


def main() -> None:
    chosen = options(__doc__, repeats=10)
    with tempfile.TemporaryDirectory() as name, measuring() as (browser, described):
        folder = Path(name) / "opus-mt"
        write(folder)
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as apart:
            seconds, memory_mib = apart.submit(in_core, folder, chosen.repeats).result()
        of_app = answers(browser, chosen.repeats, CHANGES, ("--", "--checkpoints", str(folder)))
        seconds |= {case: [ms / 1000 for ms in times] for case, times in of_app.items()}
    for case, times in seconds.items():
        target = f"  target {TARGETS_S[case]:g}" if case in TARGETS_S else ""
        median, low, high = statistics.median(times), min(times), max(times)
        print(f"{case:24} {median:7.2f} s  [{low:.2f}, {high:.2f}]{target}")
    print(f"{'memory of the process':24} {memory_mib:7,.0f} MiB at most")
    if chosen.json:
        result = {"machine": described, "seconds": seconds, "memory_mib": memory_mib}
        chosen.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
