"""What is recorded of a text: each draft is the one it is called, and other searches are those of Base."""

import pytest

from core.config import SearchConfig
from core.decoding.search import search
from core.training.score.attempts import GREEDY, SAMPLES, attempt
from core.training.score.record import CONTROLS, Attempted
from tests.core.training.score.two_attempts import drafting_model, vocabulary

PAIRS = [
    ("The old man sees a house.", "Der alte Mann sieht ein Haus."),
    ("The woman reads.", "Die Frau liest."),
    ("Two dogs run.", "Zwei Hunde laufen."),
]


@pytest.fixture(scope="module")
def model():
    return drafting_model(max_positions=256).float().eval()


def translated(model, ids, config):
    found = search(model, ids, config, unwritable=vocabulary().unwritable)
    return [each.best for each in found]


def texts(best):
    return tuple("" if each.is_cut else vocabulary().decode(each.tokens) for each in best)


@pytest.fixture(scope="module")
def sources():
    return [vocabulary().encode(source) for source, _ in PAIRS]


@pytest.fixture(scope="module")
def made(model):
    return attempt(model, vocabulary(), PAIRS)


def read(model, sources, drafts):
    rows = [model.config.with_draft(s, d) for s, d in zip(sources, drafts, strict=True)]
    return texts(translated(model, rows, GREEDY))


def test_the_second_attempt_reads_the_first(model, sources, made):
    first = translated(model, sources, GREEDY)
    assert made.first == texts(first)
    drafts = [[] if each.is_cut else list(each.tokens) for each in first]
    assert made.second == read(model, sources, drafts)
    assert made.controls["other"] == read(model, sources, [*drafts[1:], drafts[0]])


def test_controls_read_the_drafts_they_are_called_by(model, sources, made):
    references = [vocabulary().encode(reference) for _, reference in PAIRS]
    assert tuple(made.controls) == CONTROLS
    assert made.controls["reference"] == read(model, sources, references)
    assert made.controls["empty"] == read(model, sources, [[], [], []])
    assert made.references == tuple(reference for _, reference in PAIRS)


def test_beam_search_is_four_beams(model, sources):
    made = attempt(model, vocabulary(), PAIRS, second="beam")
    assert made.first == texts(translated(model, sources, GREEDY))
    assert made.second == texts(
        translated(model, sources, SearchConfig(method="beam", beam_size=4))
    )
    assert made.controls == {}


def test_the_best_of_two_is_the_likelier_sample(model, sources):
    made = attempt(model, vocabulary(), PAIRS, second="best_of_2")
    both = [translated(model, sources, sample) for sample in SAMPLES]
    likelier = [
        max(pair, key=lambda best: best.log_probability_nats) for pair in zip(*both, strict=True)
    ]
    assert made.second == texts(likelier)
    assert any(a.tokens != b.tokens for a, b in zip(*both, strict=True))


def test_a_record_is_read_as_it_was_written(made, tmp_path):
    made.save(tmp_path / "record.json")
    again = Attempted.load(tmp_path / "record.json")
    assert (list(again.first), list(again.second)) == (list(made.first), list(made.second))
    assert again.rewards("chrf") == made.rewards("chrf")


@pytest.mark.parametrize(
    "content", ["[]", "{", '{"references": ["a"], "first": [], "second": ["b"], "controls": {}}']
)
def test_a_damaged_record_is_named(tmp_path, content):
    (tmp_path / "news.json").write_text(content)
    with pytest.raises(ValueError, match=r"news.json cannot be read .*measures anew"):
        Attempted.load(tmp_path / "news.json")
