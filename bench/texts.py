"""What work over a text costs: sentences, heads switched off, and processes that share the work.

A sweep translates and scores the text once unchanged and once without each head. Starting the
processes and sending them the model is part of their time. The sentences are of the project's own
grammar, the model is the bundled one.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from functools import cache

import torch

from bench.comparison import Report, Say
from bench.workers import Act, Worker, in_turn
from core.analysis.effects.corpus import statistics_of_all
from core.analysis.effects.sweeps import every_head
from core.analysis.over_text.measure import measure_text
from core.analysis.over_text.sentences import Sentence, as_csv
from core.checkpoint.bundled import FIRST, bundled_root
from core.checkpoint.folder import Checkpoint, load_checkpoint
from core.config import SearchConfig
from core.system.executor import work_executor
from core.text.toy_grammar import sentence_pairs

PART = "work over texts"
SWEEPS = ((50, 4), (100, 4), (50, 8))
"""Sentences, and heads switched off."""
TEXTS = (100, 200)
JOBS = {"one process": 1, "two processes": 2}
ONE, TWO = JOBS


@cache
def _model() -> Checkpoint:
    torch.set_num_threads(1)
    return load_checkpoint(bundled_root() / FIRST)


def _acting(n_jobs: int, n_sentences: int, n_heads: int) -> Act:
    """A sweep of heads, spread over the model; without heads, a table of the sentences."""
    checkpoint = _model()
    pairs = list(sentence_pairs(n_sentences, seed=5))

    def sweep() -> list[float]:
        heads = every_head(checkpoint.config)
        spread = heads[:: len(heads) // n_heads][:n_heads]
        with work_executor(n_jobs) as executor:
            found = statistics_of_all(checkpoint, pairs, spread, SearchConfig(), executor=executor)
        return [float(each["perplexity"].sum()) for each in found]

    def text() -> str:
        with work_executor(n_jobs) as executor:
            given = [Sentence(*pair) for pair in pairs]
            parts = measure_text(checkpoint, given, executor=executor)
            return as_csv([one for some in parts for one in some])

    return sweep if n_heads else text


def _one(n_sentences: int, n_heads: int) -> Act:
    return _acting(JOBS[ONE], n_sentences, n_heads)


def _two(n_sentences: int, n_heads: int) -> Act:
    return _acting(JOBS[TWO], n_sentences, n_heads)


MAKERS = {ONE: _one, TWO: _two}


def measure(
    report: Report, say: Say, *, sizes: Sequence[str], n_rounds: int, enough_s: float
) -> None:
    """Rows for each size of a sweep and of a text; of a toy run, the smallest alone."""
    cases = [*SWEEPS, *((n, 0) for n in TEXTS)]
    if "toy" in sizes:
        cases = [(10, 2)]
    with ExitStack() as stack:
        workers = {name: stack.enter_context(Worker(__name__, name)) for name in MAKERS}
        for n_sentences, n_heads in cases:
            what = f"without each of {n_heads} heads" if n_heads else "measured as a table"
            case = f"{n_sentences} sentences, {what}"
            say(f"{PART}: {case}")
            size = {"n_sentences": n_sentences, "n_heads": n_heads}
            found = {name: each.make(**size) for name, each in workers.items()}
            if found[ONE] != found[TWO]:
                report.remarks.append(f"{PART}, {case}: other results, so it is not timed")
                continue
            rounds = in_turn(workers, n_rounds=n_rounds, enough_s=enough_s)
            report.compare(PART, case, rounds, TWO, {ONE: None})
