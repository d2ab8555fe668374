"""The Roles page: each square, number and sentence is of the head that it names."""

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest

import core
from core.analysis.head_place import HeadPlace
from core.analysis.roles.examples import example_sentences
from core.analysis.roles.measure import RoleText, measure_roles
from core.analysis.roles.roles import DEFINITIONS, ROLES, Played, Roles, RoleScore, TreeScore
from core.checkpoint.folder import Checkpoint, load_checkpoint
from core.config import KINDS
from core.evaluation.ratios import Estimate
from core.text.toy_grammar import sentence_pairs
from explorer.app_pages.roles.figures import COLOURS, NO_ROLE, layer_rows, short, squares
from explorer.components.overview.component import Painted
from explorer.figures.colours import ink_on, measure_colour
from tests.checkpoints import write_checkpoint
from tests.explorer.pages import Open, Shelf, charts, link, open_page, shelf, subheaders
from tests.explorer.readings import (
    assert_shown,
    components,
    first_map,
    frame,
    labels,
    markup,
    numbers,
    read,
    said,
    tiles,
)

__all__ = ["open_page", "shelf"]

SHAPES = {"encoder": (2, 5), "decoder": (3, 5), "cross": (3, 5)}
LAYERS = {
    values: {step: [[0.1 * n + (step == "consumed") * 0.05, 0.0, 1.0] for n in range(1, 4)]
             for step in ("produced", "consumed")}
    for values in ("weights", "norms")
}  # fmt: skip


def score(name: str, what: str, value: float, *played: tuple[int, int, int]) -> RoleScore:
    def around(number: float) -> Estimate:
        return Estimate(number, (number - 0.01, number + 0.01))

    seen = [Played(*each) for each in played]
    return RoleScore(
        name, what, around(value), 0.1, 0.05, around(value - 0.1), around(value - 0.05), 300,
        tuple(seen[:2]), tuple(seen[2:]),
    )  # fmt: skip


def made_up(checkpoint: Checkpoint) -> Roles:
    """Every kind has one head with a role; the others have scores without one."""
    measured = measure_roles(checkpoint, RoleText("toy", list(sentence_pairs(20))))
    given = {
        HeadPlace("encoder", 1, 2): score("positional", "the piece before it", 0.8, (0, 9, 9), (1, 8, 9), (2, 1, 9)),
        HeadPlace("decoder", 2, 4): score("sink", "a special token", 0.9, (1, 6, 6), (0, 5, 6), (2, 2, 6)),
        HeadPlace("cross", 0, 3): score("aligner", "the source of the word just read, one step late (AWI)", 0.7, (2, 5, 5), (0, 4, 5), (1, 1, 5)),
    }  # fmt: skip
    scores = {
        place: (given[place],)
        if place in given
        else tuple(dataclasses.replace(each, score=Estimate(0.01, (0.0, 0.02))) for each in found)
        for place, found in measured.scores.items()
    }
    two = HeadPlace("encoder", 1, 2)
    scores[two] = (score("sink", "a special token", 0.6), given[two])
    tree = TreeScore(Estimate(0.31, (0.28, 0.33)), Estimate(-0.1, (-0.2, 0.1)))
    return dataclasses.replace(
        measured, scores=scores, sentences=tuple(sentence_pairs(3)), texts={"toy": 20},
        trees={HeadPlace("encoder", 0, 3): tree}, tree_baseline=0.47,
    )  # fmt: skip


@pytest.fixture
def pages(shelf: Shelf) -> Shelf:
    if not (shelf.root / "toy").is_dir():
        alignment = {
            "layer": 1, "head": 1, "rows": "produced", "alignment_error_rate": 0.4, "n_sentences": 7,
            "layers": LAYERS, "data": "a text",
        }  # fmt: skip
        checkpoint = write_checkpoint(
            shelf.root / "toy", metrics={"languages": ["English", "German"], "alignment": alignment}
        )
        roles = json.dumps(made_up(checkpoint).to_json())
        (shelf.root / "toy" / ROLES).write_text(roles)
        del alignment["alignment_error_rate"]
        write_checkpoint(
            shelf.root / "links", metrics={"alignment": {**alignment, "agreement": 0.5}}
        )
        (shelf.root / "links" / ROLES).write_text(roles)  # of the same weights
    return shelf


@pytest.fixture
def roles(pages: Shelf) -> Roles:
    return Roles.from_json(json.loads((pages.root / "toy" / ROLES).read_text()))


def main_role(main: RoleScore) -> str:
    percent = round(100 * main.score.value)
    return f"{DEFINITIONS[main.name].title}: {main.what}, in {percent}% of its queries"


def test_every_square_is_the_role_of_its_head(pages: Shelf, roles: Roles) -> None:
    page = pages("roles")
    drawn = [tiles(data)[0] for data in components(page, "attention_overview")]
    for kind, meta in zip(KINDS, drawn, strict=True):
        assert tuple(meta["shape"][:2]) == SHAPES[kind]
        for index, (layer, head) in enumerate(np.ndindex(SHAPES[kind])):
            place = HeadPlace(kind, layer, head)
            main = roles.main(place)
            assert meta["tint"]["labels"][index] == (short(main, kind) if main else "")
            assert (meta["tint"]["colours"][index] == NO_ROLE) == (main is None)
            expected = main_role(main) if main else "no role"
            assert meta["tint"]["names"][index] == expected
    labelled = [label for meta in drawn for label in meta["tint"]["labels"] if label]
    assert labelled == ["−1", "<s>", "AWI"]


def test_it_opens_on_the_strongest_head_of_the_kind(pages: Shelf, roles: Roles) -> None:
    """The framed square, the title, the link, and the scores are of one head."""
    for kind, place in (
        ("cross", HeadPlace("cross", 0, 3)), ("decoder", HeadPlace("decoder", 2, 4)),
    ):  # fmt: skip
        page = pages("roles", kind=kind)
        assert place.name in subheaders(page)
        [main] = roles.scores[place]
        assert f"**{main_role(main)}.**" in said(page)
        assert (link(page, "layer"), link(page, "head")) == (
            str(place.layer_number), str(place.head_number),
        )  # fmt: skip
        framed = [tiles(data)[0]["chosen"] for data in components(page, "attention_overview")]
        chosen = [place.layer_number, place.head_number]
        assert framed == [chosen if each == kind else None for each in KINDS]


def test_the_scores_are_of_the_chosen_head(pages: Shelf, roles: Roles) -> None:
    page = pages("roles", kind="encoder", layer="1", head="4")
    assert "It has none of these roles" in said(page)
    *drawn, tree = frame(page, "trivial rule").to_dict("records")
    assert (tree["role"], tree["score"], tree["trivial rule"]) == (
        "Whole trees", "0.31 [0.28, 0.33]", "0.47",
    )  # fmt: skip
    nearest = roles.closest(HeadPlace("encoder", 0, 3))
    assert nearest
    role = DEFINITIONS[nearest.name]
    assert (
        f"Nearest: {role.title.lower()} ({nearest.what}), {nearest.score.value:.2f}; {role.least:g} "
        "would be needed." in said(page)
    )
    asked = [f"{role.least:.0%} ({role.title.lower()})" for role in DEFINITIONS.values()]
    assert f"at least at {', '.join(asked)}. " in said(page)
    assert "Measured on toy (20 sentences)." in said(page)
    for row, each in zip(drawn, roles.scores[HeadPlace("encoder", 0, 3)], strict=True):
        value, low, high = each.score.rounded(2)
        assert row["role"] == DEFINITIONS[each.name].title
        assert row["score"] == f"{value:.2f} [{low:.2f}, {high:.2f}]"
        assert row["trivial rule"] == f"{each.baseline:.2f}"
        assert row["shuffled"] == f"{each.control:.2f}"
        assert row["at what it does best"] == each.what
        assert row["has it"] == "no"


@pytest.mark.parametrize(
    ("query", "numbers_", "places"),
    [
        ({"kind": "encoder"}, (0, 2), HeadPlace("encoder", 1, 2)),
        ({"kind": "cross"}, (2, 1), HeadPlace("cross", 0, 3)),
        (
            {"kind": "cross", "layer": "1", "head": "4", "most": "2"},
            (0, 1),
            HeadPlace("cross", 0, 3),
        ),
    ],
)
def test_the_head_is_drawn_on_its_sentences(
    pages: Shelf, roles: Roles, query: dict[str, str], numbers_: tuple[int, int], places: HeadPlace
) -> None:
    """Most on the left, least on the right, with the translation that was measured."""
    page = pages("roles", **query)
    model = core.load(pages.root / "toy")
    maps = [chart for chart in charts(page) if chart["data"][0]["type"] == "heatmap"][:2]
    shown: list[str] = []
    for number, chart in zip(numbers_, maps, strict=True):
        source, target = roles.sentences[number]
        shown.append(f"{source} → {target}")
        ids = model.checkpoint.vocabulary.target.encode(target)
        trace = model.trace(source, prefix=(*ids, model.checkpoint.config.end_id))
        assert_shown(first_map(chart), places.of(trace.weights))
    most, least = shown
    told = [read(text.value) for text in page.markdown]
    ours = [text for text in told if text in ("**Most often**", "**Least often**", most, least)]
    assert ours == ["**Most often**", most, "**Least often**", least]
    assert any("of 12 checks" in expander.label for expander in page.expander)


@pytest.mark.parametrize(
    ("kind", "number", "sentence"), [("cross", 0, 2), ("cross", 1, 1), ("encoder", 0, 0)]
)
def test_the_sentence_opens_in_heads(
    pages: Shelf, roles: Roles, kind: str, number: int, sentence: int
) -> None:
    """The first button is of the sentence on the left, the second of that on the right."""
    page = pages.own("roles", kind=kind, ablation="enc.L1H1=0")
    assert "Roles are those of the unchanged model" in said(page)
    source, target = roles.sentences[sentence]
    layer, head = link(page, "layer"), link(page, "head")
    buttons = [each for each in page.button if each.label == "Open in Heads"]
    buttons[number].click().run()
    assert link(page, "text") == source
    assert link(page, "target") == target
    assert ("kind" in page.query_params) == (kind != "cross")
    assert (link(page, "layer"), link(page, "head")) == (layer, head)
    assert "ablation" not in page.query_params


def test_layers_stand_in_their_cells(pages: Shelf) -> None:
    chart = charts(pages("roles"))[-1]
    rows = layer_rows({"layers": LAYERS})
    assert (
        labels(chart, "yaxis")
        == list(rows)
        == ["AWO, weights", "AWI, weights", "AWO, norms", "AWI, norms"]
    )
    assert labels(chart, "xaxis") == ["layer 1", "layer 2", "layer 3"]
    expected = np.array([[cell[0] for cell in cells] for cells in rows.values()])
    np.testing.assert_allclose(numbers(chart["data"][0]["customdata"]), expected)
    written = np.array(chart["data"][1]["text"], float).reshape(expected.shape)
    np.testing.assert_allclose(written, 100 * expected, atol=0.051)


@pytest.mark.parametrize(
    ("model", "number"), [("toy", "alignment error rate"), ("links", "links in both directions")]
)
def test_the_layer_that_aligns_best_is_the_brightest(pages: Shelf, model: str, number: str) -> None:
    """The lowest error rate, or the most links."""
    page = pages("roles", model=model)
    drawn, written = charts(page)[-1]["data"]
    values, brightness = numbers(drawn["customdata"]).ravel(), numbers(drawn["z"]).ravel()
    if drawn["reversescale"]:
        brightness = 1 - brightness
    is_rate = model == "toy"
    order = values.argsort() if is_rate else values.argsort()[::-1]
    np.testing.assert_allclose(brightness[order[[0, -1]]], (1, 0))
    inks = [written["textfont"]["color"][order[at]] for at in (0, -1)]
    assert inks == [ink_on(measure_colour(bright)) for bright in (1.0, 0.0)]
    assert inks[0] != inks[1]
    assert f"{number} %{{customdata" in drawn["hovertemplate"]
    assert f"{number.capitalize()} of each layer as a whole" in said(page)
    assert ("lower is better" in said(page)) == is_rate


def test_the_legend_counts_heads(pages: Shelf, roles: Roles) -> None:
    [legend] = [body for body in markup(pages("roles")) if 'class="role-legend"' in body]
    n = sum(rows * columns for rows, columns in SHAPES.values())
    for name in ("positional", "sink", "aligner"):
        chip = (
            rf'background:{COLOURS[name]};color:#\w+">1</span> {DEFINITIONS[name].title.lower()}:'
        )
        assert re.search(chip, legend)
    assert f'<span class="none">{n - 3}</span>' in legend


def test_all_heads_with_a_role_stand_in_a_table(pages: Shelf, roles: Roles) -> None:
    """With the main one of their roles."""
    held = frame(pages("roles"), "head").to_dict("records")
    assert [(row["head"], row["role"], row["score"]) for row in held] == [
        ("enc.L2H3", "Positional", "0.80 [0.79, 0.81]"),
        ("dec.L3H5", "Sink", "0.90 [0.89, 0.91]"),
        ("cross.L1H4", "Aligner", "0.70 [0.69, 0.71]"),
    ]
    assert {row["has it"] for row in held} == {"yes, its main one"}
    both = frame(pages("roles", kind="encoder", layer="2", head="3"), "trivial rule")
    assert list(zip(both["role"], both["has it"], strict=True)) == [
        ("Sink", "yes"), ("Positional", "yes, its main one"),
    ]  # fmt: skip


def test_hits_and_chances_are_those_of_the_sentence(pages: Shelf) -> None:
    page = pages("roles", kind="decoder")
    most, least = (page.segmented_control(key=f"choose_{name}") for name in ("most", "least"))
    assert most.options == ["6 of 6", "5 of 6"]
    assert least.options == ["2 of 6"]


def test_a_model_without_them_is_measured_on_the_projects_own_sentences(
    open_page: Open, tmp_path: Path
) -> None:
    write_checkpoint(tmp_path / "own", metrics={"languages": ["English", "German"]})
    page = open_page(None, "roles", model="own")
    assert not page.exception
    assert "Measured now on 32 sentences of this project" in said(page)
    own = example_sentences()
    found = measure_roles(load_checkpoint(tmp_path / "own"), own, treebank=own, aligned=own)
    drawn = [tiles(data)[0] for data in components(page, "attention_overview")]
    for kind, meta in zip(KINDS, drawn, strict=True):
        expected = squares(found, kind, SHAPES[kind])
        assert isinstance(expected, Painted)
        assert meta["tint"]["labels"] == list(expected.labels)


def test_other_languages_are_told_the_command(open_page: Open, tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "own", metrics={"languages": ["French", "German"]})
    page = open_page(None, "roles", model="own")
    assert not page.exception
    assert "was not measured" in " ".join(info.value for info in page.info)
    assert "core roles --checkpoint own" in page.code[0].value


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{}", "scores"),
        ("not json", "it is not JSON"),
        (None, "is of another model: this one has no encL3H1"),
        ("other weights", "was measured of other weights than these"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(
    open_page: Open, tmp_path: Path, content: str | None, message: str
) -> None:
    """Then the heads are measured as if it were not there."""
    write_checkpoint(tmp_path / "own", metrics={"languages": ["English", "German"]})
    if content is None:
        larger = write_checkpoint(tmp_path / "larger", n_encoder_layers=3)
        content = json.dumps(made_up(larger).to_json())
    if content == "other weights":
        found = made_up(load_checkpoint(tmp_path / "own")).to_json()
        content = json.dumps({**found, "weights_hash": "x"})
    (tmp_path / "own" / ROLES).write_text(content)
    page = open_page(None, "roles", model="own")
    assert not page.exception
    warnings = " ".join(warning.value for warning in page.warning).replace("\\", "")
    assert ROLES in warnings
    assert message.replace("encL3H1", "enc.L3H1") in warnings
    assert "Measured now" in said(page)


@pytest.mark.parametrize("text", ["", "house " * 600, "x"])
def test_a_stored_sentence_that_cannot_be_read_takes_itself_alone(
    open_page: Open, tmp_path: Path, text: str
) -> None:
    checkpoint = write_checkpoint(tmp_path / "own", metrics={"languages": ["English", "German"]})
    roles = dataclasses.replace(made_up(checkpoint), sentences=((text, "y " * 400),) * 3)
    (tmp_path / "own" / ROLES).write_text(json.dumps(roles.to_json()))
    page = open_page(None, "roles", model="own", kind="encoder")
    assert not page.exception
    assert "This sentence cannot be shown" in " ".join(warning.value for warning in page.warning)
    assert len(components(page, "attention_overview")) == 3


def test_a_model_with_few_positions_reads_the_short_sentences(
    open_page: Open, tmp_path: Path
) -> None:
    write_checkpoint(
        tmp_path / "own",
        metrics={"languages": ["English", "German"]},
        positions="learned",
        max_positions=40,
    )
    page = open_page(None, "roles", model="own")
    assert not page.exception
    assert "Measured now on" in said(page)


@pytest.mark.parametrize("layers", [{"weights": {"produced": []}}, {"weights": {"produced": [["x"]]}}, 3,
                                    {"weights": {"produced": [[1, 1, 1]], "consumed": [[1, 1, 1]] * 2}}])  # fmt: skip
def test_layers_that_cannot_be_drawn_are_left_out(layers: object) -> None:
    assert layer_rows({"layers": layers}) == {}


def test_a_link_to_a_model_that_is_not_there_says_so(pages: Shelf) -> None:
    page = pages("roles", model="nope")
    assert "The model nope cannot be shown" in " ".join(
        warning.value for warning in page.warning
    ).replace("\\", "")
