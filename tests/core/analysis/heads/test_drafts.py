"""What heads do with a draft, against sums by hand."""

import numpy as np
import pytest

from core.analysis.heads.drafts import copying, draft_mass, kept_steps, repairing
from core.analysis.trace.capture import trace
from core.config import SearchConfig
from tests.core.training.score.two_attempts import drafting_model, vocabulary


@pytest.fixture(scope="module")
def attempt():
    """A second attempt that is forced: it keeps two words of its draft and changes one."""
    pieces = vocabulary()
    model = drafting_model().float()
    prefix = [*pieces.encode("der junge Mann"), model.config.end_id]
    draft = pieces.encode("der alte Mann")
    return trace(
        model,
        pieces,
        "The young man",
        draft=draft,
        prefix=prefix,
        config=SearchConfig(method="greedy"),
    )


def columns(attempt):
    names = [piece.name for piece in attempt.source.pieces]
    return names.index("</s>"), names.index("<draft>"), len(names)


def test_the_mass_of_a_draft_is_what_is_neither_source_nor_mark(attempt):
    end, mark, n = columns(attempt)
    weights = attempt.weights["cross"].astype(float)
    rest = weights[..., :end].sum(-1) + weights[..., [end, mark, n - 1]].sum(-1)
    assert np.allclose(draft_mass(attempt), 1 - rest, rtol=0, atol=1e-6)


def test_which_steps_keep_the_draft(attempt):
    draft = [p.name for p in attempt.source.pieces][columns(attempt)[1] + 1 :]
    for piece, kept in zip(attempt.target.pieces, kept_steps(attempt), strict=True):
        if kept:
            assert piece.name in draft
    assert kept_steps(attempt)[0]
    assert kept_steps(attempt)[-1]
    assert not kept_steps(attempt).all()


def test_copying_is_weight_on_the_token_that_a_step_keeps():
    """The draft “der Mann” becomes “der junge Mann”: the last steps keep what stood before them."""
    pieces, model = vocabulary(), drafting_model().float()
    draft, written = pieces.encode("der Mann"), pieces.encode("der junge Mann")
    put_in = trace(
        model, pieces, "The man", draft=draft, prefix=[*written, model.config.end_id],
        config=SearchConfig(method="greedy"),
    )  # fmt: skip
    _, mark, _ = columns(put_in)
    n_first, n = len(pieces.encode("der")), len(draft)
    later = len(written) - n
    kept = [(mark + 1 + at, at + later * (at >= n_first)) for at in range(n)]
    weights = put_in.weights["cross"]
    expected = np.mean([weights[..., step, column] for column, step in kept], axis=0)
    assert np.allclose(copying(put_in), expected, rtol=0, atol=1e-6)


def test_copying_counts_the_token_in_its_place_among_equal_ones():
    """The draft “der der” and the attempt “der der”: each step keeps its own."""
    pieces, model = vocabulary(), drafting_model().float()
    twice = pieces.encode("der der")
    repeated = trace(
        model, pieces, "The man", draft=twice, prefix=[*twice, model.config.end_id],
        config=SearchConfig(method="greedy"),
    )  # fmt: skip
    _, mark, _ = columns(repeated)
    weights = repeated.weights["cross"]
    expected = np.mean([weights[..., step, mark + 1 + step] for step in range(len(twice))], axis=0)
    assert np.allclose(copying(repeated), expected, rtol=0, atol=1e-6)


def test_repairing_is_more_of_the_source_where_the_draft_is_changed(attempt):
    end, _, _ = columns(attempt)
    on_source = attempt.weights["cross"][..., :end].sum(-1)
    kept = kept_steps(attempt)
    expected = on_source[..., ~kept].mean(-1) - on_source[..., kept].mean(-1)
    assert np.allclose(repairing(attempt), expected, rtol=0, atol=1e-6)
    assert repairing(attempt).any()


@pytest.mark.parametrize("measure", [draft_mass, copying, repairing, kept_steps])
def test_without_a_draft_there_is_nothing_to_measure(measure):
    plain = trace(
        drafting_model().float(), vocabulary(), "The man", config=SearchConfig(max_extra_pieces=2)
    )
    with pytest.raises(ValueError, match="has no draft"):
        measure(plain)
