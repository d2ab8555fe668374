"""n-grams against their formula and by their sums; order by hand; moments recomputed one by one."""

import json

import numpy as np
import pytest

import core
from core.analysis.head_place import HeadPlace
from core.analysis.learning.measure import GREEDY, Aligner, learning, words_of
from core.analysis.learning.ngrams import NgramModel
from core.analysis.learning.order import kept_order
from core.analysis.learning.results import Learning, read_learning
from core.checkpoint.folder import load_checkpoint
from core.cli import main
from core.evaluation.scores import translation_scores
from core.system.files import write_json
from core.text.toy_grammar import sentence_pairs
from tests.checkpoints import write_checkpoint, write_timeline

COUNTED = [["a", "b", "a"], ["a", "c"]]


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("context", [["a"], ["b", "a"], ["never"], []])
def test_probabilities_of_all_words_and_of_one_unseen_add_up_to_one(order, context):
    model = NgramModel(order, COUNTED)
    known = ["a", "b", "c", "</s>"]
    total = sum(model.probability(word, context) for word in known)
    assert total + model.probability("unseen", context) == pytest.approx(1)


def test_a_bigram_is_witten_bell():
    """P(b|a) = (c(ab) + T(a) P(b)) / (c(a) + T(a)), T the number of different words after a."""
    model = NgramModel(2, COUNTED)
    even = 1 / 5  # a, b, c, </s> and one for all others
    of_b = (1 + 4 * even) / (7 + 4)  # 7 words counted, of 4 kinds
    assert model.probability("b", []) == pytest.approx(of_b)
    assert model.probability("b", ["a"]) == pytest.approx((1 + 3 * of_b) / (3 + 3))
    total, n = model.log_probability_nats(["b"])
    expected = model.probability("b", ["<s>"]) * model.probability("</s>", ["b"])
    assert (total, n) == (pytest.approx(np.log(expected)), 2)


@pytest.mark.parametrize(
    ("links", "kept"),
    [
        ([(0, 0), (1, 1), (2, 2)], (2, 2)),  # monotone
        ([(2, 0), (1, 1), (0, 2)], (0, 2)),  # turned round
        ([(0, 0), (0, 1), (3, 2), (4, 3)], (2, 3)),  # twice the same word, then a jump
        ([(1, 2), (0, 0)], (1, 1)),  # an unlinked word between them
        ([(5, 0)], (0, 0)),
        ([], (0, 0)),
    ],
)
def test_order_is_kept_where_neighbours_go_on(links, kept):
    assert kept_order(links) == kept


def test_words_are_counted_without_capitals():
    assert words_of("Ein  Hund läuft.") == ["ein", "hund", "läuft."]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("learning") / "tiny"
    alignment = {
        "layer": 2,
        "head": 3,
        "rows": "consumed",
        "alignment_error_rate": 0.3,
        "n_sentences": 7,
    }
    checkpoint = write_checkpoint(folder, metrics={"alignment": alignment})
    write_timeline(checkpoint, 3, 9)
    return folder


PAIRS = list(sentence_pairs(6))


@pytest.fixture(scope="module")
def measured(folder):
    finished = load_checkpoint(folder)
    snapshots = {step: (lambda step=step: load_checkpoint(folder, step=step)) for step in (3, 9)}
    return learning(
        {**snapshots, 20: lambda: finished},
        PAIRS,
        [target for _, target in sentence_pairs(40)],
        Aligner(finished, HeadPlace("cross", 1, 2), "consumed", "tiny"),
        text="six",
        language_text="forty",
    )


def test_every_moment_is_of_its_own_weights(folder, measured):
    model = NgramModel(2, [words_of(target) for _, target in sentence_pairs(40)])
    assert list(measured.moments) == [3, 9, 20]
    for step, moment in measured.moments.items():
        translator = core.load(folder, step=None if step == 20 else step)
        found = translator.translate([source for source, _ in PAIRS], GREEDY)
        references = [target for _, target in PAIRS]
        expected = translation_scores(found, references)["bleu"].value
        assert moment.bleu.value == pytest.approx(expected, abs=1e-6)
        sums = [model.log_probability_nats(words_of(text)) for text in found]
        mean = sum(total for total, _ in sums) / sum(n for _, n in sums)
        assert moment.ngrams[2].value == pytest.approx(mean)
        low, high = moment.source_share.interval_95
        assert 0 <= low <= moment.source_share.value <= high <= 1
    assert measured.reference.bleu is None
    shares = {moment.source_share.value for moment in measured.moments.values()}
    assert len(shares) == 3


def test_what_is_stored_reads_back(tmp_path, measured):
    (tmp_path / "learning.json").write_text(write_json(measured.to_json()))
    found = read_learning(tmp_path)
    assert isinstance(found, Learning)
    assert found.to_json() == measured.to_json()
    values = json.loads((tmp_path / "learning.json").read_text())
    (tmp_path / "learning.json").write_text(json.dumps({**values, "moments": {}}))
    with pytest.raises(ValueError, match="moments must be at least one"):
        read_learning(tmp_path)
    (tmp_path / "learning.json").write_text(
        json.dumps({**values, "moments": {"x": values["reference"]}})
    )
    with pytest.raises(ValueError, match="'x' must be a whole number"):
        read_learning(tmp_path)
    moment = values["moments"]["9"]
    for broken, message in (
        ({**moment, "bleu": None}, "every moment must have bleu"),
        ({**moment, "ngrams": {"1": [1, 0, 2]}}, "of the same orders"),
    ):
        (tmp_path / "learning.json").write_text(
            json.dumps({**values, "moments": {**values["moments"], "9": broken}})
        )
        with pytest.raises(ValueError, match=message):
            read_learning(tmp_path)


def test_the_command_measures_and_stores(folder, tmp_path, capsys):
    for number, side in enumerate(("en", "de")):
        (tmp_path / f"text.{side}").write_text("".join(pair[number] + "\n" for pair in PAIRS))
    asked = ["learning", "--checkpoint", str(folder), "--source", str(tmp_path / "text.en"),
             "--reference", str(tmp_path / "text.de"), "--language-text", str(tmp_path / "text.de")]  # fmt: skip
    main(asked)
    found = read_learning(folder)
    assert found is not None
    assert list(found.moments) == [3, 9, 10]
    assert found.aligner == "tiny, cross.L2H3"
    assert f"{found.moments[9].ngrams[1].value:.2f}" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main([*asked, "--most-sentences", "1"])
    assert "--most-sentences must be 2 or more, not 1" in capsys.readouterr().err


def test_a_model_without_snapshots_or_aligner_is_named(tmp_path, capsys):
    checkpoint = write_checkpoint(tmp_path / "plain")
    (tmp_path / "t").write_text("a dog\nthe man\n")
    asked = ["learning", "--checkpoint", str(tmp_path / "plain"), "--source", str(tmp_path / "t"),
             "--reference", str(tmp_path / "t"), "--language-text", str(tmp_path / "t")]  # fmt: skip
    with pytest.raises(SystemExit):
        main(asked)
    assert "kept no snapshots of its training" in capsys.readouterr().err
    write_timeline(checkpoint, 3)
    with pytest.raises(SystemExit):
        main(asked)
    assert "aligns best was not measured" in capsys.readouterr().err
