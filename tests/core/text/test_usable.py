"""One definition of a pair that is used."""

import pytest

from core.text.parallel import ParallelFiles
from core.text.pieces import is_empty
from core.text.tokenised import tokenise_once
from core.text.usable import left_out, usable_pairs

GOOD = ("The old man.", "Der alte Mann.")
EMPTY = ["", "  \t ", "\0", "\u3000"]


@pytest.mark.parametrize("nothing", EMPTY)
@pytest.mark.parametrize("side", [0, 1])
def test_a_pair_with_a_side_of_nothing_is_not_used(tokenizer, nothing, side):
    assert is_empty(nothing)
    bad = (nothing, "Ja.") if side == 0 else ("Yes.", nothing)
    used = usable_pairs([GOOD, bad, GOOD], tokenizer, 99)
    assert (used.pairs, used.numbers, used.n_left_out) == ([GOOD, GOOD], [0, 2], 1)


@pytest.mark.parametrize("side", [0, 1])
def test_a_side_has_at_most_so_many_pieces_with_its_end(tokenizer, side):
    pair = ("x" * 10, "kurz") if side == 0 else ("short", "x" * 10)
    limit = len(tokenizer.encode(pair[side])) + 1
    assert usable_pairs([pair], tokenizer, limit).n_left_out == 0
    assert usable_pairs([pair], tokenizer, limit - 1).n_left_out == 1


def test_training_uses_the_same_pairs(tokenizer, tmp_path):
    pairs = [
        GOOD,
        *((nothing, "Ja.") for nothing in EMPTY),
        ("x" * 30, "lang"),
        ("Yes.", " "),
        GOOD,
    ]
    used = usable_pairs(pairs, tokenizer, 20)
    paths = tmp_path / "a.en", tmp_path / "a.de"
    for path, side in zip(paths, (0, 1), strict=True):
        path.write_text("".join(pair[side] + "\n" for pair in pairs), "utf-8")
    files = ParallelFiles((paths[0],), (paths[1],))
    corpus = tokenise_once(files, tokenizer, max_pieces=20, cache=tmp_path / "cache")
    assert used.pairs == [GOOD, GOOD]
    assert (len(corpus), corpus.n_left_out) == (len(used.pairs), used.n_left_out)


def test_how_many_were_left_out_is_said_with_the_limit_as_pieces_of_text():
    assert left_out(1, 257) == "1 pair was left out (a side is empty, or has more than 256 pieces)"
    assert left_out(2_000, 257).startswith("2,000 pairs were left out (")
