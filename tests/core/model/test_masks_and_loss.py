"""Who may look at whom, and what a wrong guess costs."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from core.model.attention import causal, not_padding
from core.training.loss import smoothed_cross_entropy


@given(n_keys=st.integers(0, 13), n_past=st.integers(0, 13))
def test_causal_read_literally(n_keys, n_past):
    n_queries = max(n_keys - n_past, 0)
    visible = causal(n_queries, n_keys)
    assert visible.shape == (1, 1, n_queries, n_keys)
    for row in range(n_queries):
        position = n_keys - n_queries + row
        assert visible[0, 0, row].tolist() == [key <= position for key in range(n_keys)]


def test_with_a_cache_the_queries_are_the_last_rows():
    assert torch.equal(causal(3, 11), causal(11, 11)[:, :, -3:])


def test_more_queries_than_keys_are_refused():
    with pytest.raises(ValueError, match=r"^n_queries=5 exceeds n_keys=3; queries are the last"):
        causal(5, 3)


@given(st.lists(st.lists(st.integers(0, 3), min_size=5, max_size=5), min_size=1, max_size=3))
def test_padding_is_what_may_not_be_seen(ids):
    visible = not_padding(torch.tensor(ids), pad_id=2)
    assert visible.shape == (len(ids), 1, 1, 5)
    assert visible[:, 0, 0].tolist() == [[id_ != 2 for id_ in row] for row in ids]


LOGITS = torch.randn(7, 11, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) * 3
TARGET = torch.tensor([3, 0, 10, 3, 5, 7, 1])


@pytest.mark.parametrize("epsilon", [0.0, 0.1, 0.37])
def test_label_smoothing_read_literally(epsilon):
    """Section 5.4: ε of the probability is spread evenly over all V pieces."""
    loss = 0.0
    for row, right in zip(LOGITS.tolist(), TARGET.tolist(), strict=True):
        normaliser = math.log(sum(math.exp(logit) for logit in row))
        for piece, logit in enumerate(row):
            wanted = epsilon / len(row) + (1 - epsilon) * (piece == right)
            loss -= wanted * (logit - normaliser)
    assert smoothed_cross_entropy(LOGITS, TARGET, label_smoothing=epsilon).item() == pytest.approx(
        loss, rel=1e-12
    )


def test_without_smoothing_it_is_the_negative_log_likelihood():
    nll = -LOGITS.log_softmax(-1)[torch.arange(7), TARGET].sum()
    assert_close(smoothed_cross_entropy(LOGITS, TARGET, label_smoothing=0.0), nll)


def test_parts_of_a_batch_add_up():
    parts = [
        smoothed_cross_entropy(LOGITS[rows], TARGET[rows], label_smoothing=0.1)
        for rows in (slice(0, 2), slice(2, 2), slice(2, 7))
    ]
    whole = smoothed_cross_entropy(LOGITS, TARGET, label_smoothing=0.1)
    assert_close(sum(parts), whole)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_summed_in_float32(dtype):
    logits = LOGITS.to(dtype).repeat(97, 1)
    loss = smoothed_cross_entropy(logits, TARGET.repeat(97), label_smoothing=0.1)
    exact = smoothed_cross_entropy(logits.double(), TARGET.repeat(97), label_smoothing=0.1)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(exact.item(), rel=1e-6)
