"""An ablation: a frozen, hashable value, written as one line of text in commands and links.

    cross.L3H5=0          head 5 of layer 3 outputs nothing (0.5: half; mean; uniform)
    cross.L2H1.row7=k3    its 7th query attends to key 3 alone
    enc.L2.ffn=skip       the sub-layer outputs nothing (self, cross, ffn); its LayerNorm stays
    dec.L4=skip           the layer passes its input on
    pos=shift:3           positions shifted by 3 (or scale:0.5, off); enc.pos, dec.pos: one stack's

Heads are `enc`, `dec` (self-attention) or `cross`. Text counts from 1, fields of parts from 0.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from core.analysis.ablation.parts import (
    STACKS,
    HeadChange,
    LayerSkip,
    Part,
    PositionChange,
    RowOnKey,
    Stack,
    Sublayer,
    SublayerSkip,
)
from core.analysis.head_place import SHORT_KINDS
from core.config import Kind, ModelConfig

_LONG: dict[str, Kind] = {short: kind for kind, short in SHORT_KINDS.items()}


@dataclass(frozen=True, slots=True)
class Ablation:
    """All changes to one run of a model; without parts, nothing changes.

    Two ablations with the same parts are equal, in whatever order the parts were given.

    Raises:
        ValueError: if a place is named twice, or a part changes something inside a place that
            another part switches off.
    """

    parts: tuple[Part, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", tuple(sorted(self.parts, key=lambda part: part.order)))
        by_place: dict[str, Part] = {}
        for part in self.parts:
            if part.place in by_place:
                raise ValueError(
                    f"{part.place} is named twice, as {by_place[part.place]} and as {part}; "
                    "a place can be changed once, so leave one out"
                )
            by_place[part.place] = part
        for part in self.parts:
            for place in _around(part):
                if _silences(outer := by_place.get(place)):
                    raise ValueError(
                        f"{part} does nothing beside {outer}, which switches off all of {place}; "
                        "leave one of them out"
                    )

    @classmethod
    def parse(cls, text: str) -> "Ablation":
        """Read the text that `str` writes for an ablation; an empty text changes nothing.

        Raises:
            ValueError: if a part cannot be read, is named twice, or contradicts another.
        """
        words = [word.strip() for word in text.split(",")] if text.strip() else []
        return cls(tuple(part for word in words for part in _parts(word)))

    def __str__(self) -> str:
        positions = [part for part in self.parts if isinstance(part, PositionChange)]
        words = [str(part) for part in self.parts]
        if len({part.value for part in positions}) == 1 and len(positions) == len(STACKS):
            words[: len(STACKS)] = [f"pos={positions[0].value}"]
        return ",".join(words)

    def __add__(self, other: "Ablation") -> "Ablation":
        return Ablation((*self.parts, *other.parts))

    @property
    def needs_means(self) -> bool:
        """Whether a run needs the mean head outputs over a text (`=mean`)."""
        return any(isinstance(part, HeadChange) and part.change == "mean" for part in self.parts)

    @property
    def in_encoder(self) -> bool:
        """Whether the encoder's output may change."""
        return any(part.stack == "encoder" for part in self.parts)

    def check(
        self,
        config: ModelConfig,
        *,
        n_source_pieces: int | None = None,
        n_steps: int | None = None,
    ) -> None:
        """Check that a model of this shape, a source and its translation have every named part.

        Args:
            n_source_pieces: tokens in the source, `</s>` included; for a whole text, in its longest
                source. None: positions in the source are not checked.
            n_steps: steps of the translation, each a query of the decoder; for a whole text, of its
                longest translation. None: steps are not checked.

        Raises:
            ValueError: if there is no such layer, head, source piece or step; the message names
                the part.
        """
        for part in self.parts:
            if isinstance(part, PositionChange):
                continue
            is_encoder = part.stack == "encoder"
            n_layers = config.n_encoder_layers if is_encoder else config.n_decoder_layers
            _check_exists(part, "layer", part.layer, n_layers, f"layers of this {part.stack}")
            if isinstance(part, HeadChange | RowOnKey):
                _check_exists(part, "head", part.head, config.n_heads, "heads of this model")
            if isinstance(part, RowOnKey):
                for index, is_step in (
                    (part.row, not is_encoder),
                    (part.key, part.kind == "decoder"),
                ):
                    if is_step:
                        _check_exists(part, "step", index, n_steps, "steps of this translation")
                    else:
                        _check_exists(
                            part, "piece", index, n_source_pieces, "pieces of this source"
                        )

    @property
    def names_rows(self) -> bool:
        """Whether it names queries and keys by position, which a short sentence may not have."""
        return any(isinstance(part, RowOnKey) for part in self.parts)


def _check_exists(part: Part, what: str, index: int, n: int | None, all_of_them: str) -> None:
    if n is not None and not 0 <= index < n:
        raise ValueError(f"{part}: there is no {what} {index + 1}; {all_of_them} are 1 to {n}")


def _around(part: Part) -> Iterator[str]:
    """The places that contain this part, innermost first."""
    if isinstance(part, RowOnKey):
        yield HeadChange(part.kind, part.layer, part.head).place
    if isinstance(part, RowOnKey | HeadChange):
        sublayer: Sublayer = "cross" if part.kind == "cross" else "self"
        yield SublayerSkip(part.stack, part.layer, sublayer).place
        yield LayerSkip(part.stack, part.layer).place
    if isinstance(part, SublayerSkip):
        yield LayerSkip(part.stack, part.layer).place


def _silences(part: Part | None) -> bool:
    """Whether this part stops everything inside its place from having an effect."""
    if isinstance(part, HeadChange):
        return part.change in (0, "mean")
    return part is not None


_NUMBER = r"-?(?:\d+\.?\d*|\.\d+)(?:e-?\d+)?"
_HEAD = r"(?P<kind>enc|dec|cross)\.L(?P<layer>\d+)H(?P<head>\d+)"
_LAYER = r"(?P<stack>enc|dec)\.L(?P<layer>\d+)"
_FORMS = {
    "head": re.compile(rf"{_HEAD}=(?P<change>{_NUMBER}|mean|uniform)"),
    "row": re.compile(rf"{_HEAD}\.row(?P<row>\d+)=k(?P<key>\d+)"),
    "sublayer": re.compile(rf"{_LAYER}\.(?P<sublayer>self|cross|ffn)=skip"),
    "layer": re.compile(rf"{_LAYER}=skip"),
    "positions": re.compile(
        rf"(?:(?P<stack>enc|dec)\.)?pos=(?:off|(?P<change>shift|scale):(?P<amount>{_NUMBER}))"
    ),
}


def _parts(word: str) -> list[Part]:
    """Parse one item of the text; `pos=` names both stacks and gives two parts."""
    for form, pattern in _FORMS.items():
        if match := pattern.fullmatch(word):
            return _made(word, form, match.groupdict())
    raise ValueError(
        f"{word!r} is not a part of an ablation; write, for example, cross.L3H5=0 (or 0.5, mean, "
        "uniform), cross.L2H1.row7=k3, enc.L2.ffn=skip, dec.L4=skip, pos=off, pos=shift:3 or "
        "pos=scale:0.5, with commas between parts"
    )


def _made(word: str, form: str, named: dict[str, str | None]) -> list[Part]:
    def index(name: str) -> int:
        number = int(named[name] or 0)
        if number < 1:
            raise ValueError(f"{word}: {name} {number} does not exist; {name}s count from 1")
        return number - 1

    if form == "positions":
        change, amount = named["change"] or "off", float(named["amount"] or 0)
        stacks = STACKS if named["stack"] is None else (_stack(named["stack"]),)
        return [PositionChange(stack, change, amount) for stack in stacks]  # type: ignore[arg-type]
    layer = index("layer")
    if form == "layer":
        return [LayerSkip(_stack(named["stack"]), layer)]
    if form == "sublayer":
        return [SublayerSkip(_stack(named["stack"]), layer, named["sublayer"])]  # type: ignore[arg-type]
    kind, head = _LONG[named["kind"] or ""], index("head")
    if form == "row":
        return [RowOnKey(kind, layer, head, index("row"), index("key"))]
    change = named["change"] or ""
    return [HeadChange(kind, layer, head, change if change.isalpha() else float(change))]  # type: ignore[arg-type]


def _stack(short: str | None) -> Stack:
    return "encoder" if short == "enc" else "decoder"
