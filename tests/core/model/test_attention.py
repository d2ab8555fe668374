"""Section 3.2: equal to the paper read with loops, to PyTorch's own layer, and on both its paths."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.testing import assert_close

from core.model import probing, record
from core.model.attention import (
    KeysValues,
    MultiHeadAttention,
    attention_scores,
    attention_weights,
    causal,
    not_padding,
    scaled_dot_product_attention,
)

B, H, Q, K, D_K, D_V, D_MODEL = 2, 3, 5, 7, 11, 13, 17


def numbers(*shape: int, seed: int = 1, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(*shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def some_visible(*shape: int) -> torch.Tensor:
    """About two thirds may be seen; every query may look somewhere."""
    visible = numbers(*shape, seed=9) > -0.4
    visible[..., 0] = True
    return visible


def attention(d_k: int = D_K, d_v: int = D_V, *, bias: bool = False) -> MultiHeadAttention:
    layer = MultiHeadAttention(d_model=D_MODEL, n_heads=H, d_k=d_k, d_v=d_v, bias=bias).double()
    with torch.no_grad():
        for number, parameter in enumerate(layer.parameters()):
            parameter.copy_(numbers(*parameter.shape, seed=number) * 0.4)
    return layer.eval()


def literal_equation_1(query, key, value, visible):
    """softmax(QK^T / sqrt(d_k)) V for one head, number by number, over lists."""
    output = []
    for i, q in enumerate(query):
        seen = [j for j in range(len(key)) if visible[i][j]]
        products = {
            j: sum(a * b for a, b in zip(q, key[j], strict=True)) / math.sqrt(len(q)) for j in seen
        }
        total = sum(math.exp(product) for product in products.values())
        weights = {j: math.exp(product) / total for j, product in products.items()}
        output.append([sum(weights[j] * value[j][c] for j in seen) for c in range(len(value[0]))])
    return output


@pytest.mark.parametrize("n_keys", [1, 2, 15, 16, 17])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_short_rows_are_filled_up_without_a_trace(n_keys, dtype):
    """Weights and their gradient are those of a softmax over the visible keys alone."""
    scores = numbers(2, 3, 4, n_keys, dtype=torch.float64).to(dtype) * 30
    scores[0, 0, 0] = torch.finfo(dtype).min  # a row as low as what it is filled up with
    scores.requires_grad_()
    visible = some_visible(1, 1, 4, n_keys)
    visible[0, 0, 0], visible[0, 0, 3] = True, False
    weights = attention_weights(scores, visible)
    exact = scores.detach().to(torch.promote_types(dtype, torch.float32)).requires_grad_()
    expected = torch.softmax(exact.masked_fill(~visible, -torch.inf), -1).nan_to_num(0.0)
    assert_close(weights[:, :, :3], expected[:, :, :3])
    assert not weights[:, :, 3].any()
    probe = numbers(*weights.shape, seed=4).to(weights.dtype)
    (gradient,) = torch.autograd.grad((weights * probe).sum(), scores)
    (wanted,) = torch.autograd.grad((expected[:, :, :3] * probe[:, :, :3]).sum(), exact)
    assert_close(gradient, wanted.nan_to_num(0.0).to(dtype))


def test_equation_1_read_with_loops():
    query, key, value = (
        numbers(B, H, Q, D_K),
        numbers(B, H, K, D_K, seed=2),
        numbers(B, H, K, D_V, seed=3),
    )
    visible = some_visible(B, H, Q, K)
    output = scaled_dot_product_attention(query, key, value, visible)
    for b in range(B):
        for h in range(H):
            literal = literal_equation_1(
                query[b, h].tolist(), key[b, h].tolist(), value[b, h].tolist(),
                visible[b, h].tolist(),
            )  # fmt: skip
            assert_close(output[b, h], torch.tensor(literal, dtype=torch.float64))


@pytest.mark.parametrize("bias", [False, True])
def test_multi_head_attention_read_with_loops(bias):
    """Concat(head_1 .. head_h) W^O, each head with its own slice of W^Q, W^K and W^V."""
    layer = attention(bias=bias)
    stream, memory, visible = (
        numbers(B, Q, D_MODEL),
        numbers(B, K, D_MODEL, seed=2),
        some_visible(B, 1, Q, K),
    )

    def project(
        linear: nn.Linear, vector: list[float], head: int | None, width: int
    ) -> list[float]:
        first = 0 if head is None else head * width
        weight = linear.weight.tolist()[first : first + width]
        biases = linear.bias.tolist()[first : first + width] if bias else [0.0] * width
        return [
            sum(w * x for w, x in zip(row, vector, strict=True)) + added
            for row, added in zip(weight, biases, strict=True)
        ]

    output = layer(stream, layer.project(memory), visible)
    for b in range(B):
        joined = [[] for _ in range(Q)]
        for h in range(H):
            query = [project(layer.query_projection, x, h, D_K) for x in stream[b].tolist()]
            key = [project(layer.key_projection, x, h, D_K) for x in memory[b].tolist()]
            value = [project(layer.value_projection, x, h, D_V) for x in memory[b].tolist()]
            for i, head in enumerate(literal_equation_1(query, key, value, visible[b, 0].tolist())):
                joined[i] += head
        literal = [project(layer.output_projection, row, None, D_MODEL) for row in joined]
        assert_close(output[b], torch.tensor(literal, dtype=torch.float64))


@pytest.mark.parametrize("bias", [False, True])
def test_equal_to_pytorchs_own_layer(bias):
    """torch.nn.MultiheadAttention knows one width only: d_k = d_v = d_model / h."""
    d_model, d_head = 33, 11
    ours = MultiHeadAttention(
        d_model=d_model, n_heads=H, d_k=d_head, d_v=d_head, bias=bias
    ).double()
    theirs = nn.MultiheadAttention(d_model, H, bias=bias, batch_first=True).double().eval()
    with torch.no_grad():
        for number, parameter in enumerate(ours.parameters()):
            parameter.copy_(numbers(*parameter.shape, seed=number) * 0.4)
        copy_attention(ours, theirs)
    stream, memory = numbers(B, Q, d_model), numbers(B, K, d_model, seed=2)
    ids = torch.tensor([[5, 5, 5, 5, 5, 0, 0], [5, 5, 5, 5, 5, 5, 5]])
    visible = not_padding(ids, 0)
    with probing(ours, record("weights", "output")) as seen:
        ours(stream, ours.project(memory), visible)
    output, weights = theirs(
        stream, memory, memory, key_padding_mask=ids == 0, average_attn_weights=False
    )
    assert_close(seen["output"], output)
    assert_close(seen["weights"], weights)


def copy_attention(ours: MultiHeadAttention, theirs: nn.MultiheadAttention) -> None:
    """PyTorch stacks W^Q, W^K and W^V in one matrix."""
    stacked = [ours.query_projection, ours.key_projection, ours.value_projection]
    theirs.in_proj_weight.copy_(torch.cat([linear.weight for linear in stacked]))
    theirs.out_proj.weight.copy_(ours.output_projection.weight)
    if ours.output_projection.bias is not None:
        theirs.in_proj_bias.copy_(torch.cat([linear.bias for linear in stacked]))
        theirs.out_proj.bias.copy_(ours.output_projection.bias)


def both_paths(layer: MultiHeadAttention, stream, memory, visible):
    with torch.inference_mode():
        fused = layer(stream, layer.project(memory), visible)
        with probing(layer, record("weights")) as seen:
            explicit = layer(stream, layer.project(memory), visible)
    assert "weights" in seen
    return fused, explicit


@pytest.mark.parametrize("d_v", [D_K, D_V], ids=["d_k = d_v", "d_k != d_v"])
@pytest.mark.parametrize("hides", ["nothing", "padding", "the future", "some"])
def test_the_fused_path_equals_the_explicit_one(d_v, hides):
    visible = {
        "nothing": torch.ones(1, 1, 1, K, dtype=torch.bool),
        "padding": not_padding(torch.tensor([[4, 4, 4, 0, 0, 0, 0], [4] * K]), 0),
        "the future": causal(Q, K),
        "some": some_visible(B, 1, Q, K),
    }[hides]
    fused, explicit = both_paths(
        attention(d_v=d_v), numbers(B, Q, D_MODEL), numbers(B, K, D_MODEL, seed=2), visible
    )
    assert_close(fused, explicit, rtol=0, atol=1e-12)


def test_an_unprobed_call_without_gradients_takes_the_fused_kernel(monkeypatch):
    calls = []
    fused = functional.scaled_dot_product_attention
    monkeypatch.setattr(
        functional,
        "scaled_dot_product_attention",
        lambda *args, **kwargs: calls.append(1) or fused(*args, **kwargs),
    )
    layer, stream, visible = attention(), numbers(B, Q, D_MODEL), causal(Q, Q)
    with torch.no_grad():
        layer(stream, layer.project(stream), visible)
        assert calls == [1]
        for tap in ("weights", "scores"):
            with probing(layer, record(tap)):
                layer(stream, layer.project(stream), visible)
        assert calls == [1]
        with probing(layer, record("queries", "head_outputs")):
            layer(stream, layer.project(stream), visible)
        assert calls == [1, 1]
    layer(stream, layer.project(stream), visible)
    assert calls == [1, 1]  # with gradients, a CPU is faster without it


@pytest.mark.parametrize("d_v", [D_K, D_V], ids=["d_k = d_v", "d_k != d_v"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_a_query_that_may_look_nowhere_gets_zeros(dtype, d_v):
    visible = torch.ones(B, 1, Q, K, dtype=torch.bool)
    visible[1, :, 2] = False
    layer = attention(d_v=d_v).to(dtype)
    stream, memory = numbers(B, Q, D_MODEL).to(dtype), numbers(B, K, D_MODEL, seed=2).to(dtype)
    fused, explicit = both_paths(layer, stream, memory, visible)
    for output in (fused, explicit):
        assert output.isfinite().all()
        assert (output[1, 2] == 0).all()
        assert (output[1, 1] != 0).any()


def test_a_row_that_may_look_nowhere_has_a_finite_gradient():
    scores = numbers(1, 1, 2, 3).requires_grad_()
    visible = torch.tensor([[[[True, False, True], [False, False, False]]]])
    weights = attention_weights(scores, visible)
    (weights * numbers(1, 1, 2, 3, seed=5)).sum().backward()
    assert scores.grad.isfinite().all()
    assert (scores.grad[0, 0, 1] == 0).all()
    assert (scores.grad[0, 0, 0, [0, 2]] != 0).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_hidden_keys_get_exactly_nothing(dtype):
    visible = some_visible(B, H, Q, K)
    weights = attention_weights(numbers(B, H, Q, K).to(dtype) * 50, visible)
    assert (weights[~visible] == 0).all()
    assert_close(weights.double().sum(-1), torch.ones(B, H, Q).double(), rtol=0, atol=0.01)


@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16])
def test_the_softmax_of_half_precision_is_worked_out_in_float32(half):
    scores = (numbers(B, H, Q, K) * 5).to(half)
    visible = some_visible(B, H, Q, K)
    weights = attention_weights(scores, visible)
    assert weights.dtype == torch.float32
    assert_close(weights, attention_weights(scores.float(), visible), rtol=0, atol=0)


@pytest.mark.parametrize(
    "hidden", [torch.inf, -torch.inf, torch.nan, torch.finfo(torch.float64).max]
)
def test_whatever_the_hidden_scores_are(hidden):
    scores, visible = numbers(B, H, Q, K), some_visible(B, H, Q, K)
    expected = attention_weights(scores, visible)
    assert_close(attention_weights(scores.masked_fill(~visible, hidden), visible), expected)
    nowhere = attention_weights(torch.full_like(scores, hidden), torch.zeros_like(visible))
    assert (nowhere == 0).all()


def test_a_query_whose_visible_scores_are_all_minus_infinity_gets_zeros():
    visible = torch.tensor([[[[True, False]]]])
    weights = attention_weights(torch.tensor([[[[-torch.inf, 1.0]]]]), visible)
    assert (weights == 0).all()


def test_weights_survive_enormous_scores():
    scores = torch.tensor([[[[1e300, 1e300, -1e300]]]], dtype=torch.float64)
    weights = attention_weights(scores, torch.ones(1, 1, 1, 3, dtype=torch.bool))
    assert_close(weights[0, 0, 0], torch.tensor([0.5, 0.5, 0.0], dtype=torch.float64))


def test_recorded_weights_and_values_give_the_recorded_output():
    """weights x values, joined, x W^O: each tap holds the number that is really used."""
    layer = attention(bias=True)
    with probing(layer, record()) as seen:
        layer(numbers(B, Q, D_MODEL), layer.project(numbers(B, K, D_MODEL, seed=2)), causal(Q, K))
    assert_close(seen["scores"], attention_scores(seen["queries"], seen["keys"]))
    heads = seen["weights"] @ seen["values"]
    assert_close(seen["head_outputs"], heads)
    assert_close(
        seen["output"], layer.output_projection(heads.transpose(1, 2).reshape(B, Q, H * D_V))
    )


def test_keys_and_values_grow_and_move_by_rows():
    first = KeysValues(numbers(B, H, 2, D_K), numbers(B, H, 2, D_V))
    second = KeysValues(numbers(B, H, 3, D_K, seed=2), numbers(B, H, 3, D_V, seed=3))
    both = first.append(second)
    assert torch.equal(both.keys[:, :, :2], first.keys)
    assert torch.equal(both.keys[:, :, 2:], second.keys)
    assert torch.equal(both.values[:, :, 2:], second.values)
    moved = both.select(torch.tensor([1, 1, 0]))
    assert torch.equal(moved.keys, both.keys[[1, 1, 0]])
    assert torch.equal(moved.values, both.values[[1, 1, 0]])


@pytest.mark.gpu
def test_both_paths_are_equal_on_a_gpu():
    layer = attention().to("cuda")
    stream, memory = numbers(B, Q, D_MODEL).cuda(), numbers(B, K, D_MODEL, seed=2).cuda()
    fused, explicit = both_paths(layer, stream, memory, some_visible(B, 1, Q, K).cuda())
    assert_close(fused, explicit, rtol=0, atol=1e-12)


@pytest.mark.parametrize("bias", [False, True])
def test_the_heads_shares_add_up_to_the_output(bias):
    """Concat(head_1 .. head_h) W^O is the sum of head_i W^O_i, and the bias is nobody's."""
    layer = attention(bias=bias)
    stream, memory = numbers(B, Q, D_MODEL), numbers(B, K, D_MODEL, seed=2)
    with probing(layer, record("head_outputs", "output")) as seen:
        layer(stream, layer.project(memory), some_visible(B, 1, Q, K))
    shares = layer.shares(seen["head_outputs"])
    assert shares.shape == (B, H, Q, D_MODEL)
    total = shares.sum(1) + (layer.output_projection.bias if bias else 0)
    assert_close(total, seen["output"], rtol=0, atol=1e-12)
