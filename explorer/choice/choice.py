"""What the reader chose. It lives in the URL, so that a view is a link.

    Run     what is translated, by which model, how
    View    what of it is looked at
    Choice  both, and perhaps a second run beside the first

Layers, heads and steps count from 1 here, as on screen. `None` leaves a choice to the program;
what the program then chose is written into the link too.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, urlencode

from core.analysis.ablation import Ablation
from core.analysis.heads.measures import MEASURES
from core.config import Kind, LengthPenalty, Method, SearchConfig
from explorer.choice.url_fields import UrlFields, ids, names, number, one_of, switch, whole

EXAMPLES = (
    "The woman who lives next door has three dogs.",
    "A man in a red jacket is riding a bicycle down the street.",
    "I don't know why he didn't call me yesterday.",
    "Two children are playing football in the park.",
    "Could you please close the window?",
)
"""Sentences of the project's own; the first one is shown before anything is asked."""

MOST_BEAMS = 16
MOST_ALPHA = 2.0
LEAST_TEMPERATURE, MOST_TEMPERATURE = 0.05, 2.0
MOST_CHARACTERS = 5_000

Values = Literal["weights", "norms", "rollout"]
"""What a picture of attention shows: weights, norm-weighted weights, or rollout."""
Units = Literal["pieces", "words"]
Drawing = Literal["matrix", "lines"]
Quality = Literal["bleu", "perplexity"]
Across = Literal["step", "tokens"]
"""What a training is measured by: steps of the optimiser, or source and target tokens seen."""

PositionPicture = Literal["experiment", "curves", "table", "distance", "shift", "learned"]
"""What the Positions page shows: the loaded model under other positions, or its position table."""
Extent = Literal["many", "sentence"]
PositionEdit = Literal["off", "shift", "scale"]
Stacks = Literal["both", "encoder", "decoder"]
HeldSteps = Literal["first", "new"]
"""Whether attention after a change is that of the first translation, or of the new one."""

MOST_SHIFT, MOST_SCALE = 1_000, 8.0

NO_MEASURE, EFFECT = "none", "effect"
TINTS = (NO_MEASURE, *MEASURES, EFFECT)
"""What heads are tinted by: nothing, a measure, or what switching them off changes."""


def _text(value: str) -> str:
    if len(value) > MOST_CHARACTERS:
        raise ValueError(
            f"has {len(value):,} characters, but at most {MOST_CHARACTERS:,} are taken"
        )
    return value


def _tint(value: str) -> str:
    if value not in TINTS:
        raise ValueError(f"must be one of {', '.join(TINTS)}")
    return value


def _names(value: str) -> tuple[str, ...]:
    return names(_text(value))


def _ablation(value: str) -> str:
    return str(Ablation.parse(value))


@dataclass(frozen=True, slots=True)
class Run(UrlFields):
    """What is translated, by which model, how; equal runs have equal translations."""

    text: Annotated[str, _text] = EXAMPLES[0]
    model: Annotated[str | None, _text] = None
    prefix: Annotated[tuple[int, ...], ids] = ()
    """Pieces that the translation is made to begin with."""
    target: Annotated[str, _text] = ""
    """A whole translation to be scored instead of searched for."""
    method: Annotated[Method, one_of(Method)] = "beam"
    beam_size: Annotated[int, whole(1, MOST_BEAMS)] = 4
    length_penalty: Annotated[LengthPenalty, one_of(LengthPenalty)] = "gnmt"
    alpha: Annotated[float, number(0, MOST_ALPHA)] = 0.6
    temperature: Annotated[float, number(LEAST_TEMPERATURE, MOST_TEMPERATURE)] = 1.0
    seed: Annotated[int, whole(0)] = 1
    ablation: Annotated[str, _ablation] = ""
    """What is changed about the model, as `core.analysis.ablation` writes it; nothing, if empty."""

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


@dataclass(frozen=True, slots=True)
class View(UrlFields):
    """What of a translation is looked at."""

    kind: Annotated[Kind, one_of(Kind)] = "cross"
    layer: Annotated[int | None, whole(1)] = None
    head: Annotated[int | None, whole(1)] = None
    step: Annotated[int | None, whole(1)] = None
    row: Annotated[int | None, whole(1)] = None
    """The source piece that asks, in encoder self-attention; elsewhere a step asks."""
    measure: Annotated[str | None, _tint] = None
    values: Annotated[Values, one_of(Values)] = "weights"
    units: Annotated[Units, one_of(Units)] = "pieces"
    drawing: Annotated[Drawing, one_of(Drawing)] = "matrix"
    together: Annotated[bool, switch] = False
    """Lines of all heads of the layer in one drawing."""
    specials: Annotated[bool, switch] = True
    threshold: Annotated[float, number(0, 1)] = 0.0
    picture: Annotated[PositionPicture, one_of(PositionPicture)] = "experiment"
    extent: Annotated[Extent, one_of(Extent)] = "many"
    dimensions: Annotated[tuple[int, ...], ids] = ()
    """Columns of the position table, from 0 as in section 3.5; none leaves them to the program."""
    position: Annotated[int, whole(0)] = 1
    """p of section 3.5, from 0."""
    k: Annotated[int, whole(0, MOST_SHIFT)] = 5
    """How much further: PE(p + k), and the shift of the experiment."""
    positions: Annotated[PositionEdit, one_of(PositionEdit)] = "off"
    scale: Annotated[float, number(0, MOST_SCALE)] = 0.5
    stacks: Annotated[Stacks, one_of(Stacks)] = "both"
    rows: Annotated[HeldSteps, one_of(HeldSteps)] = "first"
    runs: Annotated[tuple[str, ...], _names] = ()
    """Trainings whose curves are drawn; none leaves them to the program."""
    across: Annotated[Across, one_of(Across)] = "step"
    log_x: Annotated[bool, switch] = False
    log_y: Annotated[bool, switch] = False
    snapshot: Annotated[int, whole(0)] = 0
    """The step of the training whose weights are shown in its timeline; 0, the finished ones."""
    held: Annotated[bool, switch] = True
    """Whether snapshots read the finished model's translation, and not one of their own."""
    quality: Annotated[Quality, one_of(Quality)] = "bleu"
    compared: Annotated[tuple[str, ...], _names] = ()
    """Rows of Table 3 that translate side by side; none leaves them to the program."""
    swept: Annotated[bool, switch] = False
    """Whether the switches of the Ablate page show what each head is worth to this sentence."""
    scored: Annotated[int | None, whole(1)] = None
    """The step of the first translation whose candidates are compared before and after."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A run, how it is looked at, and perhaps a second run beside it."""

    run: Run = Run()
    view: View = View()
    beside: Run | None = None

    def with_run(self, **values: Any) -> "Choice":
        return dataclasses.replace(self, run=self.run.replace(**values))

    def with_view(self, **values: Any) -> "Choice":
        return dataclasses.replace(self, view=self.view.replace(**values))

    def with_beside(self, run: Run | None) -> "Choice":
        return dataclasses.replace(self, beside=run)

    def to_query(self) -> dict[str, str]:
        query = {"text": self.run.text, **self.run.to_query(), **self.view.to_query()}
        if self.beside:
            query["beside"] = urlencode({"text": self.beside.text, **self.beside.to_query()})
        return query


@dataclass(frozen=True, slots=True)
class Reading:
    """What a link says, and a notice for each part of it that cannot be."""

    choice: Choice
    notices: tuple[str, ...] = ()


def read_query(query: Mapping[str, str]) -> Reading:
    """The choice in a link; whatever is missing or cannot be is left to the program."""
    notices: list[str] = []
    run, view = Run.from_query(query, notices), View.from_query(query, notices)
    beside = query.get("beside")
    other = Run.from_query(dict(parse_qsl(beside)), notices) if beside else None
    return Reading(Choice(run, view, other), tuple(notices))
