"""What the experiment found on whole texts: every method, both attempts, edits, and its training."""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import streamlit as st

from core.system.text_tables import Cells
from core.training.score.methods import METHODS
from core.training.score.report import NOTE, control_lines, lines
from core.training.score.results import Points, Report, Results
from explorer.app_pages.second_attempt.attempts import REWARD_NAMES, Attempts
from explorer.app_pages.second_attempt.fields import SecondFields
from explorer.app_pages.second_attempt.figures import course_figure, edits_figure, rewards_figure
from explorer.choice import session
from explorer.choice.page_context import PageContext
from explorer.engine import second_attempts
from explorer.figures.axes import signed
from explorer.figures.standalone import Picture
from explorer.frame.chart import draw_chart
from explorer.frame.messages import note, notice
from explorer.frame.pick import pick
from explorer.frame.tables import draw_table

WRONG = "wrong_credit"
HELD = " In Stage I, attempt 1 is held near it."
SEARCHED = (
    "Searches were greedy, but for the rows Beam search and Best of 2. The attempts at the top of the page use the "
    "search that is set under Decoding."
)


def draw_corpus(shown: PageContext, pair: Attempts) -> list[Picture]:
    """Draw the experiment's measurements; returns the pictures."""
    st.subheader("How often: over a whole test text", anchor=False)
    results = pair.experiment.results
    text = chosen_text(shown, results)
    if len(results.texts) > 1:
        names = {name: name for name in results.texts}
        pick("Measured on", names, **session.bind(SecondFields, "measured", text))
    st.write(verdict(results, text, pair.method))
    draw_table(
        table(results, text), name="methods", caption=f"Every method on {text}", is_whole=True
    )
    note(f"{NOTE} {_right(results)} {SEARCHED}")
    controls = control_table(results, text)
    if controls:
        with st.expander("With other drafts: Acc@t2 of every method"):
            draw_table(
                controls, name="controls", caption=f"Acc@t2 by draft on {text}", is_whole=True
            )
    try:
        points = second_attempts.points(pair.experiment.folder)
    except ValueError as error:
        notice(f"{error}.")
        return []
    pictures = corpus_pictures(results, points, text, pair.method)
    for left, right in zip(pictures[::2], [*pictures[1::2], None], strict=False):
        for place, picture in zip(st.columns(2, gap="large"), (left, right), strict=True):
            if picture:
                with place:
                    st.markdown(f"**{picture.title}**")
                    draw_chart(picture.shown, alt=picture.title, key=f"corpus-{picture.title}")
                    note(picture.note)
    _exhibit(results, text)
    return pictures


def verdict(results: Results, text: str, method: str) -> str:
    """What a method's second attempts are worth on a text, in words; empty if it was not measured."""
    found = next((row.accuracy for row in results.rows_of(text) if row.method == method), None)
    if found is None:
        return ""
    low, high = found.delta.interval_95
    said = (
        "attempt 2 is better"
        if low > 0
        else "attempt 2 is worse"
        if high < 0
        else "no difference is shown"
    )
    return (
        f"**{METHODS[method].title}** is right in {found.first.value:.1f} % of attempts 1 and in "
        f"{found.second.value:.1f} % of attempts 2: Δ {signed(found.delta.value, 1, plus=True)} points "
        f"[{signed(low, 1, plus=True)}, {signed(high, 1, plus=True)}], {said}."
    )


def chosen_text(shown: PageContext, results: Results) -> str:
    chosen = shown.of(SecondFields).measured
    return chosen if chosen in results.texts else results.texts[0]


def _right(results: Results) -> str:
    name = REWARD_NAMES[results.reward]
    if results.reward == "exact":
        return "An attempt is right if it is the reference."
    return (
        f"An attempt counts as right if its {name} is at least {results.is_right * 100:g} of 100: a "
        "stand-in, chosen before the training, as translations are neither right nor wrong."
    )


def table(results: Results, text: str) -> list[dict[str, object]]:
    """A line for each method, under its title."""
    return _titled(lines(results.rows_of(text)))


def control_table(results: Results, text: str) -> list[dict[str, object]]:
    """A line for each method that was measured with other drafts."""
    return _titled(control_lines(results.rows_of(text)))


def _titled(found: Sequence[Cells]) -> list[dict[str, object]]:
    if not found:
        return []
    header, *rows = found
    return [
        {"method": METHODS[row[0]].title, **dict(zip(header[1:], row[1:], strict=True))}
        for row in rows
    ]


def corpus_pictures(
    results: Results, points: Mapping[tuple[str, str], Points], text: str, method: str
) -> list[Picture]:
    """Rewards, edits and the training of one method."""
    found = points.get((text, method))
    pictures = []
    if found and results.reward != "exact":
        pictures.append(_rewards(results, found, text, method))
    edits = {
        METHODS[name].title: points[text, name].edits
        for name in dict.fromkeys(("base", method))
        if (text, name) in points
    }
    if edits:
        pictures.append(
            Picture(
                f"How much the second attempt changes, {text}",
                edits_figure(edits),
                "Of all characters in both attempts, the share without a match in the other."
                + ("" if found is None else f" {quadrants(found, results.is_right)}"),
            )
        )
    return [*pictures, *_course(results, method)]


def quadrants(found: Points, is_right: float) -> str:
    """How many problems are right in which attempt."""
    c1, c2 = found.first >= np.float32(is_right), found.second >= np.float32(is_right)
    n = len(c1)
    parts = (
        (f"{np.sum(c1 & c2) / n:.1%} right twice", True),
        (f"{np.sum(~c1 & c2) / n:.1%} corrected (i→c)", True),
        (f"{np.sum(c1 & ~c2) / n:.1%} spoilt (c→i)", True),
        (f"{np.sum(~c1 & ~c2) / n:.1%} wrong twice", True),
    )
    return f"Of {n:,} problems: {', '.join(part for part, _ in parts)} (first seed)."


def _rewards(results: Results, found: Points, text: str, method: str) -> Picture:
    name = REWARD_NAMES[results.reward]
    return Picture(
        f"Both attempts at each problem, {METHODS[method].title}, {text}",
        rewards_figure(found.first, found.second, results.is_right, name),
        "Above the diagonal, the second attempt is better. Upper left: corrected; lower right: spoilt. "
        + quadrants(found, results.is_right),
    )


def _course(results: Results, method: str) -> list[Picture]:
    reports = [each for each in results.courses.get(method, ()) if each.reward_2 is not None]
    if not reports:
        return []
    steps = [each.step for each in reports]
    stages = [a.step for a, b in itertools.pairwise(reports) if a.stage != b.stage]
    title = METHODS[method].title
    pictures = [
        Picture(
            f"Rewards during training, {title}",
            course_figure(
                steps, _pair(reports, "reward"), y_title=REWARD_NAMES[results.reward], stages=stages
            ),
            "The mean reward of attempts sampled at temperature 1, over ten updates: noisy, and usually "
            "below that of greedy attempts.",
        )
    ]
    if any(report.kl_1 is not None for report in reports):
        is_held = any(stage.anchors_first for stage in METHODS[method].stages)
        pictures.append(
            Picture(
                f"Distance from Base, {title}",
                course_figure(
                    steps, _pair(reports, "kl"), y_title="nats an attempt", stages=stages
                ),
                f"KL divergence of the model from Base, which it began with.{HELD * is_held}",
            )
        )
    return pictures


def _pair(reports: Sequence[Report], name: str) -> dict[str, list[float | None]]:
    """One quantity of both attempts."""
    return {f"attempt {n}": [getattr(report, f"{name}_{n}") for report in reports] for n in (1, 2)}


def _exhibit(results: Results, text: str) -> None:
    """The wrong assignment of credit, told with its numbers."""
    by_method = {row.method: row.accuracy for row in results.rows if row.text == text}
    if WRONG not in by_method or "base" not in by_method:
        return
    wrong, base = by_method[WRONG], by_method["base"]
    with st.expander("An exhibit: paying the first attempt for the correction"):
        st.write(
            f"SCoRe gives attempt 2 the bonus α·(r2 − r1) for its gain over attempt 1; r1 and r2 are the rewards of "
            f"both. Here attempt 1 gets the bonus too. So it earns most by being wrong first, and "
            f"learns that: Acc@t1 goes from {base.first.value:.1f} to {wrong.first.value:.1f}, while Δ goes "
            f"from {signed(base.delta.value, 1, plus=True)} to {signed(wrong.delta.value, 1, plus=True)}. "
            "So Δ alone does not rank methods."
        )
