"""Sections 3.4 and 3.5: one table, scaled, and where a position shows."""

import math

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from core.model import build, edit, probing, record
from core.model.embedding import Embedding, sinusoids
from tests.core.helpers import random_ids, small_config, small_model


def literal_encoding(position: int, column: int, d_model: int) -> float:
    """PE(pos, 2i) = sin(pos / 10000^(2i/d_model)), PE(pos, 2i+1) = cos(the same)."""
    angle = position / 10_000 ** (2 * (column // 2) / d_model)
    return math.cos(angle) if column % 2 else math.sin(angle)


@pytest.mark.parametrize("d_model", [2, 26, 512])
def test_sinusoids_are_the_papers_formula(d_model):
    literal = [[literal_encoding(p, c, d_model) for c in range(d_model)] for p in range(71)]
    assert_close(sinusoids(71, d_model), torch.tensor(literal), rtol=0, atol=6e-8)


def test_far_positions_are_as_exact_as_near_ones():
    """In float32 the angle of position 100,000 would be off by a hundredth."""
    literal = [literal_encoding(100_000, c, 26) for c in range(26)]
    assert_close(sinusoids(100_001, 26)[-1], torch.tensor(literal), rtol=0, atol=1e-7)


def test_halves_are_the_same_columns_in_another_order():
    table, halves = sinusoids(29, 26), sinusoids(29, 26, halves=True)
    assert torch.equal(halves, torch.cat((table[:, 0::2], table[:, 1::2]), dim=1))


@pytest.mark.parametrize("distance", [1, 7])
def test_any_distance_is_one_linear_map(distance):
    """Section 3.5: PE(pos + k) is a linear function of PE(pos), the same one for every position."""
    d_model = 26
    rotation = torch.zeros(d_model, d_model, dtype=torch.float64)
    for i in range(0, d_model, 2):
        angle = distance / 10_000 ** (i / d_model)
        sine, cosine = math.sin(angle), math.cos(angle)
        rotation[i : i + 2, i : i + 2] = torch.tensor([[cosine, sine], [-sine, cosine]])
    table = sinusoids(53, d_model).double()
    assert_close(table[:-distance] @ rotation.T, table[distance:], rtol=0, atol=1e-6)


def test_one_parameter_is_all_three_tables(model):
    """Section 3.4: both embeddings and the pre-softmax projection share one matrix."""
    vocabulary = [n for n, p in model.named_parameters() if model.config.vocabulary_size in p.shape]
    assert vocabulary == ["embedding.weight"]
    weight = model.embedding.weight
    with probing(model, record("*.embedding.tokens", "decoder.layers.2.*.output")) as seen:
        source, target = random_ids(2, 7), random_ids(2, 5, seed=2)
        logits = model(source, target)
    for stack, ids in (("encoder", source), ("decoder", target)):
        assert torch.equal(seen[f"{stack}.embedding.tokens"], weight[ids] * math.sqrt(26))
    assert_close(logits, seen["decoder.layers.2.feed_forward_norm.output"] @ weight.T)


def test_the_three_uses_share_one_gradient():
    model = build(small_config())
    model(random_ids(1, 3), random_ids(1, 3, seed=2)).logsumexp(-1).sum().backward()
    assert (model.embedding.weight.grad != 0).any(1).all()  # every piece is projected to


@pytest.mark.parametrize("positions", ["sinusoidal", "sinusoidal_halves", "learned", "none"])
def test_the_foot_is_scaled_embedding_plus_position(positions):
    model = small_model(small_config(positions=positions))
    ids = random_ids(2, 7)
    table = {
        "sinusoidal": sinusoids(7, 26).double(),
        "sinusoidal_halves": sinusoids(7, 26, halves=True).double(),
        "learned": model.embedding.positions[:7] if positions == "learned" else None,
        "none": torch.zeros(7, 26).double(),
    }[positions]
    with probing(model, record("encoder.embedding.*")) as seen:
        model.encode(ids)
    assert torch.equal(seen["encoder.embedding.positions"], table[None])
    expected = model.embedding.weight[ids] * math.sqrt(26) + table
    assert torch.equal(seen["encoder.embedding.output"], expected)


def test_only_learned_positions_are_parameters_and_saved():
    for positions, is_there in (("learned", True), ("sinusoidal", False), ("none", False)):
        model = build(small_config(positions=positions))
        assert ("embedding.positions" in model.state_dict()) == is_there
        assert ("embedding.positions" in dict(model.named_parameters())) == is_there


@pytest.mark.parametrize("positions", ["sinusoidal", "learned", "none"])
def test_a_position_beyond_the_table_is_refused(positions):
    model = small_model(small_config(positions=positions, max_positions=7))
    model.encode(random_ids(1, 7))
    with pytest.raises(ValueError, match=r"^position 7 is beyond max_positions=7; shorten"):
        model.encode(random_ids(1, 8))


def test_positions_are_rows_of_the_table_by_index(model):
    indices = torch.tensor([[3, 3, 0], [60, 7, 1]])
    rows = model.embedding.positions_for(indices)
    assert torch.equal(rows, model.embedding.positions[indices])
    with probing(model, record("*.position_ids")) as seen:
        model(random_ids(2, 5), random_ids(2, 3))
    assert seen["encoder.embedding.position_ids"].tolist() == [[0, 1, 2, 3, 4]]
    assert seen["decoder.embedding.position_ids"].tolist() == [[0, 1, 2]]


@pytest.mark.parametrize("positions", ["sinusoidal", "learned", "none"])
def test_an_edit_may_give_every_row_positions_of_its_own(positions):
    model = small_model(small_config(positions=positions))
    ids = random_ids(2, 5)
    own = torch.tensor([[0, 1, 2, 3, 4], [7, 5, 3, 1, 60]])
    with probing(model, edit({"encoder.embedding.position_ids": lambda _: own})):
        together = model.encode(ids).stream
    for row in range(2):
        one = slice(row, row + 1)
        with probing(model, edit({"encoder.embedding.position_ids": lambda _, one=one: own[one]})):
            assert_close(model.encode(ids[one]).stream, together[one], rtol=0, atol=1e-10)


@pytest.mark.parametrize("positions", ["sinusoidal", "learned", "none"])
@pytest.mark.parametrize(
    ("index", "message"),
    [
        (61, r"^position 61 is beyond max_positions=61; .* or move its positions less$"),
        (-1, "^position -1 is negative; positions count from 0$"),
    ],
)
def test_an_edited_position_outside_the_table_is_refused(positions, index, message):
    model = small_model(small_config(positions=positions))

    def misplaced(indices):
        return torch.where(indices == 2, index, indices)

    with (
        probing(model, edit({"decoder.embedding.position_ids": misplaced})),
        pytest.raises(ValueError, match=message),
    ):
        model(random_ids(1, 5), random_ids(1, 3))


def test_learned_positions_are_learnt_where_they_were_taken():
    model = build(small_config(positions="learned"))
    model.encode(random_ids(2, 5)).stream.square().sum().backward()
    gradient = model.embedding.positions.grad
    assert (gradient[:5] != 0).any(1).all()
    assert (gradient[5:] == 0).all()


def test_later_steps_take_later_positions(model):
    state = model.start(model.encode(random_ids(1, 5)))
    with probing(model, record("decoder.embedding.positions")) as seen:
        for _ in range(3):
            state = model.decode(random_ids(1, 2), state).state
    recorded = torch.cat(seen.calls("decoder.embedding.positions"), dim=1)
    assert torch.equal(recorded[0], sinusoids(6, 26).double())


def test_an_output_bias_is_added_to_the_logits():
    table = Embedding(
        vocabulary_size=11, d_model=7, positions="none", max_positions=5, output_bias=True
    )
    nn.init.normal_(table.weight)
    stream = torch.zeros(2, 3, 7)
    with torch.no_grad():
        table.output_bias.copy_(torch.arange(11))
    assert torch.equal(table.logits(stream), torch.arange(11.0).expand(2, 3, 11))


def test_scaled_embeddings_start_with_unit_variance():
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = build(small_config(vocabulary_size=4_001, d_model=128, positions="learned"))
    assert model.embedding.embed(torch.arange(4_001)[None]).std().item() == pytest.approx(
        1.0, abs=0.01
    )
    assert model.embedding.positions.std().item() == pytest.approx(128**-0.5, rel=0.05)
