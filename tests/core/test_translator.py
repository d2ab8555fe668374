"""A checkpoint put to use, by name or by hand."""

from concurrent.futures import ThreadPoolExecutor

import pytest

import core
from core.analysis.ablation import Ablation
from core.analysis.ablation.edits import ablating
from core.checkpoint.folder import Checkpoint, save_checkpoint
from core.checkpoint.required import CheckpointError
from core.config import SearchConfig
from core.model import probing
from core.translator import Translator
from tests.core.helpers import run_python, small_config, small_model

GREEDY = SearchConfig(method="greedy", max_extra_pieces=5)
TEXTS = [
    "The man sees a house.",
    "",
    "a",
    " \t",
    "The old teacher paints the small red bridge today.",
]
FULL = [text for text in TEXTS if text.strip()]


@pytest.fixture(scope="module")
def checkpoint(tokenizer):
    model = small_model(small_config(vocabulary_size=397, max_positions=101))
    ids = tokenizer.encode("The man")
    metrics = {"pieces_not_in_training": {"source": [ids[0]], "target": [300]}}
    return Checkpoint(model, tokenizer, metrics=metrics)


@pytest.fixture(scope="module")
def translator(checkpoint):
    return Translator(checkpoint)


def test_texts_come_back_in_order_and_empty_ones_stay_empty(translator):
    together = translator.translate(TEXTS, GREEDY)
    assert together[0] != together[2]
    assert together[1] == together[3] == ""
    assert together == [translator.translate([text], GREEDY)[0] for text in TEXTS]
    assert translator.translate([]) == []


def test_a_translation_is_the_decoded_best_hypothesis(translator, checkpoint):
    (found,) = translator.search(TEXTS[:1], GREEDY)
    assert translator.translate(TEXTS[:1], GREEDY) == [
        checkpoint.vocabulary.decode(found.best.tokens)
    ]


def test_a_trace_agrees_with_the_translation(translator):
    for text in TEXTS:
        if text.strip():
            assert (
                translator.trace(text, GREEDY).target.text
                == translator.translate([text], GREEDY)[0]
            )


def test_a_trace_can_be_made_under_edits(translator, checkpoint):
    edits = [ablating(checkpoint.model, [Ablation.parse("pos=shift:11")])]
    edited = translator.trace(TEXTS[0], GREEDY, edits=edits)
    with probing(checkpoint.model, *edits):
        assert edited.found == translator.trace(TEXTS[0], GREEDY).found
    assert edited.found != translator.trace(TEXTS[0], GREEDY).found


def test_pieces_that_training_never_saw_are_flagged(translator, checkpoint):
    new = checkpoint.metrics["pieces_not_in_training"]
    traced = translator.trace(TEXTS[0], GREEDY, prefix=[300, 301])
    assert traced.is_new_in_source == tuple(p.id in new["source"] for p in traced.source.pieces)
    assert traced.is_new_in_target == tuple(p.id == 300 for p in traced.target.pieces)
    assert any(traced.is_new_in_source)
    assert traced.is_new_in_target[0]


def test_a_translator_is_safe_to_share(translator):
    """Traces and translations in many threads at once are those made one after the other."""
    alone = [translator.trace(text, GREEDY).to_json() for text in FULL]
    with ThreadPoolExecutor(8) as pool:
        traces = list(pool.map(lambda text: translator.trace(text, GREEDY).to_json(), FULL * 2))
    assert traces == alone * 2


def test_a_package_loads_by_folder(checkpoint, tmp_path):
    save_checkpoint(checkpoint, tmp_path / "model")
    loaded = core.load(str(tmp_path / "model"))
    assert isinstance(loaded, Translator)
    assert loaded.trace("The man", GREEDY).is_new_in_source[0]
    with pytest.raises(CheckpointError, match="is not a folder"):
        core.load(tmp_path / "none")


def test_importing_the_package_is_cheap():
    run_python("""
        import sys
        import core, core.config, core.training.schedule, core.training.recipes, core.checkpoint.card
        import core.experiments.table3.presets, core.text.toy_grammar, core.text.vocabulary
        import core.text.word_diff, core.analysis.trace.trace, core.analysis.heads.rollout
        import core.analysis.heads.measures, core.analysis.heads.word_attention
        assert "torch" not in sys.modules
    """)


@pytest.mark.parametrize("asks", [Translator.translate, Translator.search])
def test_one_text_where_several_are_expected_is_refused(translator, asks):
    """Its letters would be translated, one by one."""
    with pytest.raises(
        TypeError, match=r"^'The man' is one text, and several are expected: give a"
    ):
        asks(translator, "The man")


@pytest.mark.parametrize("asks", [Translator.trace, Translator.check, Translator.correct])
@pytest.mark.parametrize(
    ("given", "kind"), [(["The man"], "list"), (None, "NoneType"), (b"a", "bytes")]
)
def test_what_is_no_text_is_refused(translator, asks, given, kind):
    with pytest.raises(TypeError, match=rf"is of type {kind} and no text: give one"):
        asks(translator, given)


def test_one_of_several_texts_that_is_none_is_refused(translator):
    with pytest.raises(TypeError, match=r"^3 is of type int and no text: "):
        translator.translate(["The man", 3])
