"""A draft behind a source, in ids, in the model and in the search."""

import pytest
import torch
from torch.testing import assert_close

from core.analysis.trace.capture import trace
from core.analysis.trace.self_check import self_check
from core.config import SearchConfig
from core.decoding.search import search
from core.model import probing, record
from core.training.score.drafts import corrupted, rows_of, with_drafts
from core.training.score.extend import MARKS, model_with_drafts
from tests.core.helpers import small_config, small_model
from tests.core.training.score.test_losses import sources
from tests.core.training.score.two_attempts import drafting_model, vocabulary


def test_marks_are_pieces_that_no_text_holds():
    n = len(vocabulary().names)
    assert vocabulary().names[-2:] == MARKS
    assert not {n - 2, n - 1} & set(vocabulary().encode("<draft> the <retry> man"))
    assert {n - 2, n - 1} <= vocabulary().unwritable
    assert vocabulary().read([n - 2, n - 1]).text == ""


def test_a_mark_is_added_once():
    with pytest.raises(ValueError, match="has <draft>, <retry> already"):
        vocabulary().with_marks(MARKS)


def test_positions_count_anew_and_the_segment_vector_is_the_drafts():
    model = drafting_model()
    source = with_drafts(sources(model, 3), [[280, 281]], model.config)
    with torch.no_grad(), probing(model, record("encoder.embedding.*")) as seen:
        model.encode(source)
    assert seen["encoder.embedding.position_ids"].tolist() == [[0, 1, 2, 3, 0, 1, 2, 3]]
    rows = model.embedding.weight[source[0]] * 26**0.5
    added = seen["encoder.embedding.tokens"][0] - rows
    assert_close(added[:4], torch.zeros_like(added[:4]))
    assert_close(added[4:], model.embedding.draft.expand(4, -1).detach())


def test_without_modules_a_draft_reads_the_same():
    model = drafting_model()
    source = with_drafts(sources(model, 3, 6), [[280, 281], []], model.config)
    with torch.no_grad():
        bare = model.encode(source).stream
        with probing(model, record("encoder.layers.0.self_attention.scores")):
            modules = model.encode(source).stream
    real = source != model.config.pad_id
    assert_close(bare[real], modules[real], rtol=0, atol=1e-12)


def test_an_extended_model_is_the_old_one_where_there_is_no_draft():
    old = small_model(small_config(vocabulary_size=338))
    new = model_with_drafts(old).eval()
    source, target = sources(old, 4, 6), torch.tensor([[2, 280, 281], [2, 290, 300]])
    with torch.no_grad():
        assert_close(new(source, target)[..., :338], old(source, target), rtol=0, atol=1e-12)
    assert sum(p.numel() for p in new.parameters()) == new.config.n_parameters


def test_a_search_starts_a_second_attempt_from_the_retry_token():
    model = drafting_model()
    source = [280, 281, 282]
    drafted = model.config.with_draft(source, [290])
    plain, retried = search(model, [source, drafted], SearchConfig(method="greedy"))
    assert plain.tree[0].token == model.config.start_id
    assert retried.tree[0].token == model.config.retry_id


@pytest.mark.parametrize("method", ["greedy", "beam", "sample"])
def test_a_trace_of_a_second_attempt_passes_its_self_check(method):
    model = drafting_model().float()
    config = SearchConfig(method=method, max_extra_pieces=3)
    found = trace(
        model,
        vocabulary(),
        "The old man",
        draft=vocabulary().encode("der alte Mann"),
        config=config,
    )
    assert found.consumed[0].id == model.config.retry_id
    assert [piece.name for piece in found.source.pieces].count("<draft>") == 1
    assert all(check.largest_difference <= check.tolerance for check in self_check(model, found))


def test_a_model_that_takes_no_drafts_says_so():
    model = small_model(small_config(vocabulary_size=338))
    with pytest.raises(ValueError, match="was not trained to correct a draft"):
        trace(model, vocabulary(), "The old man", draft=[280])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"separator_id": 5}, "has both"),
        ({"separator_id": 5, "retry_id": 5}, "two ids of their own"),
        ({"separator_id": 5, "retry_id": 3}, "two ids of their own"),
        ({"separator_id": 5, "retry_id": 43}, "below vocabulary_size=43"),
    ],
)
def test_ids_that_cannot_be_are_refused(changes, said):
    with pytest.raises(ValueError, match=said):
        small_config(**changes)


def test_rows_lose_their_special_tokens():
    config = drafting_model().config
    ids = torch.tensor([[2, 280, 281, 3, 0], [280, 3, 290, 3, 0], [config.retry_id, 5, 6, 7, 8]])
    assert rows_of(ids, config) == [[280, 281], [280], [5, 6, 7, 8]]


def test_mistakes_are_few_and_of_four_kinds():
    reference, others = list(range(300, 310)), [400]
    generator = torch.Generator().manual_seed(1)
    found = [corrupted(reference, others, generator) for _ in range(400)]
    unchanged = sum(each == reference for each in found) / 400
    assert 0.37 < unchanged < 0.5
    assert {len(each) - 10 for each in found} >= {-2, -1, 0, 1, 2}
    assert any(400 in each for each in found)
    assert any(sorted(each) == reference and each != reference for each in found)


@pytest.mark.parametrize("reference", [[], [5]])
def test_a_short_reference_can_be_corrupted(reference):
    generator = torch.Generator().manual_seed(1)
    for _ in range(50):
        corrupted(reference, [5], generator)
