"""Pieces, words and characters, and the way back."""

import io
import re
import unicodedata

import pytest
import sentencepiece
from hypothesis import example, given
from hypothesis import strategies as st

from core.text.pieces import UnencodableTextError, has_no_spaces, is_unwritable, normalise
from core.text.toy_grammar import sentence_pairs
from core.text.vocabulary import IDS, JointVocabulary

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
"""Every Unicode string that can be written to a file."""
TRICKY = [
    "", " ", "\0", "a\0b", "▁", "▁a▁▁b", " a \t b\u2003c\n", "<s></s><pad><unk>", "<0x41><0xE2>",
    "é", "e\u0301", "\u0301", "a \u0301", "\u2000\u0338", "가각", "\u1100\u1161", "👩‍👩‍👧", "\ufeff", "\u200b",
    "\x85\x1c\x1f", "\uffff", "\U0010ffff", "ſ", "Å\u212b", "A man  saw\u00a0it.", "\ufffd",
]  # fmt: skip


def with_tricky(test):
    for text in TRICKY:
        test = example(text)(test)
    return test


@with_tricky
@given(ANY_TEXT)
def test_decode_of_encode_is_normalise(tokenizer, text):
    assert tokenizer.decode(tokenizer.encode(text)) == normalise(text)


@with_tricky
@given(ANY_TEXT)
def test_normalising_twice_is_normalising_once(text):
    once = normalise(text)
    assert normalise(once) == once


@with_tricky
@given(ANY_TEXT)
def test_normal_text_is_as_promised(text):
    """NFC, single spaces, none at the ends, no ▁, no NUL."""
    normal = normalise(text)
    assert unicodedata.is_normalized("NFC", normal)
    assert normal == " ".join(normal.split())
    assert "▁" not in normal
    assert "\0" not in normal


def test_normalising_keeps_what_is_normal():
    text = "Ein Mädchen – groß! – sieht «das» Haus_1 <s> ﬁ ² Ⅳ"
    assert normalise(text) == text


@given(before=ANY_TEXT, half=st.integers(0xD800, 0xDFFF), after=ANY_TEXT)
def test_half_a_surrogate_pair_is_named(before, half, after):
    with pytest.raises(
        UnencodableTextError,
        match=rf"^character {len(before) + 1} is U\+{half:04X}, half of a surrogate pair",
    ):
        normalise(before + chr(half) + after)


@with_tricky
@given(ANY_TEXT)
def test_special_pieces_are_never_encoded(tokenizer, text):
    assert not {IDS.pad, IDS.unknown, IDS.start, IDS.end} & set(tokenizer.encode(text))


@given(st.lists(ANY_TEXT, max_size=5))
def test_many_lines_are_encoded_like_each(tokenizer, lines):
    for n_threads in (1, 2):
        assert tokenizer.encode_lines(lines, n_threads) == [tokenizer.encode(x) for x in lines]


def check_spans(read):
    """Pieces go forward through the text, and together with the spaces they make all of it."""
    position = 0
    for piece in read.pieces:
        assert read.text[piece.start : piece.end] == piece.surface
        assert 0 <= piece.start <= piece.end <= len(read.text)
        if piece.kind == "special":
            assert piece.surface == ""
        assert (piece.word == -1) == (piece.kind == "special")
        if piece.end > position:
            assert piece.start >= position
            assert set(read.text[position : piece.start]) <= {" "}
            position = piece.end
    assert set(read.text[position:]) <= {" "}
    starts = [piece.start for piece in read.pieces]
    assert starts == sorted(starts)


def check_words(read):
    """Words are numbered without gaps, in order, and each holds exactly the text of its pieces."""
    numbers = [piece.word for piece in read.pieces if piece.word >= 0]
    assert sorted(set(numbers)) == list(range(len(read.words)))
    assert numbers == sorted(numbers)
    position = 0
    for number, word in enumerate(read.words):
        assert read.text[word.start : word.end] == word.text
        assert word.start >= position
        position = word.end
        mine = [piece for piece in read.pieces if piece.word == number]
        assert min(piece.start for piece in mine) == word.start
        assert max(piece.end for piece in mine) >= word.end


@with_tricky
@given(ANY_TEXT)
def test_spans_and_words_cover_an_encoded_text(tokenizer, text):
    read = tokenizer.read(tokenizer.encode(text))
    check_spans(read)
    check_words(read)
    assert "".join(word.text for word in read.words) == "".join(read.text.split())
    if not any(map(has_no_spaces, read.text)):
        assert [word.text for word in read.words] == read.text.split()
    position = 0
    for piece in read.pieces:  # all characters but spaces belong to exactly one span
        assert piece.start in (position, position + 1) or piece.end == position
        position = max(position, piece.end)
    assert position == len(read.text)


@given(data=st.data())
def test_any_ids_read_without_error(tokenizer, data):
    ids = data.draw(st.lists(st.integers(0, len(tokenizer.names) - 1), max_size=12))
    read = tokenizer.read(ids)
    assert [piece.id for piece in read.pieces] == ids
    assert [piece.name for piece in read.pieces] == [tokenizer.names[id_] for id_ in ids]
    check_spans(read)
    check_words(read)


@given(st.lists(st.integers(0, 255), max_size=9))
def test_bytes_that_are_no_utf_8_read_as_replacement_characters(tokenizer, run):
    read = tokenizer.read([4 + byte for byte in run])
    assert read.text == literal_utf_8(bytes(run)).lstrip(" ")
    check_spans(read)


def literal_utf_8(run: bytes) -> str:
    """Whole characters where there are some; every other byte is one U+FFFD."""
    text = ""
    while run:
        sizes = [n for n in range(1, 5) if is_character(run[:n])]
        text += run[: sizes[0]].decode() if sizes else "\ufffd"
        run = run[sizes[0] if sizes else 1 :]
    return text


def is_character(part: bytes) -> bool:
    try:
        return len(part.decode()) == 1
    except UnicodeDecodeError:
        return False


def test_bytes_of_one_character_share_its_span(tokenizer):
    read = tokenizer.read(tokenizer.encode("sees 🚲 today"))
    bicycle = [piece for piece in read.pieces if piece.kind == "byte"]
    assert [piece.name for piece in bicycle] == ["<0xF0>", "<0x9F>", "<0x9A>", "<0xB2>"]
    assert {(piece.start, piece.end, piece.surface) for piece in bicycle} == {(5, 6, "🚲")}
    assert {piece.word for piece in bicycle} == {1}


def test_a_cut_character_reads_as_one_replacement_a_byte(tokenizer):
    ids = [4 + byte for byte in "🚲".encode()[:3]]
    assert tokenizer.decode(ids) == "\ufffd" * 3
    assert tokenizer.decode([*ids, 4 + ord("x")]) == "\ufffd\ufffd\ufffdx"


def test_special_pieces_stand_where_they_stand(tokenizer):
    ids = tokenizer.encode("the man")
    read = tokenizer.read([IDS.start, ids[0], IDS.unknown, *ids[1:], IDS.end])
    assert read.text == "the man"
    assert (read.pieces[0].start, read.pieces[-1].start) == (0, len(read.text))
    assert [piece.kind for piece in read.pieces if piece.word == -1] == ["special"] * 3


def test_pieces_know_their_words(tokenizer):
    read = tokenizer.read(tokenizer.encode("  Kaffeehaus  today."))
    assert [(word.text, word.start, word.end) for word in read.words] == [
        ("Kaffeehaus", 0, 10),
        ("today.", 11, 17),
    ]
    for number, word in enumerate(read.words):
        mine = [piece.surface for piece in read.pieces if piece.word == number]
        assert "".join(mine) == word.text


@pytest.mark.parametrize("beyond", [-1, 397])
def test_an_id_outside_the_vocabulary_is_named(tokenizer, beyond):
    assert len(tokenizer.names) == 397
    with pytest.raises(ValueError, match=rf"^id {beyond} is outside the vocabulary of 397$"):
        tokenizer.read([5, beyond])


def test_the_vocabulary_begins_with_special_pieces_and_bytes(tokenizer):
    assert tokenizer.names[:4] == ("<pad>", "<unk>", "<s>", "</s>")
    assert tokenizer.names[4:260] == tuple(f"<0x{byte:02X}>" for byte in range(256))
    assert len(set(tokenizer.names)) == 397


def test_its_bytes_make_the_same_tokenizer_again(tokenizer):
    again = JointVocabulary(tokenizer.model)
    assert again.names == tokenizer.names
    assert again.encode("The old man sees it.") == tokenizer.encode("The old man sees it.")


def test_learning_is_repeatable():
    lines = [line for pair in sentence_pairs(200) for line in pair]
    assert JointVocabulary.learn(lines, 307).model == JointVocabulary.learn(iter(lines), 307).model


@pytest.mark.parametrize("junk", [b"", b"no model", b"\x00" * 97])
def test_bytes_that_are_no_vocabulary_are_refused(junk):
    with pytest.raises(
        ValueError, match=re.escape(f"these {len(junk)} bytes are no SentencePiece")
    ):
        JointVocabulary(junk)


def test_a_vocabulary_with_other_special_ids_is_refused():
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["the old man", "the red house"]), model_writer=model,
        vocab_size=20, model_type="char", minloglevel=2,
    )  # fmt: skip
    with pytest.raises(
        ValueError, match=r"^special ids \(pad, unk, bos, eos\) are \(-1, 0, 1, 2\), but must be"
    ):
        JointVocabulary(model.getvalue())


@pytest.mark.parametrize("size", [100, 290])
def test_a_vocabulary_without_bytes_is_refused(size):
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(line for pair in sentence_pairs(300) for line in pair),
        model_writer=model, vocab_size=size, model_type="bpe", pad_id=0, unk_id=1, bos_id=2, eos_id=3,
        minloglevel=2,
    )  # fmt: skip
    with pytest.raises(
        ValueError, match=r"^ids 4 to 259 are not the bytes .*; learn the vocabulary with byte_fall"
    ):
        JointVocabulary(model.getvalue())


def test_too_small_a_vocabulary_is_refused():
    with pytest.raises(ValueError, match=r"^vocabulary_size=260 must exceed 260, the special and"):
        JointVocabulary.learn(["some text"], 260)


FEW_WORDS = ["some text", "of few words"]
MANY_CHARACTERS = ["".join(map(chr, range(0x4E00 + n, 0x4E00 + n + 20))) for n in range(0, 400, 20)]


@pytest.mark.parametrize(
    ("size", "relation"), [(261, "least"), (5_000, "most")], ids=["too small", "too large"]
)
def test_a_size_that_does_not_fit_its_text_is_refused_with_the_one_that_does(size, relation):
    with pytest.raises(
        ValueError, match=r"can be learnt from this text: at \w+ \d+ here$"
    ) as refused:
        JointVocabulary.learn(FEW_WORDS, size)
    found = re.fullmatch(
        rf"no vocabulary of vocabulary_size={size} can be learnt from this text: at {relation} "
        r"(\d+) here",
        str(refused.value),
    )
    assert len(JointVocabulary.learn(FEW_WORDS, int(found[1])).names) == int(found[1])
    beyond = int(found[1]) + (1 if relation == "most" else -1)
    with pytest.raises(ValueError, match=rf"at {relation} {found[1]} here$"):
        JointVocabulary.learn(FEW_WORDS, beyond)


@pytest.mark.parametrize(
    "lines", [FEW_WORDS, ["A dog.", "Ein Hund."], ["A dog."] * 400, ["a"]], ids=len
)
def test_few_words_have_the_largest_vocabulary_that_they_allow(lines):
    learnt = JointVocabulary.learn_fitting(lambda: iter(lines), 5_000)
    with pytest.raises(ValueError, match=rf"at most {len(learnt.names)} here$"):
        JointVocabulary.learn(lines, len(learnt.names) + 1)
    assert [learnt.decode(learnt.encode(line)) for line in lines] == lines


def test_many_words_have_the_vocabulary_that_suits_them():
    lines = [line for pair in sentence_pairs(300) for line in pair]
    assert (
        JointVocabulary.learn_fitting(lambda: iter(lines), 400).names
        == JointVocabulary.learn(lines, 400).names
    )


def test_many_characters_have_a_piece_each():
    learnt = JointVocabulary.learn_fitting(lambda: iter(MANY_CHARACTERS), 300)
    assert set("".join(MANY_CHARACTERS)) <= set(learnt.names)
    assert len(learnt.names) > 260 + 400


@pytest.mark.parametrize("lines", [[], ["", " \t "]], ids=["no line", "empty lines"])
def test_a_text_without_words_has_no_vocabulary(lines):
    message = r"^no vocabulary can be learnt: the text has no words$"
    with pytest.raises(ValueError, match=message):
        JointVocabulary.learn(lines, 300)
    with pytest.raises(ValueError, match=message):
        JointVocabulary.learn_fitting(lambda: lines, 300)


SEPARATORS = [*map(chr, range(0x20)), "\x7f", *map(chr, range(0x80, 0xA0)), "\u2028", "\u2029"]


def test_what_is_never_written_are_control_characters_and_line_separators(tokenizer):
    bytes_ = {f"<0x{byte:02X}>" for byte in [*range(0x20), 0x7F]}
    assert {tokenizer.names[id_] for id_ in tokenizer.unwritable} == bytes_


@pytest.mark.parametrize("separator", SEPARATORS)
def test_a_learnt_piece_with_a_separator_is_never_written(separator):
    assert is_unwritable(f"a{separator}", "text")
    assert not is_unwritable("a\u200b\xa0é▁", "text")


def test_no_control_character_is_learnt():
    """Not even one that every line holds, as some exports do; it is still read, as bytes."""
    lines = [f"\x01{english}\x7f \x9dthe\x9c\x02" for english, _ in sentence_pairs(300)]
    learnt = JointVocabulary.learn(lines, 350)
    assert learnt.unwritable <= set(range(4, 4 + 256))
    assert learnt.decode(learnt.encode("a\x01b")) == "a\x01b"


@pytest.mark.parametrize(
    ("first", "last"),
    [(0xE00, 0xFFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3040, 0x30FF), (0x31F0, 0x31FF),
     (0x3400, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF)],
)  # fmt: skip
def test_scripts_without_spaces_end_where_unicode_ends_them(first, last):
    assert has_no_spaces(chr(first))
    assert has_no_spaces(chr(last))
    others = {chr(first - 1), chr(last + 1)} - {"\u0fff", "\u1000"}  # Tibetan borders on Burmese
    assert not any(map(has_no_spaces, others))
