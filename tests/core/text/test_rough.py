"""Sources as typed in haste: which change, how, and that nothing else does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.text.parallel import DataError, ParallelFiles
from core.text.rough import CHANGES, in_haste, roughened, without_end
from core.text.tokenised import tokenise_once
from core.text.vocabulary import JointVocabulary

PAIRS = [(f"Where is Tom's book {n}?", f"Wo ist Toms Buch {n}?") for n in range(2_000)]


def test_each_change_by_hand():
    sentence = "Where is Tom? I don't see him..."
    assert [change(sentence) for change in CHANGES] == [
        "where is tom? i don't see him...",
        "WHERE IS TOM? I DON'T SEE HIM...",
        "Where is Tom? I don't see him",
        "where is tom? i don't see him",
    ]


@given(st.text())
def test_no_sentence_loses_all_its_text(sentence):
    for change in (without_end, in_haste):
        assert bool(change(sentence)) == bool(sentence)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_that_share_of_the_sources_changes_each_way_as_often(share):
    """Binomial counts, within five standard deviations."""
    found = list(roughened(PAIRS, share))
    assert [target for _, target in found] == [target for _, target in PAIRS]
    changed = [new for (new, _), (old, _) in zip(found, PAIRS, strict=True) if new != old]
    deviation = (len(PAIRS) * share * (1 - share)) ** 0.5
    assert abs(len(changed) - share * len(PAIRS)) <= 5 * deviation
    for change in CHANGES:
        n = sum(new == change(old) for (new, _), (old, _) in zip(found, PAIRS, strict=True))
        expected = share * len(PAIRS) / len(CHANGES)
        assert abs(n - expected) <= 5 * expected**0.5


def files(folder, share):
    for name, side in (("a.en", 0), ("a.de", 1)):
        (folder / name).write_text("\n".join(pair[side] for pair in PAIRS), "utf-8")
    return ParallelFiles((folder / "a.en",), (folder / "a.de",), share)


def test_a_text_is_read_the_same_at_every_time(tmp_path):
    assert list(files(tmp_path, 0.0).pairs()) == PAIRS
    rough = files(tmp_path, 0.3)
    assert list(rough.pairs()) == list(rough.pairs()) == list(roughened(PAIRS, 0.3)) != PAIRS


@pytest.mark.parametrize("share", [-0.1, 1.01, float("nan")])
def test_a_share_is_from_0_to_1(tmp_path, share):
    with pytest.raises(DataError, match=rf"^rough_share={share} must be from 0 to 1"):
        files(tmp_path, share)


def test_tokens_are_kept_for_each_share(tmp_path):
    written = files(tmp_path, 0.0)
    vocabulary = JointVocabulary.learn(written.lines(), 300)

    def sources(share):
        text = ParallelFiles(written.sources, written.targets, share)
        corpus = tokenise_once(text, vocabulary, max_pieces=99, cache=tmp_path / "cache")
        return [vocabulary.decode(corpus.pair(n)[0]) for n in range(len(corpus))]

    for share in (0.0, 0.5):
        assert sources(share) == [source for source, _ in roughened(PAIRS, share)]
