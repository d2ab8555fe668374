"""What a run trains on, and what of it is held out where no other text is given."""

import pytest

from core.config import ModelConfig, SearchConfig
from core.decoding.search import MAX_SOURCE_PIECES, search
from core.model import build
from core.text.parallel import ParallelFiles
from core.text.toy_grammar import sentence_pairs
from core.training.run_folder import RunFolder
from core.training.texts import Texts, keep_vocabulary
from core.training.workers import Workers
from tests.core.helpers import END

PAIRS = list(sentence_pairs(100))


def prepared(folder, pairs, max_pieces=256) -> Texts:
    """Texts of a run without held-out files: of n pairs, the last n // 20 are held out."""
    run = RunFolder(folder / "runs" / "model")
    run.create()
    paths = [folder / name for name in ("train.en", "train.de")]
    for side, path in enumerate(paths):
        path.write_text("".join(pair[side] + "\n" for pair in pairs), "utf-8")
    files = ParallelFiles((paths[0],), (paths[1],))
    keep_vocabulary(run, files, given=None, size=400)
    return Texts.prepare(run, Workers(), files, [], max_pieces)


def held_out(texts: Texts) -> list[tuple[str, str]]:
    corpus = texts.validation["held-out"]
    pairs = [corpus.pair(number) for number in range(len(corpus))]
    return [(texts.vocabulary.decode(a[:-1]), texts.vocabulary.decode(b[:-1])) for a, b in pairs]


def test_the_last_pairs_are_held_out(tmp_path):
    texts = prepared(tmp_path, PAIRS)
    assert len(texts.corpus) == 95
    assert held_out(texts) == PAIRS[95:]


@pytest.mark.parametrize("side", [0, 1])
def test_a_held_out_pair_can_be_translated(tmp_path, side):
    """Training takes longer pairs than a translation may have."""
    long = " ".join(["die"] * 700)
    pair = (long, "kurz") if side == 0 else ("short", long)
    texts = prepared(tmp_path, [*PAIRS[:98], pair, *PAIRS[98:]], max_pieces=1_000)
    assert len(texts.corpus) + 5 == 101
    assert held_out(texts) == [*PAIRS[96:98], *PAIRS[98:]]
    corpus = texts.validation["held-out"]
    assert max(corpus.source_lengths.max(), corpus.target_lengths.max()) <= MAX_SOURCE_PIECES
    size = len(texts.vocabulary.names)
    model = build(ModelConfig(vocabulary_size=size, n_encoder_layers=1, n_decoder_layers=1)).eval()
    sources = [corpus.pair(number)[0][:-1].tolist() for number in range(len(corpus))]
    assert len(search(model, sources, SearchConfig(method="greedy", max_target_pieces=1))) == 4


def test_nothing_short_enough_to_hold_out_is_no_validation(tmp_path):
    long = " ".join(["die"] * 700)
    texts = prepared(tmp_path, [*PAIRS[:19], (long, "kurz")], max_pieces=1_000)
    assert texts.validation == {}
    assert len(texts.corpus) == 19


def test_pairs_left_out_are_counted_whether_or_not_some_are_held_out(tmp_path):
    assert prepared(tmp_path, [("", "leer"), *PAIRS]).corpus.n_left_out == 1
    few = tmp_path / "few"
    few.mkdir()
    assert prepared(few, [("", "leer"), *PAIRS[:19]]).corpus.n_left_out == 1


def test_pieces_that_the_held_out_part_alone_holds_are_unseen(tmp_path):
    texts = prepared(tmp_path, [*PAIRS, ("⅝", "⅞")])
    encode, unseen = texts.vocabulary.encode, texts.unseen_pieces()
    training = [*PAIRS, ("⅝", "⅞")][: len(texts.corpus)]
    for side, name in enumerate(("source", "target")):
        seen = {END, *(id_ for pair in training for id_ in encode(pair[side]))}
        assert set(unseen[name]) == set(range(len(texts.vocabulary.names))) - seen
    assert encode("⅝")[-1] in unseen["source"]
