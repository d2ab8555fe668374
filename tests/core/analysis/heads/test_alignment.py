"""Alignment error rate (Och & Ney 2003), on examples small enough for paper and pencil."""

from types import SimpleNamespace

import numpy as np
import pytest

from core.analysis.head_place import HeadPlace
from core.analysis.heads import alignment
from core.analysis.heads.alignment import (
    GoldAlignment,
    HeadAgreement,
    HeadAlignment,
    head_agreement,
    head_alignment,
    read_gold,
)
from core.analysis.heads.word_attention import word_weights
from core.analysis.trace.capture import capture_weights
from core.cli.align import Align
from core.text.parallel import DataError
from tests.core.helpers import small_config, small_model


def test_links_are_read_and_count_from_0(tmp_path):
    file = tmp_path / "gold"
    file.write_text("1-1 2p3 10-2\n\n3p3\n")
    assert read_gold(file) == [
        GoldAlignment(frozenset({(0, 0), (9, 1)}), frozenset({(0, 0), (9, 1), (1, 2)})),
        GoldAlignment(frozenset(), frozenset()),
        GoldAlignment(frozenset(), frozenset({(2, 2)})),
    ]


@pytest.mark.parametrize("link", ["0-1", "1-0", "1:2", "1-", "-1", "1-2-3", "a-b", "1P2", "1-2,"])
def test_what_is_no_link_is_named_with_its_line(tmp_path, link):
    file = tmp_path / "gold"
    file.write_text(f"1-1\n2-2 {link}\n")
    with pytest.raises(
        DataError, match=rf"^{file}, line 2: '{link}' is not a link; write 3-4 or 3p4$"
    ):
        read_gold(file)


def pointing(*columns, n_keys):
    """One matrix of weights whose rows look mostly at the given columns."""
    weights = np.full((len(columns), n_keys), 0.01, np.float32)
    weights[np.arange(len(columns)), columns] = 0.9
    return weights


@pytest.fixture
def scripted_weights(monkeypatch):
    """Two heads over three words a side, every word one piece; the last column is `</s>`.

    Rows are the steps that consume `<s>`, a, b, c. Head 1 looks right while it produces a word,
    head 2 while it consumes it.
    """
    first = pointing(0, 2, 1, 3, n_keys=4)
    second = pointing(3, 0, 2, 1, n_keys=4)
    weights = np.stack([first, second])[None]  # N H q k
    monkeypatch.setattr(
        alignment,
        "capture_corpus",
        lambda model, sources, *_: [SimpleNamespace(indices=range(len(sources)), seen={})],
    )
    monkeypatch.setattr(alignment, "weights_of", lambda *_, **__: {"cross": weights})


GOLD = GoldAlignment(sure=frozenset({(0, 0), (1, 2)}), possible=frozenset({(0, 0), (1, 2), (2, 1)}))


def test_error_rates_by_hand(scripted_weights, tokenizer):
    """Head 1 produces a-1, b-3, c-2: |A∩S| = 2, |A∩P| = 3, |A| + |S| = 5, so its rate is 0.

    While consuming it looks at 3, 2, </s> (which is left out: a tie, the first word wins):
    b-2 and c-1 are wrong, a-3 too. Head 2 is the other way round.
    """
    model = small_model(small_config(n_heads=2, n_decoder_layers=1))
    text = "a b c"
    assert [p.word for p in tokenizer.read(tokenizer.encode(text)).pieces] == [0, 1, 2]
    result = head_alignment(model, tokenizer, [text], [text], [GOLD])
    np.testing.assert_allclose(result.error_rates["produced"], [[0.0, 1 - (1 + 1) / 5]])
    np.testing.assert_allclose(result.error_rates["consumed"], [[1.0, 0.0]])
    assert result.n_sentences == 1


def test_rates_are_counted_over_the_whole_text(scripted_weights, tokenizer):
    model = small_model(small_config(n_heads=2, n_decoder_layers=1))
    nothing = GoldAlignment(frozenset(), frozenset())
    result = head_alignment(model, tokenizer, ["a b c"] * 2, ["a b c"] * 2, [GOLD, nothing])
    np.testing.assert_allclose(result.error_rates["produced"][0, 0], 1 - 5 / 8)


def test_real_weights_are_those_of_the_forced_translation(tokenizer):
    """Every head's links recomputed from captured weights, for words of several pieces."""
    model = small_model(small_config(vocabulary_size=397, max_positions=101))
    source, target = "Ottokar paints an apple tree", "Ottokar malt einen Apfelbaum"
    sure = frozenset({(0, 0), (1, 1), (2, 2), (4, 3)})
    gold = GoldAlignment(sure, sure | {(3, 3)})
    result = head_alignment(model, tokenizer, [source], [target], [gold])
    source_ids, target_ids = tokenizer.encode(source), tokenizer.encode(target)
    keys, pieces = tokenizer.read(source_ids).pieces, tokenizer.read(target_ids).pieces
    assert len(keys) > 5
    assert len(pieces) > 4
    cross = capture_weights(model, [*source_ids, 3], [2, *target_ids])["cross"]
    for shift, rows in ((0, "produced"), (1, "consumed")):
        for layer in range(3):
            for head in range(5):
                links = set()
                for word in range(4):
                    of_word = [t + shift for t, piece in enumerate(pieces) if piece.word == word]
                    shares = [
                        sum(cross[layer, head, t, j] for t in of_word
                            for j, key in enumerate(keys) if key.word == source_word)
                        for source_word in range(5)
                    ]  # fmt: skip
                    links.add((int(np.argmax(shares)), word))
                hits = len(links & gold.sure) + len(links & gold.possible)
                expected = 1 - hits / (len(links) + len(gold.sure))
                assert result.error_rates[rows][layer, head] == pytest.approx(expected)


def test_an_empty_pair_adds_nothing(tokenizer):
    model = small_model(small_config(vocabulary_size=397, max_positions=101))
    texts = ["the man sees", "der Mann sieht"]
    gold = GoldAlignment(frozenset({(0, 0)}), frozenset({(0, 0)}))
    nothing = GoldAlignment(frozenset(), frozenset())
    alone = head_alignment(model, tokenizer, texts[:1], texts[1:], [gold])
    for source, target in (("", ""), ("the", ""), ("", "die")):
        both = head_alignment(
            model, tokenizer, [texts[0], source], [texts[1], target], [gold, nothing]
        )
        for rows in ("produced", "consumed"):
            np.testing.assert_allclose(both.error_rates[rows], alone.error_rates[rows])


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
    together = head_alignment(model, tokenizer, sources, targets, gold)
    n_links, hits = 0, 0.0
    for source, target, links in zip(sources, targets, gold, strict=True):
        alone = head_alignment(model, tokenizer, [source], [target], [links])
        n = len(links.sure) + (len(target.split()) if source else 0)
        n_links += n
        hits += (1 - alone.error_rates["produced"]) * n
    np.testing.assert_allclose(together.error_rates["produced"], 1 - hits / n_links)


def test_the_best_head_has_the_lowest_rate_of_both_conventions():
    rates = {
        "produced": np.array([[0.5, 0.4], [0.3, 0.6]]),
        "consumed": np.array([[0.7, 0.2], [0.9, 0.8]]),
    }
    result = HeadAlignment(rates, 7)
    assert result.best == ("consumed", HeadPlace("cross", 0, 1))
    values = result.to_json()
    assert (values["rows"], values["layer"], values["head"]) == ("consumed", 1, 2)
    assert values["alignment_error_rate"] == 0.2
    assert values["error_rates"]["produced"] == [[0.5, 0.4], [0.3, 0.6]]
    assert values["n_sentences"] == 7


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
    with pytest.raises(ValueError, match=r"^2 sources, 1 targets, 0 alignments; there must be one"):
        head_alignment(model, tokenizer, ["a", "b"], ["a"], [])


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
        head_alignment(model, tokenizer, ["the man sees"] * 2, ["der Mann"] * 2, gold)


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

    While consuming it looks at 3, 2, </s>: a-3 and b-2 are mutual, c has no word (a tie, the first
    wins), and word 1 does not look back at it. Head 2 is the other way round.
    """
    model = small_model(small_config(n_heads=2, n_decoder_layers=1))
    result = head_agreement(model, tokenizer, ["a b c"], ["a b c"])
    np.testing.assert_allclose(result.shares["produced"], [[1.0, 2 / 3]])
    np.testing.assert_allclose(result.shares["consumed"], [[2 / 3, 1.0]])
    assert result.best == ("produced", HeadPlace("cross", 0, 0))
    assert result.to_json() == {
        "rows": "produced", "layer": 1, "head": 1, "agreement": 1.0, "n_sentences": 1,
        "agreements": {"produced": [[1.0, 0.6667]], "consumed": [[0.6667, 1.0]]},
    }  # fmt: skip


def test_agreement_counts_words_over_the_text(tokenizer):
    """Against loops over sentences, heads and words; one word alone shows nothing."""
    model = small_model(small_config(vocabulary_size=len(tokenizer.names)))
    pairs = [
        ("a man sees", "ein Mann"),
        ("", "x"),
        ("red house", "rot ist das"),
        ("red", "ein Haus"),
    ]
    result = head_agreement(model, tokenizer, *zip(*pairs, strict=True))
    assert result.n_sentences == 2
    hits, n_words = dict.fromkeys(result.shares, 0.0), 0
    for source, target in (pairs[0], pairs[2]):
        ids = tokenizer.encode(source), tokenizer.encode(target)
        weights = capture_weights(model, [*ids[0], 3], [2, *ids[1]])["cross"][1, 2]
        keys = tokenizer.read([*ids[0], 3]).pieces
        queries = tokenizer.read(ids[1]).pieces
        n_words += len(target.split())
        for step, first in (("produced", 0), ("consumed", 1)):
            words = word_weights(weights[first : first + len(queries)], queries, keys)
            for number, row in enumerate(words):
                hits[step] += words[:, row.argmax()].argmax() == number
    for step, n in hits.items():
        assert result.shares[step][1, 2] == pytest.approx(n / n_words)


def test_agreement_needs_words():
    with pytest.raises(ValueError, match="2 sources, but 1 targets"):
        head_agreement(None, None, ["a", "b"], ["a"])
    assert HeadAgreement({"produced": np.array([[0.2]]), "consumed": np.array([[0.3]])}, 1).best == (
        "consumed", HeadPlace("cross", 0, 0),
    )  # fmt: skip
