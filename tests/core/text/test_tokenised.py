"""Parallel text: errors that name the line, a cache that knows its files, batches that add up."""

import dataclasses
import os
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.text import tokenised
from core.text.batches import collate, epoch_batches, microbatches, pad
from core.text.parallel import DataError, ParallelFiles, read_lines, read_pairs
from core.text.tokenised import tokenise_once
from tests.core.helpers import END, START, corpus_of, random_corpus

PAIRS = [("the man", "der Mann"), ("a red house", "ein rotes Haus"), ("today", "heute")]


def caches(folder):
    return [path.name for path in folder.iterdir() if path.name[0] != "."]


@pytest.fixture
def files(tmp_path):
    return write(tmp_path, PAIRS)


def write(folder, pairs):
    source, target = folder / "text.en", folder / "text.de"
    source.write_text("".join(a + "\n" for a, _ in pairs), "utf-8")
    target.write_text("".join(b + "\n" for _, b in pairs), "utf-8")
    return ParallelFiles((source,), (target,))


def texts(corpus, tokenizer):
    """The pairs of a corpus as text, `</s>` checked and taken off."""
    pairs = [corpus.pair(number) for number in range(len(corpus))]
    assert all(side[-1] == END for pair in pairs for side in pair)
    return [tuple(tokenizer.decode(side[:-1].tolist()) for side in pair) for pair in pairs]


def test_lines_lose_their_ends_and_nothing_else(tmp_path):
    file = tmp_path / "text"
    file.write_bytes("a \r\n\n b\u2028c\x85d\n\te".encode())
    assert list(read_lines(file)) == ["a ", "", " b\u2028c\x85d", "\te"]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=rf"^{tmp_path}/none: No such file or directory$"):
        list(read_lines(tmp_path / "none"))


def test_a_line_that_is_no_utf_8_is_named(tmp_path):
    file = tmp_path / "text"
    file.write_bytes(b"good\nalso good\nb\xe4d\n")
    with pytest.raises(
        DataError, match=rf"^{file}, line 3: not UTF-8 \(byte 0xE4\); save the text as UTF-8$"
    ):
        list(read_lines(file))


def test_a_byte_order_mark_and_the_line_ends_of_windows_are_no_text(tmp_path):
    file = tmp_path / "text"
    file.write_bytes("\ufeffA man.\r\n\ufeffkept inside\r\n".encode())
    assert list(read_lines(file)) == ["A man.", "\ufeffkept inside"]


@pytest.mark.parametrize("is_source_short", [True, False])
def test_files_that_are_not_parallel_are_named(tmp_path, is_source_short):
    source, target = tmp_path / "a", tmp_path / "b"
    source.write_text("1\n2\n" if is_source_short else "1\n2\n3\n")
    target.write_text("1\n2\n3\n" if is_source_short else "1\n2\n")
    short = source if is_source_short else target
    with pytest.raises(
        DataError, match=rf"^{source} and {target} are not parallel: {short} ends before line 3, "
    ):
        list(read_pairs(source, target))


def test_as_many_sources_as_targets(tmp_path):
    with pytest.raises(DataError, match=r"^2 source and 1 target files; give as many targets as"):
        ParallelFiles((tmp_path, tmp_path), (tmp_path,))
    with pytest.raises(DataError, match=r"^0 source and 0 target files"):
        ParallelFiles((), ())


def test_several_files_follow_one_another(tmp_path):
    (tmp_path / "1").mkdir()
    (tmp_path / "2").mkdir()
    first, second = write(tmp_path / "1", PAIRS[:2]), write(tmp_path / "2", PAIRS[2:])
    both = ParallelFiles(first.sources + second.sources, first.targets + second.targets)
    assert list(both.pairs()) == PAIRS
    assert list(both.lines()) == [text for pair in PAIRS for text in pair]


def test_a_tokenised_corpus_holds_the_pairs(files, tokenizer, tmp_path):
    corpus = tokenise_once(files, tokenizer, max_pieces=99, cache=tmp_path / "cache")
    assert texts(corpus, tokenizer) == PAIRS
    assert corpus.n_left_out == 0
    assert corpus.source_lengths.tolist() == [len(tokenizer.encode(a)) + 1 for a, _ in PAIRS]
    assert corpus.target_lengths.tolist() == [len(tokenizer.encode(b)) + 1 for _, b in PAIRS]


def test_more_lines_than_are_tokenised_at_once(tokenizer, tmp_path, monkeypatch):
    monkeypatch.setattr("core.text.tokenised.LINES_AT_ONCE", 2)
    pairs = PAIRS * 3
    corpus = tokenise_once(write(tmp_path, pairs), tokenizer, max_pieces=99, cache=tmp_path / "c")
    assert texts(corpus, tokenizer) == pairs


def test_empty_and_long_sides_are_left_out_and_counted(tokenizer, tmp_path):
    long = "x" * 10  # single letters: at least as many pieces as the limit
    pairs = [PAIRS[0], ("", "leer"), ("empty", " "), (long, "kurz"), ("short", long), PAIRS[2]]
    limit = max(len(tokenizer.encode(text)) for pair in (PAIRS[0], PAIRS[2]) for text in pair) + 1
    assert len(tokenizer.encode(long)) + 1 > limit
    corpus = tokenise_once(
        write(tmp_path, pairs), tokenizer, max_pieces=limit, cache=tmp_path / "c"
    )
    assert texts(corpus, tokenizer) == [PAIRS[0], PAIRS[2]]
    assert corpus.n_left_out == 4


def test_the_limit_counts_the_end_piece(tokenizer, tmp_path):
    n_pieces = len(tokenizer.encode(PAIRS[1][0]))
    files = write(tmp_path, [(PAIRS[1][0], PAIRS[1][0]), PAIRS[2]])
    for limit, n_pairs in ((n_pieces + 1, 2), (n_pieces, 1)):
        corpus = tokenise_once(files, tokenizer, max_pieces=limit, cache=tmp_path / "c")
        assert len(corpus) == n_pairs


def test_no_pair_left_is_an_error_and_leaves_no_folder(tokenizer, tmp_path):
    files = write(tmp_path, [("", "leer"), ("long enough", "lang genug")])
    with pytest.raises(
        DataError,
        match=r"^no pair is left to train on: 2 pairs were left out \(a side is empty, or has more than",
    ):
        tokenise_once(files, tokenizer, max_pieces=2, cache=tmp_path / "cache")
    assert caches(tmp_path / "cache") == []


def test_a_failed_tokenisation_leaves_no_folder(tokenizer, tmp_path):
    files = write(tmp_path, PAIRS)
    files.targets[0].write_text("nur eine Zeile\n")
    with pytest.raises(DataError, match="are not parallel"):
        tokenise_once(files, tokenizer, max_pieces=99, cache=tmp_path / "cache")
    assert caches(tmp_path / "cache") == []


def test_a_file_that_is_gone_is_named(files, tokenizer, tmp_path):
    files.targets[0].unlink()
    with pytest.raises(DataError, match=rf"^{files.targets[0]}: no such file$"):
        tokenise_once(files, tokenizer, max_pieces=99, cache=tmp_path / "cache")


def test_the_cache_is_used_again(files, tokenizer, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    first = tokenise_once(files, tokenizer, max_pieces=99, cache=cache)
    monkeypatch.setattr("core.text.tokenised._tokenised", None)  # a second tokenisation would fail
    again = tokenise_once(files, tokenizer, max_pieces=99, cache=cache)
    assert texts(again, tokenizer) == texts(first, tokenizer)
    assert len(caches(cache)) == 1


def test_the_cache_knows_when_something_changed(files, tokenizer, tmp_path):
    cache = tmp_path / "cache"
    tokenise_once(files, tokenizer, max_pieces=99, cache=cache)
    (target,) = files.targets
    times = target.stat()
    target.write_text("der Mond\nein rotes Haus\nheute\n", "utf-8")  # as many bytes as before
    assert target.stat().st_size == times.st_size
    os.utime(target, ns=(times.st_atime_ns, times.st_mtime_ns + 1))
    changed = tokenise_once(files, tokenizer, max_pieces=99, cache=cache)
    assert texts(changed, tokenizer)[0] == ("the man", "der Mond")
    tokenise_once(files, tokenizer, max_pieces=98, cache=cache)
    assert len(caches(cache)) == 3


def test_another_vocabulary_is_another_cache(files, tokenizer, tmp_path):
    smaller = tokenizer.learn([text for pair in PAIRS for text in pair], 283)
    cache = tmp_path / "cache"
    for vocabulary in (tokenizer, smaller):
        corpus = tokenise_once(files, vocabulary, max_pieces=99, cache=cache)
        assert texts(corpus, vocabulary) == PAIRS


def test_what_a_killed_tokenising_left_is_swept_by_the_next(files, tokenizer, tmp_path):
    cache = tmp_path / "cache"
    tokenise_once(files, tokenizer, max_pieces=99, cache=cache)
    whole = caches(cache)
    for name in (".0123.partial-host-9-9", "4567.partial-99"):
        (cache / name).mkdir()
        (cache / name / "source.i32").write_bytes(b"half")
    tokenise_once(files, tokenizer, max_pieces=98, cache=cache)
    assert len(caches(cache)) == 2
    assert set(whole) < set(caches(cache))
    assert not list(cache.glob("*partial*"))


def test_two_that_begin_at_once_tokenise_once(files, tokenizer, tmp_path, monkeypatch):
    """The second one waits for the first, and opens what it has written."""
    begun, go_on, writes = threading.Event(), threading.Event(), []
    write_cache = tokenised._write_cache

    def slowly(*arguments):
        writes.append(arguments)
        begun.set()
        assert go_on.wait(30)
        write_cache(*arguments)

    monkeypatch.setattr(tokenised, "_write_cache", slowly)
    with ThreadPoolExecutor() as both:
        found = [both.submit(tokenise_once, files, tokenizer, max_pieces=99, cache=tmp_path / "c")]
        assert begun.wait(30)
        found.append(
            both.submit(tokenise_once, files, tokenizer, max_pieces=99, cache=tmp_path / "c")
        )
        time.sleep(0.1)
        go_on.set()
        first, second = (one.result(30) for one in found)
    assert len(writes) == 1
    assert first.source_ids.tolist() == second.source_ids.tolist()


def test_a_cache_cut_off_while_written_is_not_used(files, tokenizer, tmp_path, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("core.text.tokenised._SideWriter.append", killed)
        with pytest.raises(KeyboardInterrupt):
            tokenise_once(files, tokenizer, max_pieces=99, cache=tmp_path / "cache")
    corpus = tokenise_once(files, tokenizer, max_pieces=99, cache=tmp_path / "cache")
    assert texts(corpus, tokenizer) == PAIRS


def test_a_part_holds_its_pairs(files, tokenizer, tmp_path):
    corpus = tokenise_once(files, tokenizer, max_pieces=99, cache=tmp_path / "cache")
    assert texts(corpus.part(1, 3), tokenizer) == PAIRS[1:]
    assert texts(corpus.part(0, 1), tokenizer) == PAIRS[:1]
    assert len(corpus.part(2, 2)) == 0
    ids = [id_ for a, _ in PAIRS[1:] for id_ in (*tokenizer.encode(a), 3)]
    assert corpus.part(1, 3).source_ids.tolist() == ids  # and no others


def test_a_part_knows_what_the_files_held_beside(tokenizer, tmp_path):
    pairs = [*PAIRS, ("", "leer")]
    corpus = tokenise_once(write(tmp_path, pairs), tokenizer, max_pieces=99, cache=tmp_path / "c")
    assert corpus.part(0, 2).n_left_out == 1


def test_pairs_up_to_a_length(files, tokenizer, tmp_path):
    corpus = tokenise_once(files, tokenizer, max_pieces=99, cache=tmp_path / "cache")
    longest = np.maximum(corpus.source_lengths, corpus.target_lengths)
    for limit in (*longest, longest.min() - 1):
        kept = corpus.part(1, 3).up_to(limit)
        expected = [pair for pair, n in zip(PAIRS[1:], longest[1:], strict=True) if n <= limit]
        assert texts(kept, tokenizer) == expected
        assert kept.n_left_out == 2 - len(expected)
        assert kept.source_ids.dtype == corpus.source_ids.dtype


LENGTHS = st.lists(st.tuples(st.integers(1, 23), st.integers(1, 23)), min_size=1, max_size=40)


def corpus_with(lengths):
    return corpus_of(
        [[7] * (source - 1) for source, _ in lengths], [[9] * (target - 1) for _, target in lengths]
    )


@given(lengths=LENGTHS, budget=st.integers(1, 97), seed=st.integers(0, 5), epoch=st.integers(0, 5))
def test_an_epoch_has_every_pair_exactly_once_within_its_budget(lengths, budget, seed, epoch):
    corpus = corpus_with(lengths)
    batches = epoch_batches(corpus, tokens_per_update=budget, seed=seed, epoch=epoch)
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    for batch in batches:
        padded = collate(corpus, batch)
        if len(batch) > 1:
            assert padded.source.numel() <= budget
            assert padded.target[:, 1:].numel() <= budget


@given(lengths=LENGTHS, budget=st.integers(20, 97))
def test_the_order_is_a_function_of_seed_and_epoch(lengths, budget):
    corpus = corpus_with(lengths)

    def order(seed, epoch):
        batches = epoch_batches(corpus, tokens_per_update=budget, seed=seed, epoch=epoch)
        return [batch.tolist() for batch in batches]

    np.random.default_rng().random()
    assert order(3, 2) == order(3, 2)


def test_epochs_and_seeds_have_orders_of_their_own():
    corpus = random_corpus(200)
    orders = {
        str(
            [
                batch.tolist()
                for batch in epoch_batches(corpus, tokens_per_update=50, seed=s, epoch=e)
            ]
        )
        for s in range(3)
        for e in range(3)
    }
    assert len(orders) == 9


def test_an_epoch_does_not_go_from_short_to_long():
    corpus = random_corpus(500, longest=30)
    batches = epoch_batches(corpus, tokens_per_update=60, seed=1, epoch=0)
    longest = [corpus.source_lengths[batch].max() for batch in batches]
    assert longest != sorted(longest)
    assert longest != sorted(longest, reverse=True)


def test_batches_have_similar_lengths():
    """Bucketing must leave less padding than batches in random order would."""
    corpus = random_corpus(500, longest=30)
    batches = epoch_batches(corpus, tokens_per_update=300, seed=1, epoch=0)
    padded = sum(collate(corpus, batch).source.numel() for batch in batches)
    assert corpus.source_lengths.sum() / padded > 0.9


@given(lengths=LENGTHS, budget=st.integers(1, 97), n_shards=st.integers(1, 5))
def test_microbatches_partition_the_batch_for_any_number_of_shards(lengths, budget, n_shards):
    corpus = corpus_with(lengths)
    batch = np.random.default_rng(1).permutation(len(lengths))
    parts = microbatches(corpus, batch, tokens_per_microbatch=budget, n_shards=n_shards)
    assert np.concatenate(parts).tolist() == batch.tolist()
    assert len(parts) % n_shards == 0
    sizes = [len(part) for part in parts]
    assert max(sizes) - min(sizes) <= 1  # no shard has much more to do than another
    for part in parts:
        if len(part) > 1:
            longest = max(corpus.source_lengths[part].max(), corpus.target_lengths[part].max())
            assert len(part) * longest <= budget


def test_a_batch_that_fits_is_not_cut():
    corpus = corpus_with([(5, 7)] * 11)
    batch = np.arange(11)
    assert len(microbatches(corpus, batch, tokens_per_microbatch=77, n_shards=1)) == 1
    assert len(microbatches(corpus, batch, tokens_per_microbatch=76, n_shards=1)) == 2
    assert len(microbatches(corpus, batch, tokens_per_microbatch=77, n_shards=3)) == 3


@settings(max_examples=20)
@given(lengths=LENGTHS)
def test_collate_pads_behind_and_starts_the_target(lengths):
    corpus = corpus_with(lengths)
    padded = collate(corpus, np.arange(len(lengths)))
    assert padded.source.shape == (len(lengths), max(source for source, _ in lengths))
    assert padded.target.shape == (len(lengths), max(target for _, target in lengths) + 1)
    for row, (n, m) in enumerate(lengths):
        source, target = padded.source[row].tolist(), padded.target[row].tolist()
        assert source[:n] == [7] * (n - 1) + [END]
        assert target[: m + 1] == [START] + [9] * (m - 1) + [END]
        assert set(source[n:]) | set(target[m + 1 :]) <= {0}


def test_no_rows_are_padded_to_one_column():
    """A worker without a pair still takes part in the step."""
    assert pad([], 0).shape == (0, 1)
    padded = collate(random_corpus(3), np.arange(0))
    assert padded.source.shape == padded.target.shape == (0, 1)
    assert padded.source.dtype == torch.int64


def test_a_batch_moves_to_a_device():
    padded = collate(random_corpus(3), np.arange(3)).to(torch.device("meta"))
    assert {getattr(padded, f.name).device.type for f in dataclasses.fields(padded)} == {"meta"}


def test_the_message_of_an_unreadable_folder_names_it(tmp_path):
    with pytest.raises(DataError, match=re.escape(f"{tmp_path}: Is a directory")):
        list(read_lines(tmp_path))
