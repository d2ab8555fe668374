"""The share of the source over a text: means of means, and what is stored is read back."""

import json

import numpy as np
import pytest

from core.analysis.contributions.results import CONTRIBUTIONS, SourceShares, read_source_shares
from core.analysis.contributions.rollout import contributions
from core.analysis.contributions.text_shares import N_PARTS, shares_of, source_shares
from core.analysis.trace.capture import trace
from core.checkpoint.folder import Checkpoint
from core.config import SearchConfig
from core.text.toy_grammar import sentence_pairs
from tests.checkpoints import write_checkpoint

PAIRS = list(sentence_pairs(12))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    """One whose shares differ from sentence to sentence."""
    return write_checkpoint(tmp_path_factory.mktemp("shares") / "tiny")


@pytest.fixture(scope="module")
def shares(checkpoint):
    found = []
    for source, target in PAIRS:
        prefix = (*checkpoint.vocabulary.target.encode(target), checkpoint.config.end_id)
        forced = trace(
            checkpoint.model, checkpoint.vocabulary, source, config=SearchConfig(), prefix=prefix
        )
        found.append(contributions(checkpoint.model, forced).source_share)
    return found


def test_every_pair_has_its_own_shares(checkpoint, shares):
    for one, other in zip(shares_of(checkpoint, PAIRS), shares, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_means_are_over_steps(checkpoint, shares):
    found = source_shares(checkpoint, PAIRS, text="toy", snapshots={5: checkpoint})
    steps = np.concatenate(shares)
    assert found.mean.value == pytest.approx(steps.mean(), abs=1e-5)
    assert found.snapshots[5] == found.mean
    assert found.at_end.value == pytest.approx(np.mean([each[-1] for each in shares]), abs=1e-5)
    for part, each in enumerate(found.along):
        own = np.concatenate(
            [np.array_split(s[:-1], N_PARTS)[part] for s in shares if len(s) > N_PARTS]
        )
        assert each.value == pytest.approx(own.mean(), abs=1e-5)
    words = []
    for (_, target), of_steps in zip(PAIRS, shares, strict=True):
        tokens = checkpoint.vocabulary.target.encode(target)
        pieces = checkpoint.vocabulary.target.read(tokens).pieces
        for word in range(len(target.split())):
            own = [s for s, piece in zip(of_steps[:-1], pieces, strict=True) if piece.word == word]
            words.append(np.mean(own))
    assert found.low_word == pytest.approx(np.percentile(words, 1), abs=1e-5)
    assert len(words) < len(steps) - len(PAIRS)  # some words have several pieces
    others = [(source, PAIRS[(n + 1) % len(PAIRS)][1]) for n, (source, _) in enumerate(PAIRS)]
    of_others = shares_of(checkpoint, others)
    exchanged = np.concatenate(of_others)
    is_low = [each.mean() < found.low_sentence for each in of_others]
    assert found.caught == pytest.approx(np.mean(is_low))
    assert found.exchanged.value == pytest.approx(exchanged.mean(), abs=1e-5)
    assert found.exchanged.value != pytest.approx(found.mean.value, abs=1e-4)
    low, high = found.mean.interval_95
    assert low < found.mean.value < high
    assert (found.text, found.n_sentences) == ("toy", 12)


def test_what_is_stored_is_read_back(checkpoint, tmp_path):
    found = source_shares(checkpoint, PAIRS, text="toy", snapshots={5: checkpoint})
    (tmp_path / CONTRIBUTIONS).write_text(json.dumps(found.to_json()))
    again = read_source_shares(tmp_path)
    assert again.to_json() == found.to_json()
    assert read_source_shares(tmp_path / "nowhere") is None
    values = {**found.to_json(), "snapshots": {"x": [1, 1, 1]}}
    with pytest.raises(ValueError, match="snapshots must be named by their steps"):
        SourceShares.from_json(values)


def test_one_pair_is_too_few(checkpoint):
    with pytest.raises(ValueError, match="toy has 1 usable sentence pairs; give at least 2"):
        source_shares(checkpoint, PAIRS[:1], text="toy")
