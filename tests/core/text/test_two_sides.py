"""A vocabulary has two sides, and every part of core takes the one that it means."""

from dataclasses import dataclass

import numpy as np
import pytest

from core.analysis.ablation.head_means import head_means
from core.analysis.alignment.gold import GoldAlignment
from core.analysis.alignment.measure import measure_alignment
from core.analysis.effects.corpus import corpus_effects
from core.analysis.trace.capture import trace
from core.checkpoint.folder import Checkpoint
from core.config import KINDS, SearchConfig
from core.decoding.search import search
from core.decoding.translate import translate
from core.evaluation.likelihood import likelihood_statistics
from core.evaluation.measure import measure
from core.text.parallel import ParallelFiles
from core.text.tokenised import tokenise_once
from core.text.toy_grammar import sentence_pairs
from core.text.vocabulary import IDS, JointVocabulary, Vocabulary
from core.translator import Translator
from tests.core.helpers import small_config, small_model

SEARCH = SearchConfig(max_extra_pieces=3)
PAIRS = list(sentence_pairs(7))


@dataclass(frozen=True)
class TwoSided:
    """English pieces on one side, German ones on the other, as many of each."""

    source: JointVocabulary
    target: JointVocabulary
    ids = IDS

    @property
    def unwritable(self):
        return self.target.unwritable

    @property
    def files(self):
        return {"source.spm": self.source.model, "target.spm": self.target.model}


@pytest.fixture(scope="module")
def vocabulary():
    english, german = zip(*sentence_pairs(500), strict=True)
    made = TwoSided(JointVocabulary.learn(english, 330), JointVocabulary.learn(german, 330))
    assert isinstance(made, Vocabulary)
    assert made.source.names != made.target.names
    return made


@pytest.fixture(scope="module")
def checkpoint(vocabulary):
    return Checkpoint(small_model(small_config(vocabulary_size=330, max_positions=101)), vocabulary)


@pytest.fixture(scope="module")
def ids(vocabulary):
    """Source and target ids of the pairs, each by its own side."""
    return (
        [vocabulary.source.encode(source) for source, _ in PAIRS],
        [vocabulary.target.encode(target) for _, target in PAIRS],
    )


def test_translations_are_read_by_the_target_side(checkpoint, vocabulary, ids):
    found = search(checkpoint.model, ids[0], SEARCH)
    expected = [vocabulary.target.decode(each.best.tokens) for each in found]
    texts = [source for source, _ in PAIRS]
    assert translate(checkpoint.model, vocabulary, texts, SEARCH) == expected
    assert Translator(checkpoint).translate(texts, SEARCH) == expected
    assert [each.best for each in Translator(checkpoint).search(texts, SEARCH)] == [
        each.best for each in found
    ]


def test_a_trace_labels_each_side_by_its_own_pieces(checkpoint, vocabulary, ids):
    traced = trace(checkpoint.model, vocabulary, PAIRS[0][0], config=SEARCH)
    assert [piece.name for piece in traced.source.pieces] == [
        vocabulary.source.names[id_] for id_ in [*ids[0][0], IDS.end]
    ]
    produced = [*traced.best.tokens, IDS.end]
    assert [piece.name for piece in traced.target.pieces] == [
        vocabulary.target.names[id_] for id_ in produced
    ]
    assert all(name == vocabulary.target.names[id_] for id_, name in traced.names.items())


def test_references_are_cut_by_the_target_side(checkpoint, ids):
    statistics = likelihood_statistics(checkpoint, *ids)
    assert np.array_equal(measure(checkpoint, PAIRS, SEARCH).statistics["perplexity"], statistics)
    total = statistics.sum(0)
    scores = corpus_effects(checkpoint, PAIRS, [], search=SEARCH).scores
    assert scores["perplexity"] == pytest.approx(np.exp(total[0] / total[1]))


def test_means_are_over_the_pieces_of_each_side(checkpoint, vocabulary):
    """Each side written in the joint pieces of nobody else: ids alone decide, so they are compared."""
    means = head_means(checkpoint, PAIRS)
    swapped = Checkpoint(checkpoint.model, TwoSided(vocabulary.target, vocabulary.source))
    other = head_means(swapped, PAIRS)
    assert all(not np.allclose(means.outputs[kind], other.outputs[kind]) for kind in KINDS)


def test_words_are_aligned_by_their_own_sides(checkpoint, vocabulary):
    sources, targets = zip(*PAIRS, strict=True)
    gold = [GoldAlignment(frozenset({(0, 0)}), frozenset({(0, 0)}))] * len(PAIRS)
    found = measure_alignment(checkpoint, sources, targets, gold)
    for rates in found.error_rates.values():
        assert rates.values.shape == (3, 5 + 1)
        assert ((rates.values >= 0) & (rates.values <= 1)).all()


def test_a_tokenised_corpus_holds_each_side_in_its_own_pieces(vocabulary, ids, tmp_path):
    files = []
    for side, name in enumerate(("a.en", "a.de")):
        file = tmp_path / name
        file.write_text("".join(pair[side] + "\n" for pair in PAIRS), "utf-8")
        files.append(file)
    corpus = tokenise_once(
        ParallelFiles((files[0],), (files[1],)), vocabulary, max_pieces=99, cache=tmp_path
    )
    for index, (source, target) in enumerate(zip(*ids, strict=True)):
        found = [side.tolist() for side in corpus.pair(index)]
        assert found == [[*source, IDS.end], [*target, IDS.end]]
