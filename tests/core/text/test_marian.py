"""A Marian vocabulary: pieces as SentencePiece cuts them, ids as the table says.

`bench` compares it with Hugging Face's own tokenizer.
"""

import io
import json

import pytest
import sentencepiece

from core.text.marian import (
    SOURCE_FILE,
    TABLE_FILE,
    TARGET_FILE,
    TARGET_TABLE_FILE,
    MarianVocabulary,
)
from core.text.pieces import UnencodableTextError
from core.text.toy_grammar import sentence_pairs
from core.text.vocabulary import Vocabulary


def learnt(lines):
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines),
        model_writer=written,
        vocab_size=80,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    return written.getvalue()


def pieces_of(model):
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    return [processor.IdToPiece(id_) for id_ in range(3, processor.GetPieceSize())]


@pytest.fixture(scope="module")
def models():
    english, german = zip(*sentence_pairs(500), strict=True)
    return learnt(english), learnt(german)


@pytest.fixture(scope="module")
def missing(models):
    """An English piece that the table lacks."""
    return next(piece for piece in pieces_of(models[0]) if piece not in pieces_of(models[1]))


@pytest.fixture(scope="module")
def names(models, missing):
    pieces = sorted({*pieces_of(models[0]), *pieces_of(models[1])} - {missing})
    return ["</s>", "<unk>", *pieces, ">>de<<", ">>fr<<", "<pad>"]


@pytest.fixture(scope="module")
def files(models, names):
    table = json.dumps({name: id_ for id_, name in enumerate(names)})
    return {SOURCE_FILE: models[0], TARGET_FILE: models[1], TABLE_FILE: table.encode()}


@pytest.fixture(scope="module")
def vocabulary(files, names):
    return MarianVocabulary(files, start=len(names) - 1, pad=len(names) - 1)


def test_it_is_a_vocabulary(vocabulary, names, files):
    assert isinstance(vocabulary, Vocabulary)
    assert vocabulary.ids == type(vocabulary.ids)(
        pad=len(names) - 1, unknown=1, start=len(names) - 1, end=0
    )
    assert vocabulary.source.names == vocabulary.target.names == tuple(names)
    assert vocabulary.files == files
    assert vocabulary.source.languages == ("de", "fr")


def test_each_side_cuts_with_its_own_model_and_counts_with_the_table(vocabulary, models, names):
    for side, model, column in (
        (vocabulary.source, models[0], 0),
        (vocabulary.target, models[1], 1),
    ):
        processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        for pair in sentence_pairs(20):
            pieces = processor.encode(pair[column], out_type=str)
            expected = [names.index(piece) if piece in names else 1 for piece in pieces]
            assert side.encode(pair[column]) == expected


def test_what_the_table_lacks_is_unknown(vocabulary, models, missing):
    processor = sentencepiece.SentencePieceProcessor(model_proto=models[0])
    cut = (processor.encode(english, out_type=str) for english, _ in sentence_pairs(500))
    pieces = next(pieces for pieces in cut if missing in pieces)
    ids = vocabulary.source.encode(processor.decode(pieces))
    assert ids[pieces.index(missing)] == 1
    assert 1 in vocabulary.source.encode("漢字")


@pytest.mark.parametrize(
    ("text", "first"),
    [(">>de<< a man", ">>de<<"), (">>de<<a man", ">>de<<"), (">>xx<< a", "<unk>")],
)
def test_a_language_at_the_beginning_is_one_token(vocabulary, names, text, first):
    ids = vocabulary.source.encode(text)
    assert names[ids[0]] == first
    assert ids[1:] == vocabulary.source.encode(text.partition("<<")[2])


def test_a_language_elsewhere_is_text(vocabulary, names):
    assert names.index(">>de<<") not in vocabulary.source.encode("a >>de<< b")


def test_text_is_read_back_without_special_tokens(vocabulary):
    for _, german in sentence_pairs(20):
        assert vocabulary.target.decode(vocabulary.target.encode(german)) == german
    read = vocabulary.source.read(vocabulary.source.encode(">>de<< a man"))
    assert read.pieces[0].kind == "special"
    assert vocabulary.source.encode("") == []


def test_what_cannot_be_encoded_is_refused(vocabulary):
    with pytest.raises(UnencodableTextError):
        vocabulary.source.encode("\ud800")


def test_the_target_side_may_have_a_table_of_its_own(files, names):
    table = {"</s>": 0, "<unk>": 1, "▁Der": 2, "<pad>": 3}
    both = {**files, TARGET_TABLE_FILE: json.dumps(table).encode()}
    vocabulary = MarianVocabulary(both, start=3, pad=3)
    assert vocabulary.target.names == tuple(table)
    assert vocabulary.source.names == tuple(names)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (SOURCE_FILE, b"no model", r"source.spm cannot be used: these 8 bytes"),
        (TABLE_FILE, b"[]", r"vocab.json cannot be used: it must be an object"),
        (
            TABLE_FILE,
            b'{"</s>": 0, "<unk>": 2}',
            r"vocab.json cannot be used: its 2 pieces must have the ids",
        ),
        (TABLE_FILE, b'{"</s>": 0, "a": 1}', r"vocab.json cannot be used: it lacks <unk>"),
    ],
)
def test_damage_is_named(files, name, content, said):
    with pytest.raises(ValueError, match=said):
        MarianVocabulary({**files, name: content}, start=3, pad=3)
