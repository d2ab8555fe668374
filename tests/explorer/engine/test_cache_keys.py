"""What is kept is kept under all that it depends on: vary each, and see another result.

Each result is asked for twice with one thing changed between; what the second ought to be is
computed with `core` alone.
"""

import ast
import inspect
import shutil
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import streamlit as st

import core
from core.analysis.ablation import Ablation
from core.analysis.ablation.edits import ablating
from core.analysis.ablation.head_means import head_means
from core.analysis.contributions.results import CONTRIBUTIONS
from core.analysis.head_place import HeadPlace
from core.analysis.over_text.sentences import Measured, Sentence
from core.analysis.patching.patch import patching as patching_of
from core.analysis.trace.trace import Trace
from core.checkpoint.listing import timeline_file
from core.config import KINDS
from core.system.files import write_json
from explorer.choice.choice import Run
from explorer.engine import (
    analyses,
    contrasts,
    contributions,
    heavy,
    lens,
    measured,
    models,
    over_text,
    patching,
    second_attempts,
    traces,
)
from explorer.engine.analyses import (
    head_effects,
    leave_one_out,
    model_vectors,
    self_check,
    sentence_effects,
    step_effects,
)
from explorer.engine.checkpoints import best_head, metrics
from explorer.engine.patching import patched
from explorer.engine.result_cache import MemoryCache
from tests.checkpoints import SENTENCE, write_checkpoint, write_timeline
from tests.explorer.apart import traced
from tests.explorer.pages import LATE, PROMPT
from tests.explorer.runs import CHANGES, OTHER, RUN
from tests.explorer.tiny import empty_caches, folder

__all__ = ["empty_caches", "folder"]

OTHER_ORDER = "The red man sees a old house."


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A folder that the test may change."""
    write_timeline(write_checkpoint(tmp_path / "own", metrics=PROMPT), 9)
    return tmp_path / "own"


def apart(folder: Path, run: Run, step: int = 0) -> Trace:
    """The trace of a run, computed without the app."""
    translator = core.load(folder, step=step or None)
    vocabulary, prefix = translator.checkpoint.vocabulary.target, run.prefix
    if run.target:
        prefix = (*vocabulary.encode(run.target), translator.checkpoint.config.end_id)
    model = translator.checkpoint.model
    edits = [ablating(model, [Ablation.parse(run.ablation)])] if run.ablation else []
    return translator.trace(run.text, run.search, prefix, edits)


def assert_same(found: Trace, expected: Trace) -> None:
    assert found.found == expected.found
    for kind in KINDS:
        np.testing.assert_allclose(found.weights[kind], expected.weights[kind], atol=1e-6)


def differ(one: Trace, other: Trace) -> bool:
    return one.found != other.found


def test_every_field_of_a_run_but_the_models_name_is_varied() -> None:
    assert set(CHANGES) == set(Run.names()) - {"model"}


@pytest.mark.parametrize(("run", "change"), CHANGES.values(), ids=CHANGES)
def test_another_run_is_another_trace(folder: Path, run: Run, change: dict[str, Any]) -> None:
    before = traces.trace(folder, run)
    found = traces.trace(folder, run.replace(**change))
    assert differ(before, found)
    assert_same(found, apart(folder, run.replace(**change)))
    assert traces.trace(folder, run) is before


def test_another_step_and_another_folder_are_other_traces(folder: Path, own: Path) -> None:
    replaced_weights(own)
    shutil.copy(folder / "model.safetensors", own / timeline_file(9))  # the other way round
    for of, step in ((folder, 0), (own, 0), (own, 9)):
        assert_same(traces.trace(of, RUN, step), apart(of, RUN, step))


def replaced_weights(own: Path) -> None:
    """Those of the timeline in place of the finished ones."""
    shutil.copy(own / timeline_file(9), own / "model.safetensors")


@pytest.mark.parametrize("run", [RUN, RUN.replace(ablation="enc.L1=skip")])
def test_replaced_weights_are_read_again(own: Path, run: Run) -> None:
    before = traces.trace(own, run)
    kept = head_effects(own, run, before), leave_one_out(own, run.replace(ablation=""), before)
    model_vectors(own, run, before)
    replaced_weights(own)
    found = traces.trace(own, run)
    assert differ(before, found)
    assert_same(found, apart(own, run))
    assert not np.allclose(head_effects(own, run, found)["cross"], kept[0]["cross"])
    assert leave_one_out(own, run.replace(ablation=""), found) != kept[1]
    assert all(check.passed for check in self_check(own, run, found))
    vectors = model_vectors(own, run, found)
    first = vectors.produced_logits[0] - vectors.log_normalisers[0]
    assert first == pytest.approx(found.steps[0].log_probability_nats, abs=1e-4)


def test_weights_that_are_replaced_while_a_page_is_drawn_spoil_nothing(own: Path) -> None:
    """What is computed from the page's trace is not taken for the new model's."""
    with heavy.visit():
        before = traces.trace(own, RUN)
        replaced_weights(own)
        of_before = head_effects(own, RUN, before)["cross"]
    kept = head_effects(own, RUN, traces.trace(own, RUN))["cross"]
    assert not np.allclose(kept, of_before)
    st.cache_resource.clear()
    np.testing.assert_allclose(head_effects(own, RUN, traces.trace(own, RUN))["cross"], kept)


def test_replaced_weights_of_a_step_are_read_again(own: Path) -> None:
    before = traces.trace(own, RUN, 9)
    shutil.copy(own / "model.safetensors", own / timeline_file(9))
    found = traces.trace(own, RUN, 9)
    assert differ(before, found)
    assert_same(found, apart(own, RUN, 9))


def test_replaced_measurements_are_read_again(own: Path) -> None:
    shown = traces.trace(own, RUN)
    assert best_head(own, shown).place.short == "L3H2"
    (own / "metrics.json").write_text(write_json(LATE))
    assert metrics(own) == LATE
    assert best_head(own, shown).place.short == "L2H3"
    unseen = {"pieces_not_in_training": {"source": [shown.source.pieces[2].id], "target": []}}
    (own / "metrics.json").write_text(write_json(unseen))
    found = traces.trace(own, RUN)
    assert [found.is_new_in_source[at] for at in (1, 2)] == [False, True]


MEAN = "cross.L2H3=mean"


def measure_means(own: Path, *pairs: tuple[str, str]) -> None:
    head_means(core.load(own).checkpoint, pairs).save(own)


def with_means(own: Path) -> Trace:
    translator = core.load(own)
    means = core.analysis.ablation.head_means.read_means(translator.checkpoint)
    edits = ablating(translator.checkpoint.model, [Ablation.parse(MEAN)], means)
    return translator.trace(SENTENCE, edits=[edits])


def test_replaced_means_are_read_again(own: Path) -> None:
    measure_means(own, (SENTENCE, "Der alte Mann sieht ein rotes Haus."))
    run, plain = RUN.replace(ablation=MEAN), traces.trace(own, RUN)
    before = traces.trace(own, run)
    steps = step_effects(own, RUN, plain, Ablation.parse(MEAN))
    assert_same(before, with_means(own))
    measure_means(own, (OTHER, "Die Katze findet einen Ball."))
    found = traces.trace(own, run)
    assert differ(before, found)
    assert_same(found, with_means(own))
    assert step_effects(own, RUN, plain, Ablation.parse(MEAN)) != steps


def test_a_replaced_example_is_read_again(own: Path) -> None:
    for text in (SENTENCE, OTHER):
        apart(own, Run(text=text)).save(own / traces.EXAMPLE)
        example = traces.example(own)
        assert example
        assert example.source.text == text


def test_the_example_is_of_its_run_alone(own: Path) -> None:
    """Whatever else differs in a run, its trace is made."""
    apart(own, RUN).save(own / traces.EXAMPLE)
    for run, change in CHANGES.values():
        assert_same(traces.trace(own, run.replace(**change)), apart(own, run.replace(**change)))
    assert_same(traces.trace(own, RUN, 9), apart(own, RUN, 9))


ABLATIONS = [Ablation.parse(text) for text in ("cross.L1H1=0", "enc.L1=skip")]
PLACES = HeadPlace("cross", 1, 2), HeadPlace("cross", 2, 1)
KEPT: dict[Callable[..., Any], dict[str, tuple[Any, Any]]] = {
    traces.trace: {"snapshot": (0, 9)},
    analyses.head_effects: {},
    analyses.leave_one_out: {},
    analyses.sentence_effects: {"ablations": ((ABLATIONS[0],), (ABLATIONS[1],))},
    analyses.step_effects: {"ablation": (ABLATIONS[0], ABLATIONS[1])},
    analyses.self_check: {"shown": ("whole", "other")},
    analyses.head_internals: {"place": PLACES},
    analyses.score_parts: {"place": PLACES, "query": (1, 2)},
    analyses.model_vectors: {},
    contributions.contributions: {},
    contrasts.contrasts: {"step": (2, 3), "wanted": (5, 6), "other": (7, 8)},
    lens.translations_by_depth: {},
    lens.logit_lens: {},
    lens.ranks_of: {"token": (5, 6)},
    over_text.measured: {
        "sentences": ([Sentence(SENTENCE)], [Sentence(SENTENCE, "Ein Haus.")]),
        "search": (RUN.search, RUN.replace(alpha=1.5).search),
    },
    patching.patched: {"other": (RUN.replace(text=OTHER_ORDER), RUN.replace(prefix=(301,)))},
    second_attempts.second_attempt: {"draft": ((5, 6), (6, 5))},
    second_attempts.nats_without: {"second": ("whole", "forced")},
}
"""What keeps results: each argument of its own, with two values."""
OF_FILES = (models.load, measured.kept)
"""What keeps what is in files, whatever the run: tests/explorer/engine/test_models.py, test_measured.py."""
NOT_READ = {
    contributions.contributions: {"ablation"},
    lens.translations_by_depth: {"prefix", "target"},
    second_attempts.second_attempt: {"prefix", "target"},
    second_attempts.nats_without: {"prefix", "target"},
}
"""Fields of a run that a result does not depend on, or that have none."""


def keepers(file: Path) -> list[str]:
    """The functions of a file that ask a cache of it for a result."""
    functions = [
        part
        for part in ast.parse(file.read_text("utf-8")).body
        if isinstance(part, ast.FunctionDef)
    ]
    caches = [
        each.name
        for each in functions
        if each.returns and ast.unparse(each.returns) == "MemoryCache"
    ]
    return [
        each.name
        for each in functions
        if any(f"{cache}().get(" in ast.unparse(each) for cache in caches)
    ]


def test_whatever_keeps_results_is_named_here() -> None:
    found = [name for file in Path(analyses.__file__).parent.glob("*.py") for name in keepers(file)]
    assert sorted(found) == sorted(each.__name__ for each in (*KEPT, *OF_FILES))


@dataclass
class Asked:
    """What results are kept under, and in which cache; none is computed."""

    of_trace: Mapping[str, Trace]
    last: tuple[MemoryCache, Hashable] | None = None

    def key(self, function: Callable[..., Any], **given: Any) -> tuple[MemoryCache, Hashable]:
        """Of one result; what is given as the name of a trace is that trace."""
        given = {"shown": "whole", "second": "whole", **given}
        read = inspect.signature(function).parameters
        values = {name: value for name, value in given.items() if name in read}
        traces_ = {
            name: self.of_trace[values[name]] for name in ("shown", "second") if name in values
        }
        function(**{**values, **traces_})
        assert self.last
        return self.last

    def get(self, cache: MemoryCache, key: Hashable) -> tuple[()]:
        self.last = cache, key
        return ()


@pytest.fixture
def asked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Asked:
    found = Asked(
        {
            "whole": traced(folder),
            "forced": traced(folder, prefix=(300, 301)),
            "other": traced(folder, text=OTHER),
        }
    )
    monkeypatch.setattr(MemoryCache, "get", lambda self, key, *_, **__: found.get(self, key))
    return found


def firsts(function: Callable[..., Any]) -> dict[str, Any]:
    return {name: first for name, (first, _) in KEPT[function].items()}


@pytest.mark.parametrize("function", KEPT, ids=lambda function: function.__name__)
def test_whatever_a_result_depends_on_is_told_apart(
    folder: Path, asked: Asked, function: Callable[..., Any]
) -> None:
    own = firsts(function)
    first = asked.key(function, folder=folder, run=RUN, **own)
    assert asked.key(function, folder=folder, run=RUN, **own) == first
    for name, (_, other) in KEPT[function].items():
        changed = {**own, name: other}
        assert asked.key(function, folder=folder, run=RUN, **changed) != first, name
    if "run" in inspect.signature(function).parameters:
        for name in CHANGES.keys() - NOT_READ.get(function, set()):
            run, change = CHANGES[name]
            one, other = (
                asked.key(function, folder=folder, run=each, **own)
                for each in (run, run.replace(**change))
            )
            assert one != other, name
    (folder / "model.safetensors").touch()
    assert asked.key(function, folder=folder, run=RUN, **own) != first


def test_sentences_of_a_text_are_told_apart_by_what_is_usual_for_the_model(
    own: Path, asked: Asked
) -> None:
    values = {**firsts(over_text.measured), "folder": own}
    before = asked.key(over_text.measured, **values)
    (own / CONTRIBUTIONS).write_text("{}")
    assert asked.key(over_text.measured, **values) != before


def test_no_result_is_taken_for_one_of_another_kind(folder: Path, asked: Asked) -> None:
    keys = [asked.key(each, folder=folder, run=RUN, **firsts(each)) for each in KEPT]
    assert len(set(keys)) == len(KEPT)


Result = Callable[[Path, Run, Trace, Ablation], Any]
OF_ABLATION: dict[str, Result] = {
    "sentence": lambda at, run, shown, of: sentence_effects(at, run, shown, (of,)),
    "steps": step_effects,
}


@pytest.mark.parametrize("result", OF_ABLATION.values(), ids=OF_ABLATION)
def test_another_ablation_is_another_effect(folder: Path, result: Result) -> None:
    shown = traces.trace(folder, RUN)
    one, other = (Ablation.parse(text) for text in ("cross.L1H1=0", "enc.L1=skip"))
    first = result(folder, RUN, shown, one)
    assert result(folder, RUN, shown, other) != first
    assert result(folder, RUN, shown, one) is first


OF_RUN: dict[str, Callable[[Path, Run, Trace], Any]] = {
    "every head": lambda at, run, shown: head_effects(at, run, shown)["cross"].tolist(),
    "leave one out": leave_one_out,
    "sentence": lambda *of: OF_ABLATION["sentence"](*of, Ablation.parse("enc.L1=skip")),
    "steps": lambda *of: OF_ABLATION["steps"](*of, Ablation.parse("enc.L1=skip")),
    "vectors": lambda at, run, shown: model_vectors(at, run, shown).decoder.output.tolist(),
    "check": lambda at, run, shown: [c.largest_difference for c in self_check(at, run, shown)],
}


@pytest.mark.parametrize("result", OF_RUN.values(), ids=OF_RUN)
@pytest.mark.parametrize("name", ["text", "target", "beam_size", "seed"])
def test_another_run_has_other_effects(
    folder: Path, result: Callable[[Path, Run, Trace], Any], name: str
) -> None:
    run, change = CHANGES[name]
    runs = (run, run.replace(**change))
    before, after = (result(folder, of, traces.trace(folder, of)) for of in runs)
    assert before != after


def test_effects_of_one_kind_are_not_taken_for_those_of_another(folder: Path) -> None:
    shown = traces.trace(folder, RUN)
    ablation = Ablation.parse("enc.L1=skip")
    found = [
        sentence_effects(folder, RUN, shown, (ablation,)), step_effects(folder, RUN, shown, ablation),
        head_effects(folder, RUN, shown), leave_one_out(folder, RUN, shown),
    ]  # fmt: skip
    assert [type(of) for of in found] == [list, tuple, dict, dict]
    assert found[0][0].steps == found[1]
    assert set(found[2]) == set(KINDS)
    assert len(found[3]) == 40 + 5 + 13


def test_sentences_of_a_text_are_of_the_present_weights(own: Path) -> None:
    given = [Sentence(SENTENCE)]
    search = Run().search
    first = over_text.measured(own, given, search)[0]
    shutil.rmtree(own)
    write_checkpoint(own, d_ff=30)
    second = over_text.measured(own, given, search)[0]
    expected = core.load(own).trace(SENTENCE, search)
    assert isinstance(first, Measured)
    assert isinstance(second, Measured)
    assert second.log_probability_nats == pytest.approx(
        expected.best.log_probability_nats, rel=1e-4
    )
    assert first.log_probability_nats != pytest.approx(second.log_probability_nats, rel=1e-4)


def test_what_carries_a_difference_is_of_the_present_weights(own: Path) -> None:
    runs = RUN.replace(prefix=(300,)), RUN.replace(text=OTHER_ORDER, prefix=(301,))
    results = []
    for shape in ({}, {"d_ff": 30}):
        shutil.rmtree(own)
        write_checkpoint(own, **shape)
        shown, second = (traces.trace(own, run) for run in runs)
        kept = patched(own, *runs, shown, second).heads["cross"].shares
        expected = patching_of(core.load(own).checkpoint.model, shown, second).heads["cross"].shares
        np.testing.assert_allclose(kept, expected, rtol=1e-4, atol=1e-6)
        results.append(kept)
    assert not np.allclose(*results, atol=1e-3)
