"""Every analysis of a text, as several workers share it: a small model, a text of many small batches."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from core.analysis.ablation import Ablation
from core.analysis.ablation.head_means import head_means
from core.analysis.alignment.measure import HeadChoice, measure_alignment, text_links
from core.analysis.contributions.text_shares import source_shares
from core.analysis.effects.corpus import corpus_effects
from core.analysis.effects.pruning import head_importance
from core.analysis.head_place import HeadPlace
from core.analysis.learning.measure import Aligner, learning
from core.analysis.lens.text_scores import lens_scores
from core.analysis.over_text.measure import measure_text
from core.analysis.over_text.sentences import Sentence, as_csv
from core.analysis.roles.examples import example_sentences
from core.analysis.roles.measure import RoleText, measure_roles
from core.checkpoint.folder import Checkpoint
from core.config import SearchConfig
from core.evaluation.measure import measure
from core.system.executor import HereExecutor, WorkExecutor
from core.text.toy_grammar import sentence_pairs
from core.text.vocabulary import encode_pairs

PAIRS = list(sentence_pairs(9))
SOURCES, TARGETS = ([pair[side] for pair in PAIRS] for side in (0, 1))
GREEDY = SearchConfig(method="greedy", n_candidates=0, max_extra_pieces=3)
_EVERY = example_sentences()
OWN = RoleText("own", _EVERY.pairs[:5], _EVERY.trees[:5], _EVERY.gold[:5])
"""Annotated with trees and links."""
CHOICE = HeadChoice(("norms", "consumed"), 1, 2)


@contextmanager
def small_batches() -> Iterator[None]:
    """A text of a few sentences is many tasks, and enough for every measure."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.text.batches.TOKENS_AT_ONCE", 40)
        patch.setattr("core.decoding.search.PIECES_AT_ONCE", 40)
        patch.setattr("core.analysis.lens.text_scores.SENTENCES_AT_ONCE", 4)
        patch.setattr("core.analysis.over_text.measure.AT_ONCE", 4)
        patch.setattr("core.analysis.roles.measure.LEAST_CHANCES", 3)
        yield


def _roles(checkpoint: Checkpoint, executor: WorkExecutor | None) -> str:
    found = measure_roles(
        checkpoint, OWN, treebank=OWN, aligned=OWN, examples=OWN, executor=executor
    )
    return json.dumps(found.to_json())


def _means(checkpoint: Checkpoint, executor: WorkExecutor | None) -> str:
    found = head_means(checkpoint, PAIRS, executor=executor)
    return str({kind: outputs.tobytes() for kind, outputs in found.outputs.items()})


def _importance(checkpoint: Checkpoint, executor: WorkExecutor | None) -> str:
    ids = encode_pairs(checkpoint.vocabulary, PAIRS)
    found = head_importance(checkpoint, *ids, executor=executor)
    return str({kind: of_kind.tobytes() for kind, of_kind in found.items()})


def _contributions(checkpoint: Checkpoint, executor: WorkExecutor | None) -> str:
    found = source_shares(
        checkpoint, PAIRS, text="toy", snapshots={1: checkpoint}, executor=executor
    )
    return repr(found)


def _lens(checkpoint: Checkpoint, executor: WorkExecutor | None) -> str:
    return repr(lens_scores(checkpoint, PAIRS, GREEDY, text="toy", executor=executor))


def _align(checkpoint: Checkpoint, executor: WorkExecutor | None) -> str:
    sources, targets = zip(*OWN.pairs, strict=True)
    found = measure_alignment(checkpoint, sources, targets, OWN.gold, executor=executor)
    links = text_links(checkpoint, SOURCES, TARGETS, CHOICE, executor=executor)
    rates = [
        [np.asarray(of.values).tobytes() for of in each.values()]
        for each in (found.agreements, found.error_rates or {})
    ]
    return str((rates, links))


def _learning(checkpoint: Checkpoint, executor: WorkExecutor | None) -> str:
    aligner = Aligner(checkpoint, HeadPlace("cross", 0, 1), "produced", "itself")
    moments = {1: lambda: checkpoint, 2: lambda: checkpoint}
    found = learning(
        moments, PAIRS, TARGETS, aligner, text="toy", language_text="toy", executor=executor
    )
    return repr(found)


def _text(checkpoint: Checkpoint, executor: WorkExecutor | None) -> str:
    sentences = [Sentence(*pair) for pair in PAIRS]
    sentences.insert(5, Sentence("   "))
    found = measure_text(checkpoint, sentences, GREEDY, executor=executor)
    return as_csv([one for some in found for one in some])


def _evaluate(checkpoint: Checkpoint, executor: WorkExecutor | None) -> str:
    found = measure(checkpoint, PAIRS, GREEDY, executor=executor)
    del found.result["decoding_tokens_per_s"]
    rows = {name: rows.tobytes() for name, rows in found.statistics.items()}
    return str((found.translations, found.result, rows))


def _ablate(checkpoint: Checkpoint, executor: WorkExecutor | None) -> str:
    """A task is the whole text under one ablation, with batches of its own."""
    ablations = [Ablation.parse(text) for text in ("cross.L1H2=0", "dec.L1H2=mean")]
    means = head_means(checkpoint, PAIRS, executor=executor)
    found = corpus_effects(
        checkpoint, PAIRS, ablations, search=GREEDY, means=means, executor=executor
    )
    return json.dumps(found.to_json())


Analysis = Callable[[Checkpoint, WorkExecutor | None], str]
IN_BATCHES: dict[str, Analysis] = {
    "roles": _roles,
    "means": _means,
    "importance": _importance,
    "contributions": _contributions,
    "lens": _lens,
    "align": _align,
    "learning": _learning,
    "text": _text,
    "evaluate": _evaluate,
}


def found_by(name: str, checkpoint: Checkpoint, executor: WorkExecutor | None) -> str:
    """All that an analysis finds, to the last bit."""
    if name == "ablate":
        return _ablate(checkpoint, executor)
    with small_batches():
        return IN_BATCHES[name](checkpoint, executor)


ANALYSES = (*IN_BATCHES, "ablate")


def refuse(*_: object, **__: object) -> None:
    raise AssertionError("a task runs in this process, beside the workers")


class Alone:
    """What one process finds, and whether workers find the same."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.checkpoint = checkpoint

    def agrees(self, name: str, executor: WorkExecutor) -> bool:
        """Bit by bit, and every task was the workers'."""
        alone = found_by(name, self.checkpoint, None)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(HereExecutor, "submit", refuse)
            return found_by(name, self.checkpoint, executor) == alone
