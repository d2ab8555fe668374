"""Roles of heads, as a checkpoint's `roles.json` records them.

A role is something a head may do at every query: attend most to a fixed place, to the rarest word,
to `</s>`, to the word that is being translated, to an earlier copy of the same piece, to the word
that depends on this one. Its score is the share of the queries at which the largest weight falls
where the role says.

Nothing here imports torch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TypedDict

from core.analysis.head_place import HeadPlace
from core.config import KINDS, Kind
from core.evaluation.ratios import Estimate
from core.system.json_files import built, read_measurement
from core.text.pieces import normalise

ROLES = "roles.json"

Name = Literal["positional", "rare_word", "sink", "aligner", "copying", "syntactic"]


@dataclass(frozen=True, slots=True)
class Role:
    """One thing that a head may do."""

    title: str
    about: str
    kinds: tuple[Kind, ...]
    baseline: str
    """The trivial rule beside which a head is put."""
    control: str
    """What is shuffled in the control."""
    least: float
    """A head has the role if its score is at least this and, by its intervals, above the baseline
    and the control."""


ROWS = "the rows of a sentence dealt out anew: whether it matters which query asks"
COLUMNS = "the columns of a row shuffled: how often chance would hit"

DEFINITIONS: Mapping[Name, Role] = {
    "positional": Role(
        "Positional",
        "attends most to the key at a fixed distance from the query",
        ("encoder", "decoder"),
        "any key, by chance",
        ROWS,
        0.5,
    ),
    "rare_word": Role(
        "Rare word",
        "attends most to the rarest word of the sentence, special tokens left out",
        ("encoder", "cross"),
        "always the first, the last or the longest word, whichever is right most often",
        COLUMNS,
        0.3,
    ),
    "sink": Role(
        "Sink",
        "attends most to a special token or to the last full stop, where there is nothing to read",
        KINDS,
        "any key, by chance",
        COLUMNS,
        0.5,
    ),
    "aligner": Role(
        "Aligner",
        "attends most to a source word that people linked to the target word",
        ("cross",),
        "the source word at the same relative place",
        ROWS,
        0.4,
    ),
    "copying": Role(
        "Copying",
        "attends most to the same piece: earlier in the translation, or in the source",
        ("decoder", "cross"),
        "the piece before; in the source, the same relative place",
        ROWS,
        0.5,
    ),
    "syntactic": Role(
        "Syntactic",
        "attends most to the word at the other end of one kind of dependency",
        ("encoder",),
        "always the same distance, whichever is right most often",
        ROWS,
        0.3,
    ),
}
"""Scores, thresholds and names after Voita et al. 2019 (https://arxiv.org/abs/1905.09418, section 5),
who ask 90 % of a positional head, and of a syntactic one ten points more than its baseline."""

STRICTLY_POSITIONAL = 0.9


@dataclass(frozen=True, slots=True)
class Played:
    """A sentence in which a head plays its role in `hits` of `chances` queries."""

    sentence: int
    """Its index among `Roles.sentences`."""
    hits: int
    chances: int


@dataclass(frozen=True, slots=True)
class RoleScore:
    """How far one head plays one role, at what it does best."""

    name: Name
    what: str
    """Which offset, special token, step or relation: what sets the head farthest above its
    baseline."""
    score: Estimate
    baseline: float
    control: float
    above_baseline: Estimate
    """Score minus baseline, on the same resamples of sentences."""
    above_control: Estimate
    n_chances: int
    most: tuple[Played, ...] = ()
    least: tuple[Played, ...] = ()

    @property
    def strength(self) -> float:
        """How far the score is above baseline and control, at most 1."""
        return self.score.value - max(self.baseline, self.control)

    @property
    def is_held(self) -> bool:
        """Whether the head has the role."""
        return (
            self.score.value >= DEFINITIONS[self.name].least
            and self.above_baseline.interval_95[0] > 0
            and self.above_control.interval_95[0] > 0
        )


@dataclass(frozen=True, slots=True)
class TreeScore:
    """Undirected attachment of an encoder head: the share of gold dependencies in the maximum
    spanning tree of its weights between words (after Raganato & Tiedemann 2018)."""

    score: Estimate
    above_baseline: Estimate


@dataclass(frozen=True, slots=True)
class Roles:
    """All heads of one checkpoint."""

    scores: Mapping[HeadPlace, tuple[RoleScore, ...]]
    trees: Mapping[HeadPlace, TreeScore]
    tree_baseline: float | None
    """Of each word attached to its neighbour."""
    sentences: tuple[tuple[str, str], ...]
    """Source and target, of those in which some head plays its role most or least."""
    kept_from: str
    """The text that these sentences are of."""
    texts: Mapping[str, int]
    """What was measured on -> its number of sentences."""
    weights_hash: str

    def main(self, place: HeadPlace) -> RoleScore | None:
        """The role that a head has; None if it has none.

        Of several it is the strongest; but a head that aligns words is an aligner, though what it
        aligns best are copies.
        """
        held = {each.name: each for each in self.scores.get(place, ()) if each.is_held}
        if "aligner" in held:
            held.pop("copying", None)
        return max(held.values(), key=lambda each: each.strength, default=None)

    def closest(self, place: HeadPlace) -> RoleScore | None:
        """Of a head without a role, the score that comes nearest to one; None if it has no score."""
        return max(
            self.scores.get(place, ()),
            key=lambda each: each.score.value / DEFINITIONS[each.name].least,
            default=None,
        )

    def to_json(self) -> dict[str, Any]:
        """Heads by their label, as `enc.L1H2`."""
        return {
            "scores": {
                place.label: [_score_json(each) for each in scores]
                for place, scores in self.scores.items()
            },
            "trees": {
                place.label: [tree.score.rounded(), tree.above_baseline.rounded()]
                for place, tree in self.trees.items()
            },
            "tree_baseline": self.tree_baseline,
            "sentences": [list(pair) for pair in self.sentences],
            "kept_from": self.kept_from,
            "texts": dict(self.texts),
            "weights_hash": self.weights_hash,
        }

    @classmethod
    def from_json(cls, values: Any) -> "Roles":
        """Read what `to_json` wrote; other keys are ignored.

        Raises:
            ValueError: if a value is missing or of another type; the message names it.
        """
        stored: _Stored = built(_Stored, values)
        n = len(stored["sentences"])
        for text in (text for pair in stored["sentences"] for text in pair):
            normalise(text)  # half of a surrogate pair would end the page that shows it
        for score in (score for scores in stored["scores"].values() for score in scores):
            if any(not 0 <= seen[0] < n for seen in (*score["most"], *score["least"])):
                raise ValueError(f"most and least must name one of the {n} sentences")
        return cls(
            scores={
                HeadPlace.labelled(label): tuple(map(_score, scores))
                for label, scores in stored["scores"].items()
            },
            trees={
                HeadPlace.labelled(label): TreeScore(*map(_estimate, tree))
                for label, tree in stored["trees"].items()
            },
            tree_baseline=stored["tree_baseline"],
            sentences=tuple(stored["sentences"]),
            kept_from=stored["kept_from"],
            texts=stored["texts"],
            weights_hash=stored["weights_hash"],
        )


def read_roles(folder: Path) -> Roles | None:
    """The roles stored in a checkpoint's folder; None without them.

    Raises:
        ValueError: if the file exists and cannot be read.
    """
    return read_measurement(folder / ROLES, Roles.from_json, made_with="python -m core roles")


_Numbers = tuple[float, float, float]


class _Score(TypedDict):
    name: Name
    what: str
    score: _Numbers
    baseline: float
    control: float
    above_baseline: _Numbers
    above_control: _Numbers
    n_chances: int
    most: list[tuple[int, int, int]]
    least: list[tuple[int, int, int]]


class _Stored(TypedDict):
    """What `roles.json` holds."""

    scores: dict[str, list[_Score]]
    trees: dict[str, tuple[_Numbers, _Numbers]]
    tree_baseline: float | None
    sentences: list[tuple[str, str]]
    kept_from: str
    texts: dict[str, int]
    weights_hash: str


def _score_json(score: RoleScore) -> dict[str, Any]:
    estimates = ("score", "above_baseline", "above_control")
    return {
        **asdict(score),
        **{name: getattr(score, name).rounded() for name in estimates},
        "baseline": round(score.baseline, 6),
        "control": round(score.control, 6),
        "most": [[seen.sentence, seen.hits, seen.chances] for seen in score.most],
        "least": [[seen.sentence, seen.hits, seen.chances] for seen in score.least],
    }


def _score(values: _Score) -> RoleScore:
    return RoleScore(
        name=values["name"],
        what=values["what"],
        score=_estimate(values["score"]),
        baseline=values["baseline"],
        control=values["control"],
        above_baseline=_estimate(values["above_baseline"]),
        above_control=_estimate(values["above_control"]),
        n_chances=values["n_chances"],
        most=tuple(Played(*seen) for seen in values["most"]),
        least=tuple(Played(*seen) for seen in values["least"]),
    )


def _estimate(numbers: Sequence[float]) -> Estimate:
    value, low, high = numbers
    return Estimate(value, (low, high))
