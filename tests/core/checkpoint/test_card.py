"""The model card: measured results are renewed, everything else is kept."""

import json

from hypothesis import given
from hypothesis import strategies as st

from core.checkpoint.card import ABOUT_MISSING, BEGIN, END, new_card, with_results
from core.config import ModelConfig, TrainConfig

CONFIG, TRAINING = ModelConfig(vocabulary_size=43), TrainConfig(n_steps=7)


def result(bleu, **changes):
    values = {
        "bleu": bleu, "bleu_lc": bleu + 1.04, "chrf": 55.55, "perplexity": 4.567, "sentences": 1_014,
        "intervals_95": {"bleu": (1.0, 2.0), "bleu_lc": (3.0, 4.0), "chrf": (50.04, 60.06)},
        "signatures": {"bleu": "case:mixed", "bleu_lc": "case:lc", "chrf": "nc:6"},
    }  # fmt: skip
    return {**values, **changes}


METRICS = {"results": {"test2017": result(30.0), "test2016": result(33.33)}}


def test_a_new_card_states_what_the_program_knows():
    card = new_card("en-de", CONFIG, TRAINING, about="\nLearnt from **Multi30k**.\n")
    assert card.startswith("# en-de\n\nLearnt from **Multi30k**.\n\n## Results\n")
    assert f"{CONFIG.n_parameters:,} parameters." in card
    blocks = [block.split("```")[0] for block in card.split("```json\n")[1:]]
    assert [json.loads(block) for block in blocks] == [CONFIG.to_json(), TRAINING.to_json()]


def test_final_weights_stand_below_the_kept_ones():
    final = {"results": {"test2016": result(31.0)}}
    card = with_results(new_card("row", CONFIG, TRAINING), {**METRICS, "final": final})
    assert (
        "\n- test2016: BLEU 31.0 [1.0, 2.0], lowercased 32.0 [3.0, 4.0], perplexity 4.57\n" in card
    )
    assert "last step" not in with_results(card, METRICS)


def test_an_undescribed_model_says_so():
    card = new_card("en-de", CONFIG, None)
    assert ABOUT_MISSING in card
    assert "unknown" in card


def test_results_are_a_table_by_name():
    card = with_results(new_card("en-de", CONFIG, TRAINING), METRICS)
    assert (
        "| test2016 | 1,014 | 33.3 [1.0, 2.0] | 34.4 [3.0, 4.0] | 55.5 [50.0, 60.1] | 4.57 |"
        in card
    )
    assert card.index("| test2016 |") < card.index("| test2017 |")
    assert "- bleu_lc: `case:lc`" in card


def test_the_best_aligned_head_is_named():
    alignment = {
        "layer": 2, "head": 5, "alignment_error_rate": 0.21987, "n_sentences": 300,
        "data": "Europarl", "rows": "produced",
    }  # fmt: skip
    card = with_results("", {"alignment": alignment})
    assert "layer 2, head 5 (alignment error rate 0.220 on 300 sentences of Europarl;" in card
    assert "Best-aligned" not in with_results("", {})
    agreeing = {name: value for name, value in alignment.items() if "rate" not in name}
    card = with_results("", {"alignment": {**agreeing, "agreement": 0.614}})
    assert (
        "head 5 (61 % of words are linked in both directions on 300 sentences of Europarl;" in card
    )
    assert "| text |" not in card  # nothing was translated


@given(before=st.text(), after=st.text())
def test_all_that_is_not_measured_is_kept(before, after):
    card = with_results(f"{before}{BEGIN}\nold numbers\n{END}{after}", METRICS)
    assert card.startswith(before + BEGIN)
    assert card.endswith(END + after)
    assert "old numbers" not in card


@given(st.text())
def test_renewing_twice_is_renewing_once(text):
    once = with_results(text, METRICS)
    assert with_results(once, METRICS) == once
    assert with_results(with_results(text, {"results": {"x": result(9.0)}}), METRICS) == once


def test_a_card_without_a_place_for_results_gets_one_at_its_end():
    card = with_results("# Mine\n\nText.\n", METRICS)
    assert card.startswith("# Mine\n\nText.\n\n## Results\n\n" + BEGIN)
    assert card.endswith(END + "\n")
