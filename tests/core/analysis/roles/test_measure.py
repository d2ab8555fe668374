"""Roles of heads: what is counted, against loops; what is stored is read back."""

import dataclasses
import json

import numpy as np
import pytest

from core.analysis.alignment.gold import GoldAlignment
from core.analysis.alignment.words import STEPS
from core.analysis.head_place import HeadPlace
from core.analysis.roles import count_text as counting
from core.analysis.roles.count_text import (
    AFTER,
    FULL_STOP,
    OFFSETS,
    READ,
    SAME,
    SPECIAL,
    WRITTEN,
    count_alignment,
    count_text,
    offset_name,
    piece_counts,
)
from core.analysis.roles.count_trees import TO_DEPENDENT, TO_HEAD, count_trees
from core.analysis.roles.examples import example_sentences
from core.analysis.roles.measure import RoleText, _scored, fitting, measure_roles
from core.analysis.roles.roles import DEFINITIONS, ROLES, Roles, read_roles
from core.analysis.roles.tally import Counted, Tally
from core.analysis.trace.capture import capture_weights, weights_of
from core.checkpoint.folder import Checkpoint
from core.system.json_files import parse_json
from core.text.toy_grammar import sentence_pairs
from core.text.treebank import ROOT
from core.text.vocabulary import JointVocabulary
from tests.core.analysis.alignment.matrices import word_matrices
from tests.core.helpers import small_config, small_model

PAIRS = [("the man sees the old man.", "der Mann sieht den alten Mann."), ("a b", "b a.")]


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    texts = [text for pair in sentence_pairs(300) for text in pair]
    vocabulary = JointVocabulary.learn(texts, 397)
    return Checkpoint(small_model(small_config(vocabulary_size=397, max_positions=101)), vocabulary)


@pytest.fixture(scope="module")
def found(checkpoint):
    sources = [source for source, _ in PAIRS]
    return count_text(checkpoint, PAIRS, piece_counts(checkpoint, sources))


@pytest.fixture(scope="module")
def looks(checkpoint):
    """Of each pair: weights, and the ids of source and consumed tokens."""
    made = []
    for source, target in PAIRS:
        ids = [*checkpoint.vocabulary.source.encode(source), 3]
        consumed = [2, *checkpoint.vocabulary.target.encode(target)]
        made.append((capture_weights(checkpoint.model, ids, consumed), ids, consumed))
    return made


def dealt(tops, targets):
    """The mean hits over all ways of giving a query the row of another: tops q, targets {q: keys}."""
    asked = list(targets)
    if len(asked) < 2:
        return 0.0
    total = sum(tops[other] in targets[q] for q in asked for other in asked if other != q)
    return total / (len(asked) - 1)


def at(tally, what):
    c = tally.names.index(what)
    return tally.hits[:, c], tally.chances[:, c]


@pytest.mark.parametrize(("kind", "offset"), [("encoder", -1), ("encoder", 2), ("decoder", -2)])
def test_positional_heads(found, looks, kind, offset):
    hits, chances = at(found["positional", kind], offset_name(offset))
    for n, (weights, *_) in enumerate(looks):
        matrix = weights[kind]
        first = 1 if kind == "decoder" else 0  # its first query sees one key alone
        queries = [q for q in range(first, matrix.shape[2]) if 0 <= q + offset < matrix.shape[3]]
        assert chances[n] == len(queries)
        tally = found["positional", kind]
        c = tally.names.index(offset_name(offset))
        visible = [q + 1 if kind == "decoder" else matrix.shape[3] for q in queries]
        assert tally.baselines[n, c] == pytest.approx(sum(1 / k for k in visible))
        for layer, head in np.ndindex(matrix.shape[:2]):
            tops = matrix[layer, head].argmax(-1)
            assert hits[n, layer, head] == sum(tops[q] == q + offset for q in queries)
            control = dealt(tops, {q: {q + offset} for q in queries})
            assert tally.control[n, c, layer, head] == pytest.approx(control)


def test_sinks(found, looks):
    hits, chances = at(found["sink", "cross"], SPECIAL)
    stops, _ = at(found["sink", "encoder"], FULL_STOP)
    for n, (weights, ids, _) in enumerate(looks):
        cross, own = weights["cross"], weights["encoder"]
        assert chances[n] == cross.shape[2]
        np.testing.assert_array_equal(hits[n], (cross.argmax(-1) == len(ids) - 1).sum(-1))
        wanted = (own.argmax(-1) == len(ids) - 2).sum(-1) if n == 0 else 0  # "a b" has no full stop
        np.testing.assert_array_equal(stops[n], np.broadcast_to(wanted, stops[n].shape))
    assert found["sink", "decoder"].names == (SPECIAL,)


def test_the_rarest_word(checkpoint, looks):
    """`sees` is made the rarest: its pieces alone were never counted."""
    source, _ = PAIRS[0]
    pieces = checkpoint.vocabulary.source.read(looks[0][1]).pieces
    frequency = {piece.id: 0 if piece.word == 2 else 5 for piece in pieces}
    tally = count_text(checkpoint, PAIRS[:1], frequency)["rare_word", "encoder"]
    weights = looks[0][0]["encoder"][..., :-1]  # not </s>
    asked = range(len(pieces) - 1)
    assert tally.chances[0, 0] == len(asked)
    words = np.array([piece.word for piece in pieces])
    for layer, head in np.ndindex(weights.shape[:2]):
        expected = sum(words[weights[layer, head, q].argmax()] == 2 for q in asked)
        assert tally.hits[0, 0, layer, head] == expected
    share = np.mean(words[:-1] == 2)
    np.testing.assert_allclose(tally.control[0, 0], share * len(asked))
    assert source.split()[2] == "sees"


def test_copying(found, looks, checkpoint):
    names = checkpoint.vocabulary.source.names
    for n, (weights, ids, consumed) in enumerate(looks):
        tops = weights["decoder"].argmax(-1)
        same, after, written, read = (np.zeros(tops.shape[:2]) for _ in range(4))
        n_same = 0
        for q in range(1, len(consumed)):
            earlier = [k for k in range(1, q) if consumed[k] == consumed[q]]
            n_same += bool(earlier)
            for place in np.ndindex(tops.shape[:2]):
                same[place] += tops[(*place, q)] in earlier
                after[place] += tops[(*place, q)] - 1 in earlier and tops[(*place, q)] < q
        cross = weights["cross"].argmax(-1)
        for q, (reads, writes) in enumerate(zip(consumed, [*consumed[1:], 3], strict=True)):
            for place in np.ndindex(cross.shape[:2]):
                for counts, piece in ((written, writes), (read, reads)):
                    is_text = any(map(str.isalnum, names[piece].strip("▁"))) and piece > 3
                    copies = [k for k, key in enumerate(ids) if is_text and key == piece]
                    counts[place] += cross[(*place, q)] in copies
        hits, chances = at(found["copying", "decoder"], SAME)
        np.testing.assert_array_equal(hits[n], same)
        assert chances[n] == n_same
        np.testing.assert_array_equal(at(found["copying", "decoder"], AFTER)[0][n], after)
        np.testing.assert_array_equal(at(found["copying", "cross"], WRITTEN)[0][n], written)
        np.testing.assert_array_equal(at(found["copying", "cross"], READ)[0][n], read)
    assert at(found["copying", "cross"], WRITTEN)[1].sum() > 0


def test_aligners(checkpoint):
    """Against loops: possible links, both steps, the diagonal, and rows dealt anew."""
    own = example_sentences()
    pairs, gold = own.pairs[:6], own.gold[:6]
    tally = count_alignment(checkpoint, pairs, gold)["aligner", "cross"]
    matrices = {
        pair.index: pair.of
        for pair in word_matrices(
            checkpoint.model, checkpoint.vocabulary, *zip(*pairs, strict=True), values=["weights"]
        )
    }
    for step, name in (("produced", "AWO"), ("consumed", "AWI")):
        c = tally.names.index(next(each for each in tally.names if name in each))
        for n, links in enumerate(gold):
            n_target, n_source = len(pairs[n][1].split()), len(pairs[n][0].split())
            named = {}
            for s, t in links.possible:
                named.setdefault(t, set()).add(s)
            assert tally.chances[n, c] == len(named)
            diagonal = sum(t * n_source // n_target in named.get(t, ()) for t in range(n_target))
            assert tally.baselines[n, c, 0] == diagonal
            for place in np.ndindex(tally.hits.shape[2:]):
                tops = matrices[n]["weights", step][place].argmax(-1)
                assert tally.hits[n, c, *place] == sum(tops[t] in named[t] for t in named)
                assert tally.control[n, c, *place] == pytest.approx(dealt(tops, named))


def test_what_a_head_does_best_is_chosen_by_its_margin():
    """Relation 0 is easy for a rule, relation 1 for the control; relation 2 has the largest margin."""
    n = 40
    tally = Tally.empty(n, ["easy", "dealt", "hard"], (1, 2), n_rules=3)
    for index in range(n):
        for name, hits, rules, control in (
            ("easy", 9.0, (0.0, 8.5, 1.0), 1.0), ("dealt", 8.0, (0.0, 1.0, 2.0), 7.5),
            ("hard", 5.0 + index % 2, (1.0, 0.0, 0.5), 0.5),
        ):  # fmt: skip
            tally.add(
                index, name,
                Counted(np.array([[hits, 0.0]]), np.array(rules), np.array([[control, 0.0]]), 10.0),
            )  # fmt: skip
    score = _scored("syntactic", tally)[0, 0]
    assert score.what == "hard"
    assert (score.score.value, score.baseline, score.control) == pytest.approx((0.55, 0.1, 0.05))
    assert score.n_chances == 400
    for above, less in ((score.above_baseline, 0.1), (score.above_control, 0.05)):
        assert above.value == pytest.approx(0.55 - less)
        low, high = above.interval_95
        assert (low, high) == pytest.approx(tuple(end - less for end in score.score.interval_95))


def test_relations_and_trees(checkpoint):
    """Against loops over words."""
    trees = example_sentences().trees[:5]
    tallies, whole = count_trees(checkpoint, trees)
    tally = tallies["syntactic", "encoder"]
    for n, tree in enumerate(trees):
        ids = [*checkpoint.vocabulary.source.encode(tree.text), 3]
        pieces = checkpoint.vocabulary.source.read(ids).pieces
        word_of = tree.words_of(pieces)
        weights = capture_weights(checkpoint.model, ids, [2])["encoder"]
        tops = {}
        for word in range(len(tree.words)):
            rows = [weights[:, :, q] for q, own in enumerate(word_of) if own == word]
            mean = sum(rows) / len(rows)
            sums = [
                sum(mean[..., k] for k, own in enumerate(word_of) if own == key)
                for key in range(len(tree.words))
            ]
            tops[word] = np.stack(sums).argmax(0)
        subjects = [(d, w.head) for d, w in enumerate(tree.words) if w.relation == "nsubj"]
        for form, pairs in (
            (TO_HEAD, subjects), (TO_DEPENDENT, [(head, d) for d, head in subjects]),
        ):  # fmt: skip
            hits, chances = at(tally, form.format("nsubj"))
            assert chances[n] == len({query for query, _ in pairs})
            expected = {}
            for query, key in pairs:
                expected[query] = expected.get(query, False) | (tops[query] == key)
            np.testing.assert_array_equal(hits[n], sum(expected.values()))
            named = {}
            for query, key in pairs:
                named.setdefault(query, set()).add(key)
            c = tally.names.index(form.format("nsubj"))
            offsets = [offset for offset in range(-5, 6) if offset]
            rules = [sum(q + offset in named[q] for q in named) for offset in offsets]
            np.testing.assert_array_equal(tally.baselines[n, c], rules)
        edges = [w for w in tree.words if w.head != ROOT and w.relation != "punct"]
        assert whole.chances[n] == len(edges)
        assert (whole.hits[n] <= len(edges)).all()
        assert whole.baseline[n] > 0


@pytest.fixture(scope="module")
def roles(checkpoint):
    pairs = list(sentence_pairs(30))
    own = example_sentences()
    return measure_roles(
        checkpoint, RoleText("toy", pairs), treebank=RoleText("trees", trees=own.trees),
        aligned=RoleText("links", own.pairs, gold=own.gold), examples=own,
    )  # fmt: skip


def test_every_head_has_its_kinds_of_scores(roles, checkpoint):
    config = checkpoint.config
    n_heads = (config.n_encoder_layers + 2 * config.n_decoder_layers) * config.n_heads
    assert len(roles.scores) == n_heads
    for place, scores in roles.scores.items():
        assert {score.name for score in scores} <= {
            name for name, role in DEFINITIONS.items() if place.kind in role.kinds
        }
        for score in scores:
            low, high = score.score.interval_95
            assert 0 <= low <= score.score.value <= high <= 1
            assert score.above_baseline.value == pytest.approx(score.score.value - score.baseline)
            assert score.above_control.value == pytest.approx(score.score.value - score.control)
    assert set(roles.trees) == {place for place in roles.scores if place.kind == "encoder"}
    assert roles.texts == {"toy": 30, "trees": 32, "links": 32}


def test_heads_of_random_weights_have_hardly_a_role(roles):
    """Sinks aside: their rows are all but even, and the largest weight falls anywhere."""
    held = [roles.main(place) for place in roles.scores]
    names = [score.name for score in held if score]
    assert len(names) - names.count("sink") - names.count("copying") <= 3


def test_what_is_stored_is_read_back(roles, tmp_path):
    (tmp_path / ROLES).write_text(json.dumps(roles.to_json()))
    again = read_roles(tmp_path)
    assert again.scores.keys() == roles.scores.keys()
    for place, scores in again.scores.items():
        for one, other in zip(scores, roles.scores[place], strict=True):
            assert (one.name, one.what, one.most, one.least) == (
                other.name, other.what, other.most, other.least,
            )  # fmt: skip
            assert one.score.value == pytest.approx(other.score.value, abs=1e-6)
    assert again.sentences == roles.sentences
    assert read_roles(tmp_path / "nowhere") is None


def test_a_sentence_that_is_not_there_is_refused(roles):
    values = parse_json(json.dumps(roles.to_json()))
    next(iter(values["scores"].values()))[0]["most"] = [[9_999, 1, 1]]
    with pytest.raises(ValueError, match="most and least must name one of the"):
        Roles.from_json(values)
    with pytest.raises(ValueError, match=r"'enc\.L0H1' is no head; write one like"):
        HeadPlace.labelled("enc.L0H1")


def test_sentences_are_those_where_the_head_does_it_most_and_least(checkpoint, monkeypatch):
    """Every head is made one that attends to the key before: all rows but the first hit."""

    def scripted(model, seen, row, kinds=("encoder", "decoder", "cross")):
        found = capture_weights_of(model, seen, row, kinds)
        matrix = found["encoder"]
        before = np.zeros_like(matrix)
        for q in range(matrix.shape[-1]):
            before[..., q, max(q - 1, 0)] = 1
        return {**found, "encoder": before}

    capture_weights_of = counting.weights_of
    monkeypatch.setattr(counting, "weights_of", scripted)
    pairs = [*sentence_pairs(30), ("a b c d e f g h", "x"), ("", "y")]
    roles = measure_roles(checkpoint, RoleText("toy", pairs))
    place = HeadPlace("encoder", 1, 2)
    main = roles.main(place)
    assert (main.name, main.what, main.score.value) == ("positional", "the piece before it", 1.0)
    assert [seen.hits == seen.chances for seen in main.most] == [True] * 3
    lengths = [len(checkpoint.vocabulary.source.encode(source)) for source, _ in pairs if source]
    longest = roles.sentences[main.most[0].sentence][0]
    assert main.most[0].chances == max(lengths)
    assert len(checkpoint.vocabulary.source.encode(longest)) == max(lengths)


def test_sentences_that_do_not_fit_are_left_out(checkpoint):
    """Too long for the model's positions, or without text; their trees and links go with them."""
    own = example_sentences()
    long = "the house " * 60
    tree = dataclasses.replace(own.trees[0], text=long)
    text = RoleText(
        "text", [(long, "x"), *own.pairs[:2], ("", "x")], [tree, *own.trees[:2], own.trees[2]],
        [own.gold[5], *own.gold[:2], own.gold[6]],
    )  # fmt: skip
    kept = fitting(checkpoint, text)
    assert list(kept.pairs) == list(own.pairs[:2])
    assert list(kept.trees) == list(own.trees[:2])
    assert list(kept.gold) == list(own.gold[:2])
    with pytest.raises(ValueError, match="text has no sentence that this model can read"):
        fitting(checkpoint, RoleText("text", [(long, "x")]))


def test_half_a_character_is_refused(roles):
    values = json.loads(json.dumps(roles.to_json()))
    values["sentences"] = [["\ud800", "x"]]
    values["scores"] = {}
    with pytest.raises(ValueError, match="half of a surrogate pair"):
        Roles.from_json(values)


def test_who_attends_to_no_text_at_all_hits_no_word(checkpoint, monkeypatch):
    """All weight on `</s>`: the first word, though the rarest, is not what the head looks at."""

    def on_the_end(*of):
        weights = weights_of(*of)
        for kind in weights:
            weights[kind] = np.zeros_like(weights[kind])
            weights[kind][..., -1] = 1.0
        return weights

    monkeypatch.setattr(counting, "weights_of", on_the_end)
    ids = [*checkpoint.vocabulary.source.encode("sees the old man"), 3]
    pieces = checkpoint.vocabulary.source.read(ids).pieces
    frequency = {piece.id: 0 if piece.word == 0 else 5 for piece in pieces}
    pairs = [("sees the old man", "sieht den alten Mann")]
    tally = count_text(checkpoint, pairs, frequency)["rare_word", "encoder"]
    assert tally.chances[0, 0] > 0
    assert not tally.hits.any()


def test_a_word_that_is_read_from_the_end_of_the_source_is_aligned_with_nothing(
    checkpoint, monkeypatch
):
    """And not with the last word."""
    matrix = np.zeros((3, 6, 2, 4))  # N H+1 t s+1
    matrix[..., -1] = 1.0
    read = {("weights", step): matrix for step in STEPS}
    monkeypatch.setattr(counting, "over_word_matrices", lambda function, *_: [(0, function(read))])
    gold = GoldAlignment(frozenset(), frozenset({(2, 0), (2, 1)}))
    tally = counting.count_alignment(checkpoint, [("a b c", "d e")], [gold])["aligner", "cross"]
    assert tally.chances.sum() == 4
    assert not tally.hits.any()


def test_the_decoder_sees_nothing_later_than_the_token_that_it_reads():
    assert OFFSETS["decoder"] == tuple(offset for offset in OFFSETS["encoder"] if offset <= 0)
