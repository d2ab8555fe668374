"""Dependency trees are read, and their words found in the text."""

from pathlib import Path

import pytest

from core.text.parallel import DataError
from core.text.treebank import ROOT, read_treebank
from core.text.vocabulary import JointVocabulary


def lines(*rows: str, text: str = "") -> str:
    """`form head relation`, or `1-2 form` for a token of several words."""
    written, number = ([f"# text = {text}"] if text else []), 0
    for row in rows:
        parts = row.split()
        if "-" in parts[0] and parts[0][0].isdecimal():
            written.append("\t".join([*parts, *"_" * 8]))
            continue
        number += 1
        form, head, relation = parts
        written.append("\t".join([str(number), form, *"_" * 4, head, relation, "_", "_"]))
    return "\n".join(written) + "\n\n"


def read(tmp_path: Path, *sentences: str) -> list:
    file = tmp_path / "a.conllu"
    file.write_text("".join(sentences), "utf-8")
    return read_treebank(file)


def test_words_have_their_characters_heads_and_relations(tmp_path):
    first = lines(
        "I 4 nsubj", "do 4 aux", "n't 4 advmod", "go 0 root", ". 4 punct", text="I don't go."
    )
    second = lines("no 2 det:x", "text 0 root")
    trees = read(tmp_path, first, second)
    assert [tree.text for tree in trees] == ["I don't go.", "no text"]
    words = trees[0].words
    assert [trees[0].text[word.start : word.end] for word in words] == ["I", "do", "n't", "go", "."]
    assert [word.head for word in words] == [3, 3, 3, ROOT, 3]
    assert trees[1].words[0].relation == "det"


def test_words_written_as_one_share_its_characters(tmp_path):
    """German `zum` is read as `zu dem`, English `I'm` as `I 'm`."""
    [tree] = read(
        tmp_path,
        lines(
            "1-2 zum", "zu 3 case", "dem 3 det", "Haus 0 root", "4-5 I'm", "I 3 x", "'m 3 x",
            text="zum Haus I'm",
        ),
    )  # fmt: skip
    parts = [tree.text[word.start : word.end] for word in tree.words]
    assert parts == ["zum", "zum", "Haus", "I", "'m"]


def test_pieces_find_their_words(tmp_path):
    [tree] = read(tmp_path, lines("the 2 det", "house 0 root", ". 2 punct", text="the house."))
    vocabulary = JointVocabulary.learn(["the house.", "a mouse, the man"] * 20, 290)
    pieces = vocabulary.source.read([*vocabulary.source.encode(tree.text), 3]).pieces
    words = tree.words_of(pieces)
    assert words[-1] == -1
    for piece, word in zip(pieces[:-1], words, strict=False):
        assert tree.words[word].start <= piece.start < tree.words[word].end
    assert set(words) == {-1, 0, 1, 2}


@pytest.mark.parametrize(
    ("sentence", "message"),
    [
        ("1\ta\tb\n\n", "sentence that begins in line 1: '1 a b' has 3 columns; CoNLL-U has 10"),
        (lines("a 5 x"), "the head of word 1 is '5'; write a number up to 1"),
        (lines("a _ x"), "the head of word 1 is '_'; write a number up to 1"),
        (lines("a 0 root", text="b"), "its text has no 'a' after character 0"),
        (lines("a 0 root").replace("1\t", "2\t"), "words must be numbered 1, 2, 3 and so on"),
        ("", "holds no sentence; give a treebank in the CoNLL-U format"),
        ("# newdoc\n\n", "holds no sentence; give a treebank in the CoNLL-U format"),
        (
            lines("1-9 ab", "a 0 root", "b 1 x"),
            "'1-9' names words that are not there; the last one is 2",
        ),
        (lines("2-1 ab", "a 0 root", "b 1 x"), "'2-1' names words that are not there"),
        (lines("1- ab", "a 0 root"), "'1-' numbers no word; write 4, or 4-5"),
        (lines("a 1 x"), "word 1 leads to no root: its heads go round in a circle"),
        (lines("a 2 x", "b 1 x"), "word 1 leads to no root"),
    ],
)
def test_what_is_no_treebank_is_named(tmp_path, sentence, message):
    with pytest.raises(DataError) as error:
        read(tmp_path, sentence)
    assert message in str(error.value)


def test_without_its_text_a_sentence_is_what_its_tokens_write(tmp_path):
    """Words inside a token and empty nodes are not written; SpaceAfter=No is heeded."""
    sentence = lines("zu 3 case", "dem 3 det", "Haus 0 root", "! 3 punct")
    rows = sentence.splitlines()
    rows[2] = rows[2].rpartition("\t")[0] + "\tSpaceAfter=No"
    rows.insert(0, "\t".join(["1-2", "zum", *"_" * 8]))
    rows.insert(3, "\t".join(["2.1", "nichts", *"_" * 8]))
    [tree] = read(tmp_path, "\n".join(rows) + "\n\n")
    assert tree.text == "zum Haus!"
    assert [tree.text[word.start : word.end] for word in tree.words] == ["zum", "zum", "Haus", "!"]
