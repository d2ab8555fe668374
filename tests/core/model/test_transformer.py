"""Section 3 as a whole: PyTorch's own Transformer, the arrow of time, padding, and the cache."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.testing import assert_close

from core.model import build, edit, probing, record
from core.model.attention import attention_scores, causal
from tests.core.helpers import random_ids, small_config, small_model
from tests.core.model.test_layers import copy_decoder_layer, copy_encoder_layer

SOURCE, TARGET = random_ids(3, 7), random_ids(3, 5, seed=2)
ATTENTIONS = [
    *(f"encoder.layers.{i}.self_attention" for i in range(2)),
    *(
        f"decoder.layers.{i}.{kind}"
        for i in range(3)
        for kind in ("self_attention", "cross_attention")
    ),
]


def test_equal_to_pytorchs_own_transformer():
    """N_enc != N_dec, and padding; PyTorch knows d_k = d_v = d_model / h only, and other masks."""
    config = small_config(d_model=30, n_heads=6, d_k=5, d_v=5, attention_bias=True)
    ours = small_model(config)
    theirs = nn.Transformer(
        30, 6, num_encoder_layers=2, num_decoder_layers=3, dim_feedforward=17, dropout=0.0,
        layer_norm_eps=1e-6, batch_first=True,
    ).double()  # fmt: skip
    theirs.encoder.norm = theirs.decoder.norm = None  # post-norm needs none
    for our_layer, their_layer in zip(ours.encoder.layers, theirs.encoder.layers, strict=True):
        copy_encoder_layer(our_layer, their_layer)
    for our_layer, their_layer in zip(ours.decoder.layers, theirs.decoder.layers, strict=True):
        copy_decoder_layer(our_layer, their_layer)
    source = SOURCE.clone()
    source[0, 4:] = config.pad_id
    with probing(ours, record("*.embedding.output")) as seen:
        logits = ours(source, TARGET)
    stream = theirs(
        seen["encoder.embedding.output"],
        seen["decoder.embedding.output"],
        tgt_mask=~causal(5, 5)[0, 0],
        src_key_padding_mask=source == config.pad_id,
        memory_key_padding_mask=source == config.pad_id,
    )
    assert_close(logits, stream @ ours.embedding.weight.T)


@settings(max_examples=25)
@given(changed=st.integers(0, 4), piece=st.integers(4, 42))
def test_the_future_cannot_reach_the_past(model, changed, piece):
    target = TARGET.clone()
    target[:, changed] = piece
    with torch.no_grad():
        before, after = model(SOURCE, TARGET), model(SOURCE, target)
    assert_close(after[:, :changed], before[:, :changed], rtol=0, atol=1e-12)
    was_changed = TARGET[:, changed] != piece
    differs = (after[:, changed:] - before[:, changed:]).abs().amax(-1) > 1e-9
    assert differs[was_changed].all()


def test_no_gradient_flows_into_the_future(model):
    embedded = []

    def kept(tensor):
        embedded.append(tensor.detach().requires_grad_())
        return embedded[-1]

    for position in range(5):
        with probing(model, edit({"decoder.embedding.output": kept})):
            said = model(SOURCE, TARGET)[:, position].logsumexp(-1).sum()
        (gradient,) = torch.autograd.grad(said, embedded[-1])  # leaves none on the shared model
        reached = (gradient != 0).any(-1).any(0)
        assert reached.tolist() == [column <= position for column in range(5)]


def test_every_source_piece_reaches_every_target_row(model):
    plain = model(SOURCE, TARGET)
    for position in range(7):
        source = SOURCE.clone()
        source[:, position] = (source[:, position] - 4 + 1) % 39 + 4
        assert ((model(source, TARGET) - plain).abs().amax(-1) > 1e-9).all()


def test_padding_changes_nothing(model):
    """Each pair alone, and padded to the longest of a batch."""
    lengths = [(7, 5), (3, 2), (1, 4)]
    source, target = torch.zeros(3, 11).long(), torch.zeros(3, 6).long()
    alone = []
    for row, (n, m) in enumerate(lengths):
        source[row, :n], target[row, :m] = SOURCE[row, :n], TARGET[row, :m]
        alone.append(model(SOURCE[row : row + 1, :n], TARGET[row : row + 1, :m])[0])
    with torch.no_grad():
        lean = model(source, target)
    by_modules = model(source, target)
    for padded in (lean, by_modules):
        for row, logits in enumerate(alone):
            assert_close(padded[row, : len(logits)], logits, rtol=0, atol=1e-11)


def test_a_source_of_padding_alone_stays_finite(model):
    source = SOURCE.clone()
    source[1] = model.config.pad_id
    with torch.no_grad():
        plain = model(source, TARGET)
        with probing(model, record("*.weights")) as seen:
            explicit = model(source, TARGET)
    assert plain.isfinite().all()
    assert_close(plain, explicit, rtol=0, atol=1e-10)
    for name, weights in seen.items():
        if "decoder.layers" not in name or "cross" in name:
            assert (weights[1] == 0).all(), name


@settings(max_examples=20)
@given(st.lists(st.integers(1, 5), min_size=1, max_size=5))
def test_cached_equals_uncached(model, sizes):
    """Any way to cut the target into steps gives the logits of one forced pass."""
    target = random_ids(3, sum(sizes), seed=7)
    with torch.no_grad():
        state = model.start(model.encode(SOURCE))
        steps = []
        for part in target.split(sizes, dim=1):
            decoded = model.decode(part, state)
            state = decoded.state
            steps.append(model.logits(decoded.stream))
        at_once = model(SOURCE, target)
    assert state.n_past == sum(sizes)
    assert_close(torch.cat(steps, dim=1), at_once, rtol=0, atol=1e-11)


def test_a_state_is_a_value(model):
    """Two continuations of one state do not see each other."""
    state = model.decode(TARGET[:, :2], model.start(model.encode(SOURCE))).state
    first = model.decode(TARGET[:, 2:], state).stream
    model.decode(TARGET[:, :3], state)
    assert torch.equal(model.decode(TARGET[:, 2:], state).stream, first)


def test_rows_of_a_state_follow_their_sentence(model):
    source = SOURCE.clone()
    source[2, 4:] = model.config.pad_id
    index = torch.tensor([2, 0, 2])
    with torch.no_grad():
        state = model.decode(TARGET[:, :3], model.start(model.encode(source))).state.select(index)
        moved = model.logits(model.decode(TARGET[index, 3:], state).stream)
        at_once = model(source, TARGET)[index, 3:]
    assert_close(moved, at_once, rtol=0, atol=1e-11)


def test_rows_may_move_among_those_of_one_source_without_moving_it(model):
    source, index = SOURCE[[0, 0, 1, 1]], torch.tensor([1, 1, 3, 2])
    with torch.no_grad():
        state = model.decode(TARGET[[0, 1, 2, 0], :3], model.start(model.encode(source))).state
        moved, kept = state.select(index), state.select(index, same_sources=True)
        tokens = TARGET[:1, 3:].expand(4, -1)
        streams = [model.decode(tokens, state).stream for state in (kept, moved)]
        assert_close(*streams, rtol=0, atol=1e-12)
    for before, after in zip(state.layers, kept.layers, strict=True):
        assert after.cross is before.cross
        assert not torch.equal(after.past.keys, before.past.keys)


@pytest.mark.parametrize("place", ATTENTIONS)
def test_recorded_tensors_explain_the_recorded_output(model, place):
    """weights x values x W^O is what the sub-layer gave, for all three kinds of attention."""
    source = SOURCE.clone()
    source[0, 4:] = model.config.pad_id
    with probing(model, record(f"{place}.*")) as seen:
        model(source, TARGET)
    weights, values = seen[f"{place}.weights"], seen[f"{place}.values"]
    w_o = model.get_submodule(place).output_projection.weight
    joined = torch.cat([weights[:, head] @ values[:, head] for head in range(5)], dim=-1)
    assert_close(joined @ w_o.T, seen[f"{place}.output"])
    scores = attention_scores(seen[f"{place}.queries"], seen[f"{place}.keys"])
    assert_close(scores, seen[f"{place}.scores"])
    looked_at = weights > 0
    literal = scores.exp() * looked_at
    assert_close(weights, literal / literal.sum(-1, keepdim=True))


def test_kinds_of_attention_look_where_they_may(model):
    source = SOURCE.clone()
    source[0, 4:] = model.config.pad_id
    with probing(model, record("*.weights")) as seen:
        model(source, TARGET)
    real = (source != model.config.pad_id)[:, None, None, :]
    for place in ATTENTIONS:
        weights = seen[f"{place}.weights"]
        if place.startswith("decoder") and "self" in place:
            expected = causal(5, 5).expand(3, 5, 5, 5)
        else:
            expected = real.expand_as(weights)
        assert torch.equal(weights > 0, expected), place


def test_layers_follow_one_another(model):
    """Each stream that enters a layer is the one that left the layer below."""
    with probing(model, record()) as seen:
        model(SOURCE, TARGET)
    for stack, n_layers in (("encoder", 2), ("decoder", 3)):
        below = seen[f"{stack}.embedding.output"]
        for i in range(n_layers):
            layer = model.get_submodule(f"{stack}.layers.{i}")
            attended = seen[f"{stack}.layers.{i}.self_attention.output"]
            normed = layer.self_attention_norm.norm(below + attended)
            assert_close(seen[f"{stack}.layers.{i}.self_attention_norm.output"], normed)
            below = seen[f"{stack}.layers.{i}.feed_forward_norm.output"]


def test_cross_attention_looks_at_the_encoders_output(model):
    with probing(model, record()) as seen:
        model(SOURCE, TARGET)
    memory = seen["encoder.layers.1.feed_forward_norm.output"]
    for i in range(3):
        keys = model.decoder.layers[i].cross_attention.key_projection(memory)
        split = keys.view(3, 7, 5, 7).transpose(1, 2)
        assert_close(seen[f"decoder.layers.{i}.cross_attention.keys"], split)


@pytest.mark.parametrize(
    "changes",
    [{"n_heads": 1}, {"n_encoder_layers": 5, "n_decoder_layers": 1}, {"d_k": 13, "d_v": 2},
     {"activation": "silu"}, {"attention_bias": True, "output_bias": True}],
    ids=str,
)  # fmt: skip
def test_other_shapes_obey_the_same_laws(changes):
    model = small_model(small_config(**changes))
    with torch.no_grad():
        fused = model(SOURCE, TARGET)
        with probing(model, record("*.weights")) as seen:
            explicit = model(SOURCE, TARGET)
        shorter = model(SOURCE, TARGET[:, :3])
    assert fused.shape == (3, 5, 43)
    assert_close(fused, explicit, rtol=0, atol=1e-10)
    assert_close(fused[:, :3], shorter, rtol=0, atol=1e-11)
    assert len(seen) == model.config.n_encoder_layers + 2 * model.config.n_decoder_layers


def test_fresh_weights_follow_from_the_seed():
    def fresh(seed: int) -> dict[str, torch.Tensor]:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return build(small_config()).state_dict()

    first, again, other = fresh(1), fresh(1), fresh(2)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["embedding.weight"], other["embedding.weight"])


def test_fresh_sublayers_of_a_deep_stack_weigh_less():
    """The last matrix of each sub-layer is divided by the root of the number of sub-layers."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = build(small_config(d_model=128, d_ff=128, n_heads=2, d_k=64, d_v=64))
    plain = (2 / (128 + 128)) ** 0.5  # Xavier's deviation for a square matrix
    for stack, n_sublayers in (("encoder", 2 * 2), ("decoder", 3 * 3)):
        for name, weight in model.get_submodule(stack).named_parameters():
            if weight.dim() == 2:
                is_last = "output_projection" in name or "outer" in name
                expected = plain / n_sublayers**0.5 if is_last else plain
                assert weight.std().item() == pytest.approx(expected, rel=0.05), name


@pytest.mark.gpu
def test_a_gpu_gives_the_cpus_logits():
    model = small_model(small_config())
    expected = model(SOURCE, TARGET)
    on_gpu = model.cuda()(SOURCE.cuda(), TARGET.cuda())
    assert_close(on_gpu.cpu(), expected, rtol=0, atol=1e-9)
