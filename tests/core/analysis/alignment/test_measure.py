"""Alignments and their error rate (Och & Ney 2003), on examples small enough for paper and pencil."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from core.analysis.alignment import words
from core.analysis.alignment.gold import GoldAlignment
from core.analysis.alignment.links import links_of, pharaoh
from core.analysis.alignment.measure import HeadChoice, measure_alignment
from core.analysis.alignment.words import READINGS
from core.analysis.trace.capture import capture
from core.checkpoint.folder import Checkpoint
from core.cli.align import Align
from core.model.transformer import attention_of, attention_tap
from core.text.parallel import DataError
from tests.core.analysis.alignment.matrices import word_matrices
from tests.core.helpers import small_config, small_model


def pointing(*columns, n_keys):
    """One matrix of weights whose rows look mostly at the given columns."""
    weights = np.full((len(columns), n_keys), 0.01, np.float32)
    weights[np.arange(len(columns)), columns] = 0.9
    return weights


@pytest.fixture
def scripted_weights(monkeypatch):
    """Two heads over three words a side, every word one piece; the last column is `</s>`.

    Rows are the steps that consume `<s>`, a, b, c. Head 1 looks right while it produces a word,
    head 2 while it consumes it. Values have length 1, all in one direction.
    """
    first = pointing(0, 2, 1, 3, n_keys=4)
    second = pointing(3, 0, 2, 1, n_keys=4)
    whole = (first + second) / 2
    matrix = np.stack([first, second, whole])[None]  # N H+1 q k
    monkeypatch.setattr(
        words,
        "capture_batch",
        lambda *_: SimpleNamespace(seen={}),
    )
    monkeypatch.setattr(words, "_matrices", lambda *_: matrix)


GOLD = GoldAlignment(sure=frozenset({(0, 0), (1, 2)}), possible=frozenset({(0, 0), (1, 2), (2, 1)}))


WEIGHTS = {step: ("weights", step) for step in ("produced", "consumed")}


def test_error_rates_by_hand(scripted_weights, tokenizer):
    """Head 1 produces a-1, b-3, c-2: |A∩S| = 2, |A∩P| = 3, |A| + |S| = 5, so its rate is 0.

    While consuming it looks at 3, 2, </s>: a-3 and b-2 are wrong, c has no link, so |A| = 2. Head 2
    is the other way round: while producing it looks at </s>, 1, 3, and both links are wrong.
    """
    model = small_model(small_config(n_heads=2, n_decoder_layers=1))
    text = "a b c"
    assert [p.word for p in tokenizer.read(tokenizer.encode(text)).pieces] == [0, 1, 2]
    result = measure_alignment(Checkpoint(model, tokenizer), [text], [text], [GOLD])
    produced, consumed = (result.error_rates[reading].values for reading in WEIGHTS.values())
    np.testing.assert_allclose(produced[:, :2], [[0.0, 1.0]])
    np.testing.assert_allclose(consumed[:, :2], [[1.0, 0.0]])
    assert result.n_sentences == 1


def test_rates_are_counted_over_the_whole_text(scripted_weights, tokenizer):
    model = small_model(small_config(n_heads=2, n_decoder_layers=1))
    nothing = GoldAlignment(frozenset(), frozenset())
    result = measure_alignment(
        Checkpoint(model, tokenizer), ["a b c"] * 2, ["a b c"] * 2, [GOLD, nothing]
    )
    rates = result.error_rates[WEIGHTS["produced"]]
    np.testing.assert_allclose(rates.values[0, 0], 1 - 5 / 8)
    assert rates.low[0, 0] == 0  # both times the sentence with gold
    assert rates.high[0, 0] == 1


def sums_over_words(matrix, pieces, keys):
    """Of a row for each target piece: summed over source pieces, averaged over target pieces."""
    n_target = 1 + max(piece.word for piece in pieces)
    n_source = 1 + max(key.word for key in keys)
    found = np.zeros((n_target, n_source + 1))
    for t in range(n_target):
        rows = [matrix[q] for q, piece in enumerate(pieces) if piece.word == t]
        for row in rows:
            for number, key in zip(row, keys, strict=True):
                found[t, key.word if key.word >= 0 else n_source] += number / len(rows)
    return found


def test_what_is_read_of_heads_and_layers(tokenizer):
    """Recomputed from captured tensors, for words of several pieces: which row is which step, what a
    norm is, and what a layer is."""
    model = small_model(small_config(vocabulary_size=397, max_positions=101)).double()
    source, target = "Ottokar paints an apple tree", "Ottokar malt einen Apfelbaum"
    [pair] = word_matrices(model, tokenizer, [source], [target])
    source_ids, target_ids = [*tokenizer.encode(source), 3], [2, *tokenizer.encode(target)]
    keys, pieces = tokenizer.read(source_ids).pieces, tokenizer.read(target_ids[1:]).pieces
    assert len(keys) > 6
    assert len(pieces) > 4
    taps = [attention_tap("cross", "*", tensor) for tensor in ("weights", "values")]
    seen = capture(model, torch.tensor([source_ids]), torch.tensor([target_ids]), taps)
    for layer in range(3):
        weights = seen[attention_tap("cross", layer)][0].double()
        values = seen[attention_tap("cross", layer, "values")][0]
        matrix = attention_of(model, "cross", layer).output_projection.weight.detach()
        width = values.shape[-1]
        vectors = [values[h] @ matrix[:, h * width : (h + 1) * width].T for h in range(5)]
        let_through = [weights[h][..., None] * vectors[h] for h in range(5)]  # q k d_model
        expected = {
            "weights": [*weights, weights.mean(0)],
            "norms": [each.norm(dim=-1) for each in (*let_through, sum(let_through))],
        }
        for kind, of_kind in expected.items():
            for number, whole in enumerate(of_kind):
                for step, first in (("produced", 0), ("consumed", 1)):
                    rows = whole[first : first + len(pieces)].numpy()
                    np.testing.assert_allclose(
                        pair.of[kind, step][layer, number],
                        sums_over_words(rows, pieces, keys),
                        atol=1e-12,
                    )


def test_an_empty_pair_adds_nothing(tokenizer):
    model = small_model(small_config(vocabulary_size=397, max_positions=101))
    texts = ["the man sees", "der Mann sieht"]
    gold = GoldAlignment(frozenset({(0, 0)}), frozenset({(0, 0)}))
    nothing = GoldAlignment(frozenset(), frozenset())
    alone = measure_alignment(Checkpoint(model, tokenizer), texts[:1], texts[1:], [gold])
    for source, target in (("", ""), ("the", ""), ("", "die")):
        both = measure_alignment(
            Checkpoint(model, tokenizer), [texts[0], source], [texts[1], target], [gold, nothing]
        )
        for reading in READINGS:
            np.testing.assert_allclose(
                both.error_rates[reading].values, alone.error_rates[reading].values
            )
            np.testing.assert_allclose(
                both.agreements[reading].values, alone.agreements[reading].values
            )


def test_every_pair_is_held_to_its_own_gold(tokenizer):
    """Pairs are batched by length, and empty ones are left out: neither may shift the gold."""
    model = small_model(small_config(vocabulary_size=397, max_positions=101))
    sources = ["", "the old man sees a red house", "a man", "the woman"]
    targets = ["ein", "der alte Mann sieht ein rotes Haus", "ein Mann", "die Frau"]
    sure = [set(), {(5, 1)}, {(1, 0)}, {(0, 1)}]
    gold = [
        GoldAlignment(frozenset(links), frozenset(links | ({(0, 0)} if links else links)))
        for links in sure
    ]
    together = measure_alignment(Checkpoint(model, tokenizer), sources, targets, gold)
    rates = together.error_rates["norms", "consumed"].values
    n_links, hits = np.zeros_like(rates), np.zeros_like(rates)
    for pair in word_matrices(model, tokenizer, sources, targets):
        links = gold[pair.index]
        n_links += len(links.sure)
        for at in np.ndindex(rates.shape):
            found = {
                (link.source, link.target) for link in links_of(pair.of["norms", "consumed"][at])
            }
            n_links[at] += len(found)
            hits[at] += len(found & links.sure) + len(found & links.possible)
    np.testing.assert_allclose(rates, 1 - hits / n_links)


def test_links_are_written_as_pharaoh_reads_them():
    """The second word's largest number falls on </s>; the third's source prefers the first word."""
    matrix = np.array([[0.7, 0.1, 0.2], [0.1, 0.2, 0.7], [0.5, 0.3, 0.2]])
    links = links_of(matrix)
    assert pharaoh(links) == "0-0 0-2"
    assert [link.confidence for link in links] == [0.7, 0.5]
    assert [link.is_mutual for link in links] == [True, False]


def test_the_best_head_has_the_lowest_rate_of_both_steps(scripted_weights, tokenizer):
    """Head 2 is made better while consuming: head 1 loses one of its links to gold of another word."""
    model = small_model(small_config(n_heads=2, n_decoder_layers=1))
    gold = GoldAlignment(frozenset({(0, 1), (2, 2)}), frozenset({(0, 1), (2, 2), (1, 0)}))
    result = measure_alignment(Checkpoint(model, tokenizer), ["a b c"], ["a b c"], [gold])
    assert result.best == HeadChoice(("weights", "produced"), 0, 1)
    assert result.best.label == "L1H2"
    assert result.best_of([("weights", "produced")], layers=True).label == "L1"
    values = result.to_json()
    assert (values["rows"], values["layer"], values["head"]) == ("produced", 1, 2)
    rates = result.error_rates["weights", "produced"].values
    assert values["alignment_error_rate"] == pytest.approx(rates[0, 1], abs=1e-4)
    assert values["error_rates"]["produced"] == rates[:, :2].round(4).tolist()
    assert values["layers"]["norms"]["consumed"][0][0] == pytest.approx(
        result.error_rates["norms", "consumed"].values[0, 2], abs=1e-4
    )
    assert values["n_sentences"] == 1


@pytest.mark.parametrize(
    ("n_gold", "max_words", "message"),
    [
        (0, 60, r"a\.en has 2 lines, .*gold has 0; give one line of gold links for each sentence$"),
        (3, 60, r"a\.en has 2 lines, .*gold has 3; give one line"),
        (
            2,
            3,
            r"^none of the 2 sentence pairs of .*a\.en has at most max_words=3 words a side; give",
        ),
    ],
)
def test_files_without_a_pair_to_align_are_told(tmp_path, n_gold, max_words, message):
    for name in ("a.en", "a.de"):
        (tmp_path / name).write_text("one two three four\n" * 2)
    (tmp_path / "gold").write_text("1-1\n" * n_gold)
    command = Align(
        checkpoint=tmp_path, source=tmp_path / "a.en", target=tmp_path / "a.de",
        gold=tmp_path / "gold", name="two", max_words=max_words,
    )  # fmt: skip
    with pytest.raises(ValueError, match=message):
        command.execute([])


def test_as_many_sources_targets_and_alignments(model, tokenizer):
    with pytest.raises(ValueError, match=r"^2 sources, 1 targets, 0 alignments; give one of each"):
        measure_alignment(Checkpoint(model, tokenizer), ["a", "b"], ["a"], [])
    with pytest.raises(ValueError, match=r"^2 sources, 1 targets; give one of each"):
        measure_alignment(Checkpoint(model, tokenizer), ["a", "b"], ["a"])


@pytest.mark.parametrize(
    ("link", "n_words"),
    [((3, 0), "3 source and 2 target"), ((0, 2), "3 source and 2 target")],
)
def test_a_gold_link_beyond_its_sentence_is_no_error_of_a_head(tokenizer, link, n_words):
    model = small_model(small_config(vocabulary_size=397, max_positions=101))
    fits = frozenset({(2, 1)})
    gold = [GoldAlignment(fits, fits), GoldAlignment(fits, fits | {link})]
    message = (
        rf"^sentence 2: the gold link of words {link[0] + 1} and {link[1] + 1} is beyond the sentence, "
        rf"which has {n_words} words; give the text that was aligned$"
    )
    with pytest.raises(DataError, match=message):
        measure_alignment(
            Checkpoint(model, tokenizer), ["the man sees"] * 2, ["der Mann"] * 2, gold
        )


def test_the_line_of_a_link_beyond_its_sentence_is_named(tmp_path):
    """Of the file, also where longer pairs before it are passed over."""
    (tmp_path / "a.en").write_text("one two three four\none two\n")
    (tmp_path / "a.de").write_text("eins zwei drei vier\neins zwei\n")
    (tmp_path / "gold").write_text("4-4\n1-1 2p3\n")
    command = Align(
        checkpoint=tmp_path, source=tmp_path / "a.en", target=tmp_path / "a.de",
        gold=tmp_path / "gold", name="two", max_words=3,
    )  # fmt: skip
    with pytest.raises(DataError, match=r"gold, line 2: the gold link of words 2 and 3 is beyond"):
        command.execute([])


def test_agreement_by_hand(scripted_weights, tokenizer):
    """Head 1 produces a-1, b-3, c-2, and each of these columns is largest there: all mutual.

    While consuming it looks at 3, 2, </s>: a-3 and b-2 are mutual, c has no link. Head 2 is the other
    way round.
    """
    model = small_model(small_config(n_heads=2, n_decoder_layers=1))
    result = measure_alignment(Checkpoint(model, tokenizer), ["a b c"], ["a b c"])
    produced, consumed = (result.agreements[reading].values for reading in WEIGHTS.values())
    np.testing.assert_allclose(produced[:, :2], [[1.0, 2 / 3]])
    np.testing.assert_allclose(consumed[:, :2], [[2 / 3, 1.0]])
    assert result.best == HeadChoice(("weights", "produced"), 0, 0)
    values = result.to_json()
    layers = values.pop("layers")
    assert layers["weights"]["produced"] == [[pytest.approx(produced[0, 2], abs=1e-4)] * 3]
    assert values == {
        "rows": "produced", "layer": 1, "head": 1, "agreement": 1.0, "n_sentences": 1,
        "agreements": {"produced": [[1.0, 0.6667]], "consumed": [[0.6667, 1.0]]},
    }  # fmt: skip


def test_agreement_counts_words_over_the_text(tokenizer):
    """Against the links of each pair; one word alone shows nothing."""
    model = small_model(small_config(vocabulary_size=len(tokenizer.names)))
    pairs = [
        ("a man sees", "ein Mann"),
        ("", "x"),
        ("red house", "rot ist das"),
        ("red", "ein Haus"),
    ]
    sides = list(zip(*pairs, strict=True))
    result = measure_alignment(Checkpoint(model, tokenizer), *sides)
    assert result.n_sentences == 2
    hits = dict.fromkeys(READINGS, 0.0)
    for pair in word_matrices(model, tokenizer, *sides):
        for reading in READINGS if pair.index != 3 else ():
            matrix = pair.of[reading][1, 2]
            for word, row in enumerate(matrix):
                hits[reading] += bool(
                    row.argmax() < len(row) - 1 and matrix[:, row.argmax()].argmax() == word
                )
    for reading, n in hits.items():
        assert result.agreements[reading].values[1, 2] == pytest.approx(n / (2 + 3))


def test_agreement_needs_words(tokenizer):
    model = small_model(small_config(vocabulary_size=len(tokenizer.names)))
    with pytest.raises(ValueError, match="no sentence pair has several words on both sides"):
        measure_alignment(Checkpoint(model, tokenizer), ["red", ""], ["ein Haus", "x"])
