"""The Ablate page, run without a browser, on models of different shapes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.analysis.effects.corpus_results import SWEEP
from core.analysis.effects.pruning_results import PRUNING, Pruning, PruningCurve, PruningPoint
from core.config import KINDS
from explorer.choice.choice import Run
from explorer.engine import analyses, traces
from tests.checkpoints import SENTENCE
from tests.core.ablations import made_up_sweep
from tests.explorer.pages import SHAPES, Open, button, charts, link, open_page, texts
from tests.explorer.readings import lines_in_words, read

__all__ = ["open_page"]


@pytest.mark.parametrize(
    ("ablation", "worth"),
    [("", "text"), ("cross.L1H1=0", "sentence"), ("enc.L1=skip,pos=off", "none")],
)
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_every_shape_is_drawn(
    open_page: Open, shape: dict[str, Any], ablation: str, worth: str
) -> None:
    page = open_page(shape, "ablate", text=SENTENCE, ablation=ablation, worth=worth)
    assert not page.exception
    assert [error.value for error in page.error] == []
    assert not page.warning
    assert len(charts(page)) == (4 if ablation else 0)
    assert "log-probability" in texts(page)
    assert page.expander[-1].label == "6 of 6 checks of this sentence passed"


def test_a_first_visit_shows_the_model_as_it_is_and_what_to_try(open_page: Open) -> None:
    page = open_page(page="ablate", text=SENTENCE)
    assert "ablation" not in page.query_params
    assert len(lines_in_words(page)) == 1
    assert button(page, "Undo").disabled
    assert button(page, "Switch everything on").disabled
    assert button(page, "Without the last encoder layer")


def test_a_preset_is_undone(open_page: Open) -> None:
    page = open_page(page="ablate", text=SENTENCE)
    page = button(page, "Without the last encoder layer").click().run()
    assert not page.exception
    assert link(page, "ablation") == "enc.L2=skip"
    assert "With encoder layer 2 skipped: " in read(texts(page))
    page = button(page, "Undo").click().run()
    assert "ablation" not in page.query_params


def test_everything_is_switched_on_again(open_page: Open) -> None:
    page = open_page(page="ablate", text=SENTENCE, ablation="dec.L1=skip,cross.L2H1=0.5")
    page = button(page, "Switch everything on").click().run()
    assert "ablation" not in page.query_params
    page = button(page, "Undo").click().run()
    assert link(page, "ablation") == "dec.L1=skip,cross.L2H1=0.5"


def test_the_worth_of_each_head_adds_presets_and_stays_in_the_link(open_page: Open) -> None:
    page = open_page(page="ablate", text=SENTENCE)
    assert not page.exception
    assert "is the costliest of all" in texts(page)
    page = button(page, "Without the head this sentence needs most").click().run()
    assert link(page, "ablation").endswith("=0")
    page = page.segmented_control(key="choose_worth").set_value("none").run()
    assert link(page, "worth") == "none"


@pytest.mark.parametrize("worth", ["sentence", "none"])
def test_of_a_long_sentence_the_worth_of_parts_is_measured_where_it_is_asked_for(
    open_page: Open, worth: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analyses, "LIGHT_TOKENS", 10)  # every sentence is long
    assert not open_page(page="ablate", text=SENTENCE, worth=worth).exception
    run = Run(text=SENTENCE)
    known = analyses.is_left_out(tmp_path / "tiny", run, traces.trace(tmp_path / "tiny", run))
    assert known == (worth == "sentence")


def test_a_link_of_before_still_opens(open_page: Open) -> None:
    page = open_page(page="ablate", text=SENTENCE, swept="1")
    assert not page.exception
    assert not page.warning
    assert "swept" not in page.query_params


def test_the_step_that_moved_most_opens_and_another_is_chosen(open_page: Open) -> None:
    page = open_page(page="ablate", text=SENTENCE, ablation="enc.L1=skip")
    box = page.selectbox(key="choose_scored")
    assert "(moved most)" in box.options[box.value - 1]
    page = box.set_value(2).run()
    assert link(page, "scored") == "2"
    assert not page.exception
    bad = open_page(page="ablate", text=SENTENCE, ablation="enc.L1=skip", scored="999")
    assert "scored 999" in bad.warning[0].value
    assert not bad.exception


def test_a_typed_translation_is_left_out_before_and_after(open_page: Open) -> None:
    chosen = {"text": SENTENCE, "ablation": "enc.L1=skip"}
    own = lines_in_words(open_page(page="ablate", **chosen))
    page = open_page(page="ablate", target="Der Mann.", **chosen)
    assert not page.exception
    assert [error.value for error in page.error] == []
    assert len(own) == 2
    assert lines_in_words(page) == own
    assert link(page, "target") == "Der Mann."  # other pages have it still


def test_presets_say_that_they_know_nothing_of_chosen_pieces(open_page: Open) -> None:
    said = "a translation without the pieces that you chose"
    assert said in texts(open_page(page="ablate", text=SENTENCE, prefix="300"))
    assert said not in texts(open_page(page="ablate", text=SENTENCE))


def test_the_model_as_it_is_does_not_say_what_was_typed(open_page: Open) -> None:
    page = open_page(page="ablate", text=SENTENCE, target="Der Mann.")
    assert not page.exception
    assert len(lines_in_words(page)) == 1
    assert "Der Mann." not in str(lines_in_words(page)) + texts(page)


def test_an_ablation_that_the_model_has_not_names_the_way_out(open_page: Open) -> None:
    page = open_page(page="ablate", text=SENTENCE, ablation="cross.L9H1=0")
    assert not page.exception
    assert "there is no layer 9" in page.error[0].value
    page = button(page, "Use the model as it is").click().run()
    assert [error.value for error in page.error] == []


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "**bold** $x$ :smile: ]", "שלום"])
def test_hostile_text_is_shown_as_typed(open_page: Open, text: str) -> None:
    page = open_page(page="ablate", text=text, ablation="cross.L1H1=0")
    assert not page.exception
    assert [error.value for error in page.error] == []


def test_what_was_not_measured_says_how_to_do_it(open_page: Open) -> None:
    page = open_page(page="ablate", text=SENTENCE)
    assert "python -m core prune" in texts(page)
    assert "--sweep heads" in texts(page)


def test_the_stored_curve_is_drawn(open_page: Open, tmp_path: Path) -> None:
    page = open_page(page="ablate", text=SENTENCE)
    points = [(0, 0.0, 30.0), (3, 0.3, 29.5), (6, 0.6, 20.0)]
    curve = tuple(PruningPoint(n, share, bleu, (bleu - 1, bleu + 1)) for n, share, bleu in points)
    measured = Pruning(
        curves=(PruningCurve("importance", curve), PruningCurve("random 1", curve)),
        importance={kind: np.ones((1, 1)) for kind in KINDS},
        weights_hash="", data_hash="", importance_data_hash="",
        n_sentences=10, n_importance_sentences=10, search={}, elapsed_s=1.0,
    )  # fmt: skip
    (tmp_path / "tiny" / PRUNING).write_text(json.dumps(measured.to_json()), "utf-8")
    page = page.run()
    assert not page.exception
    assert "30% of all heads can be removed" in texts(page)
    (drawn,) = charts(page)
    assert [trace.get("name") for trace in drawn["data"][2:]] == [
        "least important first",
        "random order 1",
    ]


def test_what_each_head_is_worth_to_a_text_is_drawn_in_order(
    open_page: Open, tmp_path: Path
) -> None:
    page = open_page(page="ablate", text=SENTENCE)
    changes = {"enc.L1H1=0": -0.4, "cross.L2H1=0": -3.0, "dec.L1H1=0": 0.9, "enc.L1=skip": -30.0}
    measured = made_up_sweep(changes)
    (tmp_path / "tiny" / SWEEP).write_text(json.dumps(measured.to_json()), "utf-8")
    page = page.run()
    assert not page.exception
    assert "BLEU falls without 1 of 3 heads and rises without 1." in texts(page)
    most = (
        "Cross-attention, layer 2, head 1 (−3.00); Encoder self-attention, layer 1, head 1 (−0.40)"
    )
    assert f"Missed most: {most}" in texts(page)
    table = next(t.value for t in page.dataframe if "head left out" in t.value)
    assert list(table["head left out"]) == ["cross.L2H1", "enc.L1H1", "dec.L1H1"]
    assert table["Δ chrF"][0] == "−6.00 [−6.50, −5.50]"
    assert table["Δ perplexity"][0] == "3.00 [2.50, 3.50]"
    (drawn,) = charts(page)
    ranks = {trace["customdata"][0][0]: trace["x"] for trace in drawn["data"]}
    assert ranks == {"cross.L2H1": [1], "enc.L1H1": [2], "dec.L1H1": [3]}
