"""The link says what is on screen, and a bad link says so."""

import re
from pathlib import Path
from typing import Any, get_args
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

import explorer
from core.config import KINDS, LengthPenalty, Method
from explorer.app_pages.ablate.fields import AblateFields, Worth
from explorer.app_pages.anatomy.fields import AnatomyFields
from explorer.app_pages.contributions.fields import ContributionsFields
from explorer.app_pages.inside.fields import InsideFields, Split
from explorer.app_pages.lenses.fields import LensFields
from explorer.app_pages.over_text.fields import MeasureName, Source, TextFields
from explorer.app_pages.patching.fields import Parts, PatchingFields
from explorer.app_pages.positions.fields import (
    MOST_SCALE,
    MOST_SHIFT,
    Extent,
    PositionEdit,
    PositionPicture,
    PositionsFields,
    Stacks,
)
from explorer.app_pages.roles.fields import RolesFields
from explorer.app_pages.second_attempt.fields import DraftKind, SecondFields, Squares
from explorer.app_pages.table3.fields import Quality, Sort, Table3Fields
from explorer.app_pages.training.fields import Across, TrainingFields
from explorer.app_pages.why.fields import How, WhyFields
from explorer.choice.choice import (
    LEAST_TEMPERATURE,
    MOST_ALPHA,
    MOST_BEAMS,
    MOST_TEMPERATURE,
    Choice,
    Reading,
    Run,
    View,
    read_query,
    without_lost_models,
)
from explorer.choice.examples import EXAMPLES
from explorer.choice.url_fields import UrlFields, dependents
from explorer.components.equation.component import N_STAGES
from explorer.frame.tour import STOPS, TourFields
from explorer.head.fields import (
    TINTS,
    BeforeAfterFields,
    Compared,
    Drawing,
    HeadDrawing,
    StepsAfter,
    Units,
    Values,
)

some_number = st.none() | st.integers(1, 99)
runs = st.builds(
    Run,
    text=st.text(min_size=1),
    model=st.none() | st.text(min_size=1),
    prefix=st.lists(st.integers(0, 99_999)).map(tuple),
    target=st.text(),
    method=st.sampled_from(get_args(Method)),
    beam_size=st.integers(1, MOST_BEAMS),
    length_penalty=st.sampled_from(get_args(LengthPenalty)),
    alpha=st.floats(0, MOST_ALPHA),
    temperature=st.floats(LEAST_TEMPERATURE, MOST_TEMPERATURE),
    seed=st.integers(0, 999_999_999),
    ablation=st.sampled_from(["", "pos=shift:3", "enc.L2.ffn=skip,cross.L3H5=0"]),
)
views = st.builds(
    View,
    kind=st.sampled_from(KINDS),
    layer=some_number,
    head=some_number,
    step=some_number,
    row=some_number,
)
of_pages = {
    HeadDrawing: st.builds(
        HeadDrawing,
        measure=st.none() | st.sampled_from(TINTS),
        values=st.sampled_from(get_args(Values)),
        units=st.sampled_from(get_args(Units)),
        drawing=st.sampled_from(get_args(Drawing)),
        together=st.booleans(),
        specials=st.booleans(),
        threshold=st.floats(0, 1),
    ),
    BeforeAfterFields: st.builds(
        BeforeAfterFields,
        rows=st.sampled_from(get_args(StepsAfter)),
        which=st.sampled_from(get_args(Compared)),
    ),
    PositionsFields: st.builds(
        PositionsFields,
        picture=st.sampled_from(get_args(PositionPicture)),
        extent=st.sampled_from(get_args(Extent)),
        dimensions=st.lists(st.integers(0, 9_999), max_size=9).map(tuple),
        position=st.integers(0, 9_999),
        k=st.integers(0, MOST_SHIFT),
        positions=st.sampled_from(get_args(PositionEdit)),
        scale=st.floats(0, MOST_SCALE),
        stacks=st.sampled_from(get_args(Stacks)),
    ),
    AblateFields: st.builds(
        AblateFields, worth=st.sampled_from(get_args(Worth)), scored=some_number
    ),
    AnatomyFields: st.builds(
        AnatomyFields,
        encoder_layer=some_number,
        decoder_layer=some_number,
        encoder_head=some_number,
        decoder_head=some_number,
        cross_head=some_number,
        block=st.sampled_from(["", "linear", "encoder.layers.feed_forward"]),
    ),
    TrainingFields: st.builds(
        TrainingFields,
        runs=st.lists(st.text(min_size=1), max_size=9).map(tuple),
        across=st.sampled_from(get_args(Across)),
        log_x=st.booleans(),
        log_y=st.booleans(),
        snapshot=st.none() | st.integers(0, 999_999),
        held=st.booleans(),
        own=st.booleans(),
    ),
    InsideFields: st.builds(
        InsideFields, stage=st.integers(1, N_STAGES), split=st.sampled_from(get_args(Split))
    ),
    SecondFields: st.builds(
        SecondFields,
        draft=st.sampled_from(get_args(DraftKind)),
        edited=st.text(),
        wanted=st.text(),
        squares=st.sampled_from(get_args(Squares)),
        measured=st.none() | st.text(min_size=1),
    ),
    ContributionsFields: st.builds(ContributionsFields, depth=st.none() | st.integers(1, 99)),
    TextFields: st.builds(
        TextFields,
        measured_text=st.sampled_from(get_args(Source)),
        line=some_number,
        of_heads=st.sampled_from(get_args(MeasureName)),
    ),
    PatchingFields: st.builds(
        PatchingFields, other_text=st.text(), parts=st.sampled_from(get_args(Parts))
    ),
    LensFields: st.builds(LensFields, read=st.none() | st.integers(0, 99), pinned=st.text()),
    RolesFields: st.builds(RolesFields, most=st.integers(1, 3), least=st.integers(1, 3)),
    WhyFields: st.builds(
        WhyFields,
        how=st.sampled_from(get_args(How)),
        wanted_id=st.none() | st.integers(0, 99),
        other_id=st.none() | st.integers(0, 99),
    ),
    TourFields: st.builds(TourFields, tour=st.none() | st.integers(1, len(STOPS))),
    Table3Fields: st.builds(
        Table3Fields,
        quality=st.sampled_from(get_args(Quality)),
        compared=st.lists(st.text(min_size=1), max_size=9).map(tuple),
        sort=st.none() | st.sampled_from(get_args(Sort)),
        down=st.booleans(),
        opened=st.lists(st.text(min_size=1), max_size=9).map(tuple),
    ),
}
PAGES = tuple(of_pages)


def test_every_class_of_fields_is_here_and_made_whole() -> None:
    """So that no field is left out below, and no key of the link is two pages'."""
    names = [name for each in (Run, View, *PAGES) for name in each.names()]
    assert len(names) == len(set(names))
    made = {**of_pages, View: views, Run: runs}
    for each, strategy in made.items():
        assert set(strategy.wrapped_strategy.kwargs) == set(each.names()), each
    app = Path(explorer.__file__).parent
    found = {
        name
        for file in app.rglob("*.py")
        for name in re.findall(r"^class (\w+)\(UrlFields\)", file.read_text("utf-8"), re.MULTILINE)
    }
    assert found == {each.__name__ for each in (Run, View, *PAGES)} | {"Point"}


@given(runs, views, st.none() | runs, st.tuples(*of_pages.values()))
def test_a_choice_survives_the_link(
    run: Run, view: View, beside: Run | None, fields: tuple[UrlFields, ...]
) -> None:
    choice = Choice(run, view, beside)
    for each in fields:
        choice = choice.with_fields(each)
    reading = read_query(choice.to_query())
    assert reading.choice == choice
    notices: list[str] = []
    assert [reading.choice.of(type(each), notices) for each in fields] == list(fields)
    assert not reading.notices
    assert not notices


def test_fields_of_one_page_leave_those_of_another_alone() -> None:
    choice = Choice().with_fields(PositionsFields(k=7)).with_fields(AblateFields(worth="text"))
    choice = choice.with_fields(AblateFields()).with_fields(View(layer=2))
    assert choice.of(PositionsFields).k == 7
    assert choice.of(AblateFields).worth == "sentence"
    assert choice.to_query() == {"text": EXAMPLES[0], "layer": "2", "k": "7"}


SEARCH = ("method", "beam_size", "length_penalty", "alpha", "temperature", "seed")
GOES_WITH = {
    "text": {"prefix", "target", "step", "row", "scored", "edited", "wanted", "pinned", "wanted_id", "other_id"},
    "model": {"prefix", "target", "ablation", "layer", "head", "step", "row", "scored", "snapshot",
              "own", "dimensions", "encoder_layer", "decoder_layer", "encoder_head",
              "decoder_head", "cross_head", "most", "least", "depth", "read", "pinned", "wanted_id", "other_id", "line"},
    "measured_text": {"line"},
    **{name: {"most", "least"} for name in ("kind", "layer", "head")},
    "prefix": {"step", "scored", "pinned", "wanted_id", "other_id"},
    "target": {"step", "pinned", "wanted_id", "other_id"},
    "ablation": {"step", "pinned", "wanted_id", "other_id"},
    "step": {"wanted_id", "other_id"},
    **{key: {"step", "scored", "pinned", "wanted_id", "other_id"} for key in SEARCH},
}  # fmt: skip
"""What depends on a field, directly or not; on all other fields nothing does."""


def test_what_depends_on_what() -> None:
    names = [name for each in (Run, View, *PAGES) for name in each.names()]
    assert {name: set(dependents([name])) for name in names} == {
        name: GOES_WITH.get(name, set()) for name in names
    }
    assert dependents(["ablation", "text"]) == GOES_WITH["ablation"] | GOES_WITH["text"]


WHOLE = {
    "text": "A dog.", "model": "old", "prefix": "3.4", "target": "Ein", "ablation": "enc.L1=skip",
    "beam_size": "2", "kind": "encoder", "layer": "2", "head": "3", "step": "4", "row": "5",
    "scored": "2", "most": "2", "least": "3", "depth": "1", "read": "0", "pinned": "Haus", "wanted_id": "7", "other_id": "8", "snapshot": "7", "own": "1", "dimensions": "1.2", "line": "2", "k": "3", "across": "tokens",
    "encoder_layer": "1", "decoder_layer": "2", "encoder_head": "3", "decoder_head": "4",
    "cross_head": "5", "block": "linear", "draft": "edited", "edited": "Ein", "wanted": "Der",
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "broken"),
    [("text", "x" * 5_001), ("beam_size", "17"), ("model", "x" * 5_001), ("ablation", "?")],
)
def test_what_depends_on_a_broken_part_of_a_link_goes_with_it_and_is_named(
    name: str, broken: str
) -> None:
    reading = read_query({**WHOLE, name: broken})
    kept = {key: value for key, value in WHOLE.items() if key not in {name, *GOES_WITH[name]}}
    assert reading.choice.to_query() == {"text": EXAMPLES[0], **kept}
    (notice,) = reading.notices
    assert set(re.findall(r"\w+", notice.partition("; ")[2])) >= GOES_WITH[name]
    assert "left out too." in notice


def test_a_replaced_part_on_which_nothing_in_the_link_depends_takes_nothing_with_it() -> None:
    reading = read_query({"text": "A dog.", "beam_size": "17", "layer": "2"})
    assert reading.choice == Choice(Run("A dog."), View(layer=2))
    assert reading.notices == (
        "The link says beam_size=17, but beam_size must be a whole number from 1 to 16.",
    )


def test_a_broken_run_beside_loses_its_own_alone() -> None:
    of_beside = {"text": "x" * 5_001, "prefix": "1", "beam_size": "3"}
    reading = read_query({**WHOLE, "beside": urlencode(of_beside)})
    assert reading.choice.beside == Run(beam_size=3)
    assert reading.choice.run.prefix == (3, 4)


def gone(name: str) -> str | None:
    return {"old": "there is no such folder", "bad": "it has no weights"}.get(name)


def test_a_lost_model_takes_what_depends_on_it() -> None:
    reading = without_lost_models(read_query(WHOLE).choice, gone)
    kept = {key: value for key, value in WHOLE.items() if key not in {"model", *GOES_WITH["model"]}}
    assert reading.choice.to_query() == kept
    (notice,) = reading.notices
    assert notice.startswith("The model old cannot be shown: there is no such folder; prefix, ")
    assert set(re.findall(r"\w+", notice)) >= GOES_WITH["model"]


def test_a_lost_model_of_the_run_beside_takes_what_is_its_own() -> None:
    beside = Run("A cat.", model="bad", prefix=(1,), seed=3)
    choice = read_query({**WHOLE, "model": "new"}).choice.with_beside(beside)
    reading = without_lost_models(choice, gone)
    assert reading.choice == choice.with_beside(Run("A cat.", seed=3))
    assert reading.notices == (
        "The model bad of the run beside cannot be shown: it has no weights; prefix, which depends on "
        "it, is left out too.",
    )


def test_models_that_are_there_lose_nothing() -> None:
    choice = read_query({**WHOLE, "model": "new"}).choice.with_beside(Run(model="new", prefix=(1,)))
    assert without_lost_models(choice, gone) == Reading(choice)
    assert without_lost_models(Choice(), gone) == Reading(Choice())


def test_a_comma_in_a_name_does_not_part_it() -> None:
    query = TrainingFields(runs=("big, wide", "50%2C")).to_query()
    assert query == {"runs": "big%2C wide,50%252C"}
    assert read_query(query).choice.of(TrainingFields).runs == ("big, wide", "50%2C")


def test_two_classes_cannot_share_a_key_of_the_link() -> None:
    with pytest.raises(
        TypeError, match=r"^k is a field of \S+PositionsFields already; give that of"
    ):
        type("Other", (UrlFields,), {"__annotations__": {"k": int}})


def test_what_is_no_field_is_dropped() -> None:
    reading = read_query({"left": "over", "Z": "1", "compared": "y" * 5_001})
    assert reading.choice == Choice()


def test_an_ablation_is_kept_as_it_is_written() -> None:
    reading = read_query({"ablation": " dec.pos=shift:3.0, enc.pos=shift:3"})
    assert reading.choice.run.ablation == "pos=shift:3"


def test_an_empty_link_shows_the_first_example() -> None:
    assert read_query({}).choice == Choice(Run(text=EXAMPLES[0]))


@pytest.mark.parametrize(
    ("query", "rule"),
    [
        ({"layer": "three"}, "layer must be a whole number from 1"),
        ({"head": "0"}, "head must be a whole number from 1"),
        ({"step": "-1"}, "step must be a whole number from 1"),
        ({"step": "²"}, "step must be a whole number from 1"),
        ({"row": "0"}, "row must be a whole number from 1"),
        ({"beam_size": "17"}, "beam_size must be a whole number from 1 to 16"),
        ({"alpha": "nan"}, "alpha must be a number from 0 to 2"),
        ({"temperature": "3"}, "temperature must be a number from 0.05 to 2"),
        ({"measure": "foo"}, "measure must be one of none, entropy, distance,"),
        ({"threshold": "x"}, "threshold must be a number from 0 to 1"),
        ({"kind": "self"}, "kind must be one of encoder, decoder, cross"),
        ({"method": "magic"}, "method must be one of greedy, beam, sample"),
        ({"prefix": "5.x"}, "prefix must be a whole number from 0"),
        ({"quality": "chrf"}, "quality must be one of bleu, perplexity"),
        ({"across": "time"}, "across must be one of step, tokens"),
        ({"snapshot": "-1"}, "snapshot must be a whole number from 0"),
        ({"specials": "yes"}, "specials must be a whole number from 0 to 1"),
        ({"text": "x" * 5_001}, "text has 5,001 characters, but at most 5,000 are allowed"),
        ({"dimensions": "1.x"}, "dimensions must be a whole number from 0"),
        ({"position": "-1"}, "position must be a whole number from 0"),
        ({"k": "1001"}, "k must be a whole number from 0 to 1000"),
        ({"scale": "9"}, "scale must be a number from 0 to 8"),
        ({"positions": "gone"}, "positions must be one of off, shift, scale"),
        ({"stacks": "all"}, "stacks must be one of both, encoder, decoder"),
        ({"picture": "x"}, "picture must be one of experiment, curves, table, distance, shift"),
        ({"rows": "x"}, "rows must be one of first, new"),
        ({"extent": "x"}, "extent must be one of many, sentence"),
        ({"ablation": "pos=gone"}, "'pos=gone' is not a part of an ablation"),
        ({"beside": "alpha=9"}, "alpha must be a number from 0 to 2"),
    ],
)
def test_a_value_that_breaks_its_rule_is_named(query: dict[str, str], rule: str) -> None:
    reading = read_query(query)
    assert reading.choice.run == Run()
    assert reading.choice.view == View()
    notices = list(reading.notices)
    for each in PAGES:
        assert reading.choice.of(each, notices) == each()
    (notice,) = notices
    assert rule in notice


NAMES = [name for each in (Run, View, *PAGES) for name in each.names()]


@given(st.dictionaries(st.sampled_from([*NAMES, "beside"]), st.text()))
def test_no_link_breaks_the_page(query: dict[str, Any]) -> None:
    choice = read_query(query).choice
    for each in PAGES:
        choice = choice.with_fields(choice.of(each))
    choice.to_query()
