"""The reader's choices. The URL holds all of them, so every view is a link.

    Run     what is translated, by which model, how
    View    which of its heads and queries is on screen
    Choice  a run and a view, perhaps a second run to compare, and the fields of single pages

The fields of a page are a class in that page's package; `Choice.of` reads them.

Layers, heads and steps count from 1 here, as on screen. With `None`, the program makes the
choice, and writes it into the link.
"""

import dataclasses
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qsl, urlencode

from core.analysis.ablation import Ablation
from core.config import Kind, LengthPenalty, Method, SearchConfig
from explorer.choice.examples import EXAMPLES
from explorer.choice.url_fields import (
    DependsOn,
    UrlFields,
    dependents,
    ids,
    is_field,
    left_out,
    number,
    one_of,
    whole,
)

Fields = TypeVar("Fields", bound=UrlFields)

MOST_BEAMS = 16
MOST_ALPHA = 2.0
LEAST_TEMPERATURE, MOST_TEMPERATURE = 0.05, 2.0
MOST_CHARACTERS = 5_000


def _text(value: str) -> str:
    if len(value) > MOST_CHARACTERS:
        raise ValueError(
            f"has {len(value):,} characters, but at most {MOST_CHARACTERS:,} are allowed"
        )
    return value


def _ablation(value: str) -> str:
    return str(Ablation.parse(value))


@dataclass(frozen=True, slots=True)
class Run(UrlFields):
    """What is translated, by which model, how; equal runs have equal translations."""

    text: Annotated[str, _text] = EXAMPLES[0]
    model: Annotated[str | None, _text] = None
    prefix: Annotated[tuple[int, ...], ids, DependsOn("text", "model")] = ()
    """Ids of the tokens that the translation must begin with."""
    target: Annotated[str, _text, DependsOn("text", "model")] = ""
    """A whole translation to be scored instead of searched for."""
    method: Annotated[Method, one_of(Method)] = "beam"
    beam_size: Annotated[int, whole(1, MOST_BEAMS)] = 4
    length_penalty: Annotated[LengthPenalty, one_of(LengthPenalty)] = "gnmt"
    alpha: Annotated[float, number(0, MOST_ALPHA)] = 0.6
    temperature: Annotated[float, number(LEAST_TEMPERATURE, MOST_TEMPERATURE)] = 1.0
    seed: Annotated[int, whole(0)] = 1
    ablation: Annotated[str, _ablation, DependsOn("model")] = ""
    """The ablation of the model, as `core.analysis.ablation` writes it; empty for none."""

    @property
    def search(self) -> SearchConfig:
        return SearchConfig(
            method=self.method,
            beam_size=self.beam_size,
            length_penalty=self.length_penalty,
            alpha=self.alpha,
            temperature=self.temperature,
            seed=self.seed,
        )


FIRST_TRANSLATION = tuple(name for name in Run.names() if name not in ("target", "ablation"))
"""The fields that a translation by the unchanged model depends on."""


@dataclass(frozen=True, slots=True)
class View(UrlFields):
    """The head and the query on screen; several pages share this."""

    kind: Annotated[Kind, one_of(Kind)] = "cross"
    layer: Annotated[int | None, whole(1), DependsOn("model")] = None
    head: Annotated[int | None, whole(1), DependsOn("model")] = None
    step: Annotated[int | None, whole(1), DependsOn(*Run.names())] = None
    row: Annotated[int | None, whole(1), DependsOn("text", "model")] = None
    """The source token that is the query, in encoder self-attention; elsewhere a step is."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A run, a view of it, and perhaps a second run to compare with it."""

    run: Run = Run()
    view: View = View()
    beside: Run | None = None
    of_pages: tuple[tuple[str, str], ...] = ()
    """The link's fields that belong to single pages, as the link writes them."""

    def of(self, fields: type[Fields], notices: list[str] | None = None) -> Fields:
        """The fields of one class; the fields of a page are parsed here.

        Args:
            notices: gets a notice for each field that breaks its rule.
        """
        if isinstance(self.view, fields):
            return self.view
        return fields.from_query(dict(self.of_pages), [] if notices is None else notices)

    def with_run(self, **values: Any) -> "Choice":
        return dataclasses.replace(self, run=self.run.replace(**values))

    def without_dependents(self, names: Collection[str]) -> "Choice":
        """The choice with every field that depends on these reset, but for the second run."""
        gone = dependents(names)
        return dataclasses.replace(
            self,
            run=self.run.without(gone),
            view=self.view.without(gone),
            of_pages=tuple((name, value) for name, value in self.of_pages if name not in gone),
        )

    def with_fields(self, fields: UrlFields) -> "Choice":
        """The choice with these fields replacing those of their class."""
        if isinstance(fields, View):
            return dataclasses.replace(self, view=fields)
        others = {name: value for name, value in self.of_pages if name not in fields.names()}
        return dataclasses.replace(self, of_pages=_sorted({**others, **fields.to_query()}))

    def with_beside(self, run: Run | None) -> "Choice":
        return dataclasses.replace(self, beside=run)

    def to_query(self) -> dict[str, str]:
        query = {
            "text": self.run.text,
            **self.run.to_query(),
            **self.view.to_query(),
            **dict(self.of_pages),
        }
        if self.beside:
            query["beside"] = urlencode({"text": self.beside.text, **self.beside.to_query()})
        return query


def _sorted(fields: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(fields.items()))


@dataclass(frozen=True, slots=True)
class Reading:
    """The choices in a link, and a notice for each part of it that is not valid."""

    choice: Choice
    notices: tuple[str, ...] = ()


def read_query(query: Mapping[str, str]) -> Reading:
    """The choice in a link; fields that are missing or invalid are left to the program.

    Fields of single pages stay text until their page parses them. Unknown names are dropped.
    """
    notices: list[str] = []
    run, view = Run.from_query(query, notices), View.from_query(query, notices)
    beside = query.get("beside")
    other = Run.from_query(dict(parse_qsl(beside)), notices) if beside else None
    shared = {*Run.names(), *View.names(), "beside"}
    of_pages = {
        name: value
        for name, value in query.items()
        if value and name not in shared and is_field(name) and len(value) <= MOST_CHARACTERS
    }
    broken = {**Run.broken(query), **View.broken(query)}
    choice = Choice(run, view, other, _sorted(of_pages)).without_dependents(broken)
    return Reading(choice, tuple(notices))


def without_lost_models(choice: Choice, problem: Callable[[str], str | None]) -> Reading:
    """The choice without models that cannot be shown, and a notice for each.

    Args:
        problem: returns the reason why the model of this name cannot be shown, or None if it can.
    """
    notices = []
    run, beside = choice.run, choice.beside
    if run.model and (reason := problem(run.model)):
        gone = left_out(choice.to_query(), "model")
        notices.append(f"The model {run.model} cannot be shown: {reason}{gone}.")
        choice = choice.with_run(model=None).without_dependents(["model"])
    if beside and beside.model and (reason := problem(beside.model)):
        gone = left_out(beside.to_query(), "model")
        notices.append(
            f"The model {beside.model} of the run beside cannot be shown: {reason}{gone}."
        )
        choice = choice.with_beside(beside.without({"model", *dependents(["model"])}))
    return Reading(choice, tuple(notices))
