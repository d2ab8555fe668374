"""The methods side by side: the paper's Tables 2 to 4 in our rows, with intervals over problems.

Nothing here imports torch.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from core.evaluation.bootstrap import bleu, bleu_statistics, chrf, chrf_statistics
from core.evaluation.rewards import REWARDS
from core.system.files import write_json
from core.system.text_tables import Cells, aligned, markdown_table
from core.training.score.methods import METHODS
from core.training.score.metrics import BySeed, Correction, Share, correction, edit_shares, share
from core.training.score.record import Attempted

Format = Literal["text", "markdown", "short", "json"]
"""`short` is Markdown with few columns, for a README."""

BASE, SCORE = "base", "score"
PAPER: Mapping[str, tuple[float, float, float, float | None, float | None]] = {
    "base": (52.6, 41.4, -11.2, 4.6, 15.8),
    "star_plus": (53.6, 54.0, 0.4, 2.6, 2.2),
    "pair_self": (52.4, 54.2, 1.8, 5.4, 3.6),
    "score": (60.0, 64.4, 4.4, 5.8, 1.4),
    "without_shaping": (60.0, 62.6, 2.6, None, None),
    "first_only": (61.8, 59.4, -2.4, None, None),
    "without_stage1": (59.2, 61.4, 2.2, None, None),
    "star_stage2": (56.2, 58.4, 2.2, None, None),
    "without_on_policy": (60.4, 60.6, 0.2, None, None),
}
"""MATH, Gemini 1.5 Flash (Tables 2 and 4): Acc@t1, Acc@t2, Δ, i→c, c→i. Levels do not compare with
ours; signs and order may."""


@dataclass(frozen=True, slots=True)
class Row:
    """One method on one text, over all its seeds."""

    method: str
    text: str
    seeds: tuple[int, ...]
    accuracy: Correction
    deltas: tuple[float, ...]
    """Δ of each seed."""
    rewards: tuple[Share, Share]
    """The mean reward of each attempt."""
    bleu: tuple[float, float] | None
    """Corpus BLEU (13a) of each attempt, mean over seeds; None where attempts are right or wrong."""
    chrf: tuple[float, float] | None
    """The same in chrF."""
    first_gain: Share | None
    """Acc@t1 minus Base's, problem by problem; None for Base itself."""
    beside_score: Share | None
    """Δ minus SCoRe's, problem by problem; None for SCoRe itself."""
    unchanged: Share
    """Second attempts that repeat the first."""
    edits: tuple[float, ...]
    """Deciles (10 % to 90 %) of how far a second attempt is from the first, 0 to 1."""
    controls: Mapping[str, Share]
    """Acc@t2 with another draft than the model's own."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def read_attempts(folder: Path) -> dict[str, dict[str, dict[int, Attempted]]]:
    """Every record below an experiment's folder: text -> method -> seed -> attempts.

    Raises:
        ValueError: if there is none; the message says how one is made.
    """
    found: dict[str, dict[str, dict[int, Attempted]]] = {}
    for file in sorted(folder.glob("*-*/attempts/*.json")):
        method, _, seed = file.parent.parent.name.rpartition("-")
        if method in METHODS and seed.isdecimal():
            found.setdefault(file.stem, {}).setdefault(method, {})[int(seed)] = Attempted.load(file)
    if not found:
        raise ValueError(
            f"{folder} holds no attempts of any method; make some with `python -m core score train`"
        )
    return found


def rows(
    by_text: Mapping[str, Mapping[str, Mapping[int, Attempted]]], *, reward: str, is_right: float
) -> list[Row]:
    """A row for each text and method, in the order of `METHODS`; others come last.

    Raises:
        ValueError: if `is_right` is no share, or a text has not the same problems for all.
    """
    if not 0 < is_right <= 1:
        raise ValueError(f"is_right={is_right:g} must be above 0 and at most 1")
    for text, by_method in by_text.items():
        _require_same_problems(text, by_method)
    return [
        _row(method, text, by_method, reward, is_right)
        for text, by_method in by_text.items()
        for method in dict.fromkeys((*METHODS, *by_method))
        if method in by_method
    ]


def _require_same_problems(text: str, by_method: Mapping[str, Mapping[int, Attempted]]) -> None:
    known: Attempted | None = None
    for method, by_seed in by_method.items():
        for seed, made in by_seed.items():
            if known and made.references != known.references:
                raise ValueError(
                    f"{method}-{seed} was measured on another text {text} than the others; remove its "
                    f"attempts/{text}.json, and `python -m core score train` measures anew"
                )
            known = made


def _row(
    method: str,
    text: str,
    by_method: Mapping[str, Mapping[int, Attempted]],
    reward: str,
    is_right: float,
) -> Row:
    attempted = by_method[method]
    seeds = tuple(sorted(attempted))
    first, second = _rewards(attempted, reward)
    edits = np.array([edit_shares(attempted[seed].first, attempted[seed].second) for seed in seeds])
    right = (first >= is_right).mean(0), (second >= is_right).mean(0)
    of_base, of_score = (
        tuple((part >= is_right).mean(0) for part in _rewards(by_method[other], reward))
        if other in by_method and other != method
        else None
        for other in (BASE, SCORE)
    )
    return Row(
        method=method,
        text=text,
        seeds=seeds,
        accuracy=correction(first, second, is_right=is_right),
        deltas=tuple(
            float((b >= is_right).mean() - (a >= is_right).mean()) * 100
            for a, b in zip(first, second, strict=True)
        ),
        rewards=(share(first), share(second)),
        bleu=None if reward == "exact" else _corpus_scores(attempted.values(), _bleu),
        chrf=None if reward == "exact" else _corpus_scores(attempted.values(), _chrf),
        first_gain=share(right[0] - of_base[0]) if of_base else None,
        beside_score=share((right[1] - right[0]) - (of_score[1] - of_score[0]))
        if of_score
        else None,
        unchanged=share(edits == 0),
        edits=tuple(np.quantile(edits, np.arange(1, 10) / 10).round(4).tolist()),
        controls=_controls([attempted[seed] for seed in seeds], reward, is_right),
    )


def _rewards(attempted: Mapping[int, Attempted], reward: str) -> tuple[BySeed, BySeed]:
    """First and second attempts' rewards, seeds x problems each."""
    both = [attempted[seed].rewards(reward) for seed in sorted(attempted)]
    return np.array([first for first, _ in both]), np.array([second for _, second in both])


def _corpus_scores(
    attempted: Iterable[Attempted], score: Callable[[Sequence[str], Sequence[str]], float]
) -> tuple[float, float]:
    both = [
        (score(each.first, each.references), score(each.second, each.references))
        for each in attempted
    ]
    first, second = np.mean(both, axis=0)
    return float(first), float(second)


def _bleu(translations: Sequence[str], references: Sequence[str]) -> float:
    return bleu(bleu_statistics(translations, references, lowercase=False).sum(0))


def _chrf(translations: Sequence[str], references: Sequence[str]) -> float:
    return chrf(chrf_statistics(translations, references).sum(0))


def _controls(attempted: Sequence[Attempted], reward: str, is_right: float) -> dict[str, Share]:
    kinds = [
        kind for kind in attempted[0].controls if all(kind in each.controls for each in attempted)
    ]
    return {
        kind: share(
            np.array([REWARDS[reward](each.controls[kind], each.references) for each in attempted])
            >= is_right
        )
        for kind in kinds
    }


HEADER = (
    "method", "Acc@t1", "Acc@t2", "Δ", "SCoRe paper", "i→c", "c→i", "Acc@t1 − Base", "Δ − SCoRe", "Δ of each seed",
    "unchanged", "reward 1", "reward 2", "BLEU", "chrF", "p",
)  # fmt: skip
CONTROLS_TITLE = "Acc@t2 with other drafts than the model's own:"
CONTROLS_HEADER = ("method", "own draft", "other", "reference", "corrupted", "empty")


SHORT_HEADER = ("method", "Acc@t1", "Acc@t2", "Δ", "Δ in the SCoRe paper")


def report(found: Sequence[Row], format_: Format) -> str:
    """All rows, a table a text, and the controls; without a last line break."""
    if format_ == "json":
        return write_json([row.to_json() for row in found]).rstrip("\n")
    parts = []
    for text in dict.fromkeys(row.text for row in found):
        of_text = [row for row in found if row.text == text]
        parts.append(text if format_ == "text" else f"### {text}")
        parts += _tables(of_text, format_)
    return "\n\n".join([*parts, NOTE])


def _tables(of_text: Sequence[Row], format_: Format) -> list[str]:
    if format_ == "short":
        return [markdown_table([SHORT_HEADER, *map(_short_cells, of_text)])]
    draw = aligned if format_ == "text" else markdown_table
    controls = control_lines(of_text)
    return [draw(lines(of_text)), *([CONTROLS_TITLE, draw(controls)] if controls else [])]


def _short_cells(row: Row) -> Cells:
    accuracy = row.accuracy
    paper = PAPER.get(row.method)
    return (
        METHODS[row.method].title if row.method in METHODS else row.method,
        f"{accuracy.first.value:.1f}",
        f"{accuracy.second.value:.1f}",
        _share(accuracy.delta, sign="+"),
        f"{paper[2]:+.1f}" if paper else "",
    )


NOTE = (
    "Shares of all problems in per cent, with 95 % intervals (bootstrap over problems, each with its mean "
    "over seeds). Acc@t1, Acc@t2: right in attempt 1, in attempt 2. i→c: wrong, then right. c→i: right, then wrong. "
    "Δ = Acc@t2 − Acc@t1 = i→c − c→i. Unchanged: attempt 2 repeats attempt 1. p: McNemar’s test of Acc@t1 = Acc@t2, "
    "each seed. The SCoRe paper: Acc@t1 → Acc@t2 (Δ; i→c, c→i) of another model on another task (Gemini 1.5 Flash, "
    "MATH): compare signs and order, not levels."
)


def lines(of_text: Sequence[Row]) -> list[Cells]:
    """`HEADER` and the cells of each row, without the columns that are empty in all of them."""
    filled = [_cells(row) for row in of_text]
    used = [place for place in range(len(HEADER)) if any(row[place] for row in filled)]
    return [tuple(row[place] for place in used) for row in (HEADER, *filled)]


def _cells(row: Row) -> Cells:
    accuracy = row.accuracy
    is_exact = row.bleu is None  # then the mean reward is the accuracy
    return (
        row.method,
        _share(accuracy.first),
        _share(accuracy.second),
        _share(accuracy.delta, sign="+"),
        _of_paper(row.method),
        f"{accuracy.to_correct.value:.1f}",
        f"{accuracy.to_incorrect.value:.1f}",
        *(_share(each, sign="+") if each else "" for each in (row.first_gain, row.beside_score)),
        " ".join(f"{delta:+.1f}" for delta in row.deltas),
        f"{row.unchanged.value:.0f}",
        *("" if is_exact else f"{reward.value:.1f}" for reward in row.rewards),
        _both(row.bleu),
        _both(row.chrf),
        " ".join(f"{p:.1g}" for p in accuracy.p_mcnemar),
    )


def _of_paper(method: str) -> str:
    """Acc@t1 → Acc@t2 (Δ), and i→c, c→i where the paper has them."""
    if method not in PAPER:
        return ""
    first, second, delta, to_correct, to_incorrect = PAPER[method]
    turned = "" if to_correct is None else f"; {to_correct:.1f}, {to_incorrect:.1f}"
    return f"{first:.1f} → {second:.1f} ({delta:+.1f}{turned})"


def control_lines(of_text: Sequence[Row]) -> list[Cells]:
    """`CONTROLS_HEADER` and the cells of each row that has controls; empty if none has."""
    controlled = [_control_cells(row) for row in of_text if row.controls]
    return [CONTROLS_HEADER, *controlled] if controlled else []


def _both(scores: tuple[float, float] | None) -> str:
    return f"{scores[0]:.1f} → {scores[1]:.1f}" if scores else ""


def _control_cells(row: Row) -> Cells:
    shares = (row.accuracy.second, *(row.controls[kind] for kind in CONTROLS_HEADER[2:]))
    return (row.method, *(f"{each.value:.1f}" for each in shares))


def _share(share_: Share, *, sign: str = "") -> str:
    low, high = share_.interval_95
    return f"{share_.value:{sign}.1f} [{low:{sign}.1f}, {high:{sign}.1f}]"
