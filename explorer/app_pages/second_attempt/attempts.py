"""Both attempts at the sentence on screen: by which model, from which draft, against which reference."""

from collections.abc import Mapping
from dataclasses import dataclass

from core.analysis.trace.trace import Trace
from core.evaluation.edits import Edit, edits
from core.evaluation.rewards import REWARDS
from core.text.addition import addends
from core.text.pieces import normalise
from explorer.app_pages.second_attempt.fields import DraftKind, SecondFields
from explorer.choice.choice import Run
from explorer.choice.page_context import PageContext
from explorer.engine import traces
from explorer.engine.second_attempts import (
    Experiment,
    draft_tokens,
    experiments,
    second_attempt,
)

DRAFTS: Mapping[DraftKind, str] = {
    "own": "Its own first attempt",
    "other": "Another example’s",
    "reference": "The reference",
    "none": "None",
    "edited": "Edited by hand",
}


REWARD_NAMES = {"exact": "exact match", "chrf": "chrF", "bleu": "BLEU"}


@dataclass(frozen=True, slots=True)
class Draft:
    """What a second attempt reads besides the source."""

    kind: DraftKind
    text: str
    tokens: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Attempts:
    """Both attempts at one sentence."""

    experiment: Experiment
    method: str
    first: Trace
    draft: Draft
    second: Trace
    reference: str | None

    @property
    def is_own(self) -> bool:
        """Whether the draft is the model's own first attempt."""
        return self.draft.kind == "own"

    @property
    def numbers(self) -> tuple[int, int] | None:
        """The two numbers of a sum; None of other texts and tasks."""
        is_addition = self.experiment.results.task == "addition"
        return addends(self.first.source.text) if is_addition else None

    @property
    def edits(self) -> tuple[Edit, ...]:
        """From the draft to the second attempt."""
        reward = REWARDS[self.experiment.results.reward] if self.reference else None
        return edits(
            self.draft.text, self.second.target.text, reference=self.reference, reward=reward
        )

    def reward(self, text: str) -> float | None:
        """Of an attempt, 0 to 1; None without a reference."""
        if not self.reference:
            return None
        return REWARDS[self.experiment.results.reward]([text], [self.reference])[0]

    @property
    def is_exact(self) -> bool:
        """Whether attempts are right or wrong, with nothing between."""
        return self.experiment.results.reward == "exact"

    @property
    def reward_name(self) -> str:
        return REWARD_NAMES[self.experiment.results.reward]

    def judged(self, text: str) -> str:
        """The reward in words: `right`, or `chrF 62.3`; empty without a reference."""
        reward = self.reward(text)
        if reward is None:
            return ""
        if self.is_exact:
            return "right" if reward == 1 else "wrong"
        return f"{self.reward_name} {reward * 100:.1f}"


def attempts(shown: PageContext, kind: DraftKind | None = None) -> Attempts:
    """The attempts on screen, or with another kind of draft.

    Raises:
        ValueError: if the draft cannot be read; the message says why.
    """
    found = experiment_of(shown.choice.run.model)
    assert found  # `model_for` names no other model
    experiment, method = found
    draft = draft_of(shown, experiment, kind or chosen_kind(shown, experiment))
    run = shown.choice.run
    return Attempts(
        experiment=experiment,
        method=method,
        first=shown.trace,
        draft=draft,
        second=second_attempt(shown.folder, run, draft.tokens),
        reference=reference(experiment, run, shown.of(SecondFields)),
    )


def experiment_of(model: str | None) -> tuple[Experiment, str] | None:
    """The experiment and the method of a listed checkpoint; None if it is of none."""
    for experiment in experiments():
        method = experiment.method_of(model)
        if method:
            return experiment, method
    return None


def model_for(run: Run) -> str | None:
    """The run's own model if it reads drafts; else one for sums or for sentences, as the text is."""
    found = experiments()
    if not found or experiment_of(run.model):
        return run.model
    is_sum = addends(normalise(run.text)) is not None
    suits = [each for each in found if (each.results.task == "addition") == is_sum]
    return (suits or found)[0].usual_model


def reference(experiment: Experiment, run: Run, fields: SecondFields) -> str | None:
    """Of a sum its result; else the typed reference, or that of an example; None if none is known."""
    text = normalise(run.text)
    if experiment.results.task == "addition":
        numbers = addends(text)
        return str(sum(numbers)) if numbers else None
    known = {example.source: example.reference for example in experiment.results.examples}
    return normalise(fields.wanted) or known.get(text)


def kinds(shown: PageContext, experiment: Experiment) -> list[DraftKind]:
    """The drafts that there are here: without a reference or another example, fewer."""
    run, fields = shown.choice.run, shown.of(SecondFields)
    missing: set[DraftKind] = set()
    if reference(experiment, run, fields) is None:
        missing.add("reference")
    if _other(shown, experiment) is None:
        missing.add("other")
    return [kind for kind in DRAFTS if kind not in missing]


def chosen_kind(shown: PageContext, experiment: Experiment) -> DraftKind:
    """The reader's kind of draft; the model's own where there is none of that kind."""
    chosen = shown.of(SecondFields).draft
    return chosen if chosen in kinds(shown, experiment) else "own"


def _other(shown: PageContext, experiment: Experiment) -> str | None:
    """The example whose draft is another sentence's: the next after the sentence on screen."""
    text = normalise(shown.choice.run.text)
    sources = experiment.example_sources
    after = sources.index(text) + 1 if text in sources else 0
    return next((each for each in sources[after:] + sources[:after] if each != text), None)


def draft_of(shown: PageContext, experiment: Experiment, kind: DraftKind) -> Draft:
    """A draft of this kind for the sentence on screen."""
    folder, run = shown.folder, shown.choice.run
    own = shown.trace
    match kind:
        case "other":
            source = _other(shown, experiment)
            assert source
            other = traces.trace(folder, run.replace(text=source, prefix=(), target=""))
            return Draft(kind, other.target.text, tuple(other.best.tokens))
        case "reference":
            return _typed(shown, kind, reference(experiment, run, shown.of(SecondFields)) or "")
        case "none":
            return Draft(kind, "", ())
        case "edited" if shown.of(SecondFields).edited:
            return _typed(shown, kind, normalise(shown.of(SecondFields).edited))
    return Draft(kind, own.target.text, tuple(own.best.tokens))


def _typed(shown: PageContext, kind: DraftKind, text: str) -> Draft:
    return Draft(kind, text, draft_tokens(shown.folder, text))
