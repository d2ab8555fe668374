"""Words of a text, from the pieces that a vocabulary cuts it into."""

import pytest

from core.text.pieces import read_pieces


def words_of(*names):
    read = read_pieces(range(len(names)), names, lambda _: "text")
    assert [piece.word for piece in read.pieces] == sorted(piece.word for piece in read.pieces)
    assert [read.text[word.start : word.end] for word in read.words] == [w.text for w in read.words]
    return [word.text for word in read.words]


def test_spaces_separate_words():
    assert words_of("▁The", "▁wo", "man", "'", "s", "▁dog", ".") == ["The", "woman's", "dog."]


@pytest.mark.parametrize(
    ("pieces", "words"),
    [
        (["▁", "两个", "孩子", "在", "公园", "。"], ["两个", "孩子", "在", "公园。"]),
        (["▁两个", "孩子", "踢", "足球", "!"], ["两个", "孩子", "踢", "足球!"]),
        (["▁窓", "を", "閉め", "て", "、", "カ", "ー", "テン"], ["窓", "を", "閉め", "て、", "カ", "ー", "テン"]),
        (["▁เด็ก", "สอง", "คน"], ["เด็ก", "สอง", "คน"]),
        (["▁用", "iPhone", "拍", "▁OK"], ["用", "iPhone", "拍", "OK"]),
    ],
)  # fmt: skip
def test_where_there_are_none_each_piece_is_a_word(pieces, words):
    assert words_of(*pieces) == words


@pytest.mark.parametrize(
    ("pieces", "words"),
    [
        (["▁يلعب", "▁طفل", "ان", "▁كرة"], ["يلعب", "طفلان", "كرة"]),
        (["▁שני", "▁ילד", "ים"], ["שני", "ילדים"]),
        (["▁두", "▁아이", "가"], ["두", "아이가"]),  # Korean has spaces
    ],
)
def test_scripts_with_spaces_are_read_as_ever(pieces, words):
    assert words_of(*pieces) == words
