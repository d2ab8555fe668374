"""What the reader chose. It lives in the URL, so that a view is a link.

    Run     what is translated, by which model, how
    View    what of it is looked at
    Choice  both, and perhaps a second run beside the first

Layers, heads and steps count from 1 here, as on screen. `None` leaves a choice to the program;
what the program then chose is written into the link too.
"""

import dataclasses
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self, get_args, get_type_hints
from urllib.parse import parse_qsl, urlencode

from core.ablation import Ablation
from core.config import LengthPenalty, Method, SearchConfig
from core.records import Kind

EXAMPLES = (
    "The woman who lives next door has three dogs.",
    "A man in a red jacket is riding a bicycle down the street.",
    "I don't know why he didn't call me yesterday.",
    "Two children are playing football in the park.",
    "Could you please close the window?",
)
"""Sentences of the project's own; the first one is shown before anything is asked."""

MOST_BEAMS = 16
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
PositionChange = Literal["off", "shift", "scale"]
Stacks = Literal["both", "encoder", "decoder"]
HeldRows = Literal["first", "new"]
"""Whether attention after a change is that of the first translation, or of the new one."""

MOST_SHIFT, MOST_SCALE = 1_000, 8.0

Parse = Callable[[str], Any]


def _text(value: str) -> str:
    if len(value) > MOST_CHARACTERS:
        raise ValueError(
            f"has {len(value):,} characters, but at most {MOST_CHARACTERS:,} are taken"
        )
    return value


def _whole(low: int, high: int | None = None) -> Parse:
    def parse(value: str) -> int:
        fits = value.isascii() and value.isdecimal() and len(value) < 10
        if not fits or not low <= int(value) <= (high or int(value)):
            raise ValueError(f"must be a whole number {_range(low, high)}")
        return int(value)

    return parse


def _number(low: float, high: float) -> Parse:
    def parse(value: str) -> float:
        try:
            number = float(value)
        except ValueError:
            number = float("nan")
        if not low <= number <= high:
            raise ValueError(f"must be a number {_range(low, high)}")
        return number

    return parse


def _range(low: float, high: float | None) -> str:
    return f"from {low:g}" if high is None else f"from {low:g} to {high:g}"


def _one_of(choices: Any) -> Parse:
    def parse(value: str) -> str:
        if value not in get_args(choices):
            raise ValueError(f"must be one of {', '.join(get_args(choices))}")
        return value

    return parse


def _ids(value: str) -> tuple[int, ...]:
    return tuple(_whole(0)(part) for part in value.split("."))


def _names(value: str) -> tuple[str, ...]:
    return tuple(name for name in _text(value).split(",") if name)


def _ablation(value: str) -> str:
    return str(Ablation.parse(value))


def _switch(value: str) -> bool:
    return bool(_whole(0, 1)(value))


class _Linked:
    """A frozen dataclass whose fields travel in a URL; a field's annotation holds what reads it."""

    def replace(self, **values: Any) -> Self:
        return dataclasses.replace(self, **values)  # type: ignore[type-var]

    def to_query(self) -> dict[str, str]:
        """Every choice that is no default, as the URL writes it."""
        query = {}
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            value = getattr(self, field.name)
            if value != field.default:
                query[field.name] = _written(value)
        return query

    @classmethod
    def from_query(cls, query: Mapping[str, str], notices: list[str]) -> Self:
        """Read the fields that are there; what breaks its rule keeps its default, with a notice."""
        values = {}
        for name, hint in get_type_hints(cls, include_extras=True).items():
            if not query.get(name):
                continue
            try:
                values[name] = hint.__metadata__[0](query[name])
            except ValueError as error:
                notices.append(f"The link says {name}={query[name][:40]}, but {name} {error}.")
        return cls(**values)


def _written(value: Any) -> str:
    if isinstance(value, tuple):
        separator = "," if any(isinstance(part, str) for part in value) else "."
        return separator.join(str(part) for part in value)
    return str(int(value)) if isinstance(value, bool) else str(value)


@dataclass(frozen=True, slots=True)
class Run(_Linked):
    """What is translated, by which model, how; equal runs have equal translations."""

    text: Annotated[str, _text] = EXAMPLES[0]
    model: Annotated[str | None, _text] = None
    prefix: Annotated[tuple[int, ...], _ids] = ()
    """Pieces that the translation is made to begin with."""
    target: Annotated[str, _text] = ""
    """A whole translation to be scored instead of searched for."""
    method: Annotated[Method, _one_of(Method)] = "beam"
    beam_size: Annotated[int, _whole(1, MOST_BEAMS)] = 4
    length_penalty: Annotated[LengthPenalty, _one_of(LengthPenalty)] = "gnmt"
    alpha: Annotated[float, _number(0, 5)] = 0.6
    temperature: Annotated[float, _number(0.05, 5)] = 1.0
    seed: Annotated[int, _whole(0)] = 1
    ablation: Annotated[str, _ablation] = ""
    """What is changed about the model, as `core.ablation` writes it; nothing, if empty."""

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
class View(_Linked):
    """What of a translation is looked at."""

    kind: Annotated[Kind, _one_of(Kind)] = "cross"
    layer: Annotated[int | None, _whole(1)] = None
    head: Annotated[int | None, _whole(1)] = None
    step: Annotated[int | None, _whole(1)] = None
    row: Annotated[int | None, _whole(1)] = None
    """The source piece that asks, in encoder self-attention; elsewhere a step asks."""
    measure: Annotated[str | None, _text] = None
    values: Annotated[Values, _one_of(Values)] = "weights"
    units: Annotated[Units, _one_of(Units)] = "pieces"
    drawing: Annotated[Drawing, _one_of(Drawing)] = "matrix"
    together: Annotated[bool, _switch] = False
    """Lines of all heads of the layer in one drawing."""
    specials: Annotated[bool, _switch] = True
    threshold: Annotated[float, _number(0, 1)] = 0.0
    picture: Annotated[PositionPicture, _one_of(PositionPicture)] = "experiment"
    extent: Annotated[Extent, _one_of(Extent)] = "many"
    dimensions: Annotated[tuple[int, ...], _ids] = ()
    """Columns of the position table, from 0 as in section 3.5; none leaves them to the program."""
    position: Annotated[int, _whole(0)] = 1
    """p of section 3.5, from 0."""
    k: Annotated[int, _whole(0, MOST_SHIFT)] = 5
    """How much further: PE(p + k), and the shift of the experiment."""
    positions: Annotated[PositionChange, _one_of(PositionChange)] = "off"
    scale: Annotated[float, _number(0, MOST_SCALE)] = 0.5
    stacks: Annotated[Stacks, _one_of(Stacks)] = "both"
    rows: Annotated[HeldRows, _one_of(HeldRows)] = "first"
    runs: Annotated[tuple[str, ...], _names] = ()
    """Trainings whose curves are drawn; none leaves them to the program."""
    across: Annotated[Across, _one_of(Across)] = "step"
    log_x: Annotated[bool, _switch] = False
    log_y: Annotated[bool, _switch] = False
    snapshot: Annotated[int, _whole(0)] = 0
    """The step of the training whose weights are shown in its timeline; 0, the finished ones."""
    held: Annotated[bool, _switch] = True
    """Whether snapshots read the finished model's translation, and not one of their own."""
    quality: Annotated[Quality, _one_of(Quality)] = "bleu"
    compared: Annotated[tuple[str, ...], _names] = ()
    """Rows of Table 3 that translate side by side; none leaves them to the program."""
    swept: Annotated[bool, _switch] = False
    """Whether the switches of the Ablate page show what each head is worth to this sentence."""
    scored: Annotated[int | None, _whole(1)] = None
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


def write_query(choice: Choice, query: MutableMapping[str, str]) -> None:
    """Make the link say what is on screen, without touching what it says already."""
    wanted = choice.to_query()
    for name in [name for name in query if name not in wanted]:
        del query[name]
    for name, value in wanted.items():
        if query.get(name) != value:
            query[name] = value


@dataclass(frozen=True, slots=True)
class Shape:
    """What a trace has to choose from."""

    n_layers: int
    n_heads: int
    n_steps: int
    n_source: int


def settle(
    view: View, shape: Shape, *, best: tuple[int, int], in_the_middle: bool = False
) -> tuple[View, tuple[str, ...]]:
    """A view that fits the trace, and notices for what had to be replaced.

    Args:
        best: layer and head to show where none was chosen, or where it does not exist.
        in_the_middle: show the middle step or source piece then, and not the first.
    """
    notices = []
    chosen: dict[str, int | None] = {}

    def usual(n: int) -> int:
        return (n + 1) // 2 if in_the_middle else 1

    for name, n, fallback in (
        ("layer", shape.n_layers, best[0]),
        ("head", shape.n_heads, best[1]),
        ("step", shape.n_steps, usual(shape.n_steps)),
        ("row", shape.n_source, usual(shape.n_source) if view.kind == "encoder" else None),
    ):
        value = getattr(view, name)
        fits = value is not None and value <= n
        if value is not None and not fits:
            notices.append(f"The link says {name} {value}, but there are only {n} here.")
        chosen[name] = value if fits else fallback
    return view.replace(**chosen), tuple(notices)
