"""Interventions: one that changes nothing changes nothing, a batch of gates is each alone."""

import pytest
import torch
from torch.testing import assert_close

from core.ablation import PositionEdit, head_gates
from core.config import SearchConfig
from core.decoding import search
from core.model import probing, record
from core.model.embedding import sinusoids
from core.records import KINDS
from core.tracing import attention_tap, capture_weights, n_layers, trace
from tests.core.helpers import END, START, random_ids, sentences, small_config, small_model

SOURCE, TARGET = random_ids(2, 7), random_ids(2, 5, seed=2)
B = 2


def ones(model, kind, rows=1):
    return torch.ones(rows, n_layers(model.config, kind), model.config.n_heads)


def logits(model, gates, source=SOURCE, target=TARGET):
    with torch.no_grad(), probing(model, head_gates(gates)):
        return model(source, target)


def test_a_gate_of_1_changes_nothing(model):
    with torch.no_grad():
        plain = model(SOURCE, TARGET)
    gates = {kind: ones(model, kind) for kind in KINDS}
    assert_close(logits(model, gates), plain, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_each_row_is_run_under_its_own_gates(model, kind):
    gates = torch.rand(B, n_layers(model.config, kind), model.config.n_heads)
    together = logits(model, {kind: gates})
    for row in range(B):
        one = slice(row, row + 1)
        alone = logits(model, {kind: gates[one]}, SOURCE[one], TARGET[one])
        assert_close(together[one], alone, rtol=0, atol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
def test_a_gate_of_0_switches_one_head_off(model, kind):
    """That head brings nothing, the others of its layer what they brought, and lower layers stay."""
    gates = ones(model, kind)
    gates[0, 1, 3] = 0
    names = [attention_tap(kind, layer, "head_outputs") for layer in range(2)]
    with torch.no_grad(), probing(model, record(*names)) as plain:
        model(SOURCE, TARGET)
    with torch.no_grad(), probing(model, head_gates({kind: gates}), record(*names)) as seen:
        model(SOURCE, TARGET)
    assert torch.equal(seen[names[0]], plain[names[0]])
    assert (seen[names[1]][:, 3] == 0).all()
    others = [0, 1, 2, 4]
    assert_close(seen[names[1]][:, others], plain[names[1]][:, others], rtol=0, atol=1e-12)


def test_kinds_that_are_not_named_stay(model):
    off = {"cross": torch.zeros(1, 3, 5)}
    with probing(model, head_gates(off), record("*.head_outputs")) as seen:
        model(SOURCE, TARGET)
    for layer in range(3):
        assert (seen[attention_tap("cross", layer, "head_outputs")] == 0).all()
        assert (seen[attention_tap("decoder", layer, "head_outputs")] != 0).any()


def test_gates_of_more_layers_than_the_model_has_are_refused(model):
    with pytest.raises(KeyError, match=r"no tap is called 'encoder\.layers\.2\."):
        logits(model, {"encoder": torch.ones(1, 3, 5)})


def under(model, *edits):
    with torch.no_grad(), probing(model, *edits):
        return model(SOURCE, TARGET)


POSITIONS = ["sinusoidal", "sinusoidal_halves", "learned", "none"]


@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize("same", [PositionEdit("shift", 0), PositionEdit("scale", 1)])
def test_positions_moved_to_where_they_were_change_nothing(positions, same):
    model = small_model(small_config(positions=positions))
    with torch.no_grad():
        assert torch.equal(under(model, same.edits()), model(SOURCE, TARGET))


@pytest.mark.parametrize("positions", POSITIONS)
def test_positions_off_are_a_model_without_positions(positions):
    model = small_model(small_config(positions=positions))
    without = small_model(small_config(positions="none"))
    weights = {n: w for n, w in model.state_dict().items() if n != "embedding.positions"}
    without.load_state_dict(weights)
    with torch.no_grad():
        plain, wanted = model(SOURCE, TARGET), without(SOURCE, TARGET)
    assert_close(under(model, PositionEdit("off").edits()), wanted, rtol=0, atol=1e-12)
    assert torch.equal(plain, wanted) == (positions == "none")


@pytest.mark.parametrize(
    ("change", "rows"),
    [
        (PositionEdit("shift", 5), [5, 6, 7, 8, 9, 10, 11]),
        (PositionEdit("scale", 3), [0, 3, 6, 9, 12, 15, 18]),
        (PositionEdit("scale", 0.5), [0, 0, 1, 1, 2, 2, 3]),
        (PositionEdit("scale", 0), [0] * 7),
    ],
    ids=str,
)
def test_moved_positions_are_other_rows_of_the_encoding(model, change, rows):
    """Section 3.5: the row added at p is PE(p + k), or PE(k · p)."""
    with probing(model, change.edits(), record("*.embedding.positions")) as seen:
        model(SOURCE, TARGET)
    table = sinusoids(61, 26).double()
    assert torch.equal(seen["encoder.embedding.positions"][0], table[rows])
    assert torch.equal(seen["decoder.embedding.positions"][0], table[rows[:5]])


@pytest.mark.parametrize("stack", ["encoder", "decoder"])
@pytest.mark.parametrize("kind", ["off", "shift", "scale"])
def test_one_stack_can_be_edited_alone(model, stack, kind):
    change = PositionEdit(kind, 0 if kind == "off" else 3, stack)
    with probing(model, record("*.embedding.positions")) as plain:
        model(SOURCE, TARGET)
    with probing(model, change.edits(), record("*.embedding.positions")) as seen:
        model(SOURCE, TARGET)
    changed = {name for name in seen if not torch.equal(seen[name], plain[name])}
    assert changed == {f"{stack}.embedding.positions"}


def test_a_shift_that_leaves_the_table_says_so(model):
    with pytest.raises(ValueError, match=r"^position 61 is beyond max_positions=61; shorten"):
        under(model, PositionEdit("shift", 55).edits())
    with pytest.raises(ValueError, match=r"^position -2 is negative; positions count from 0$"):
        under(model, PositionEdit("shift", -2).edits())
    under(model, PositionEdit("shift", 54).edits())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (("flip",), r"^'flip' must be one of off, shift, scale$"),
        (("shift", 1, "all"), r"^'all' must be one of encoder, decoder, both$"),
        (("off", 3), r"^amount=3 has no meaning when positions are off$"),
        (("shift", 1.5), r"^amount=1\.5 must be a whole number of positions to shift by$"),
        (("scale", -1), r"^amount=-1 must be a number of at least 0 to scale by$"),
        (("shift", float("nan")), r"^amount=nan must be a whole number"),
        (("shift", float("inf")), r"^amount=inf must be a whole number"),
        (("scale", float("nan")), r"^amount=nan must be a number"),
        (("scale", float("inf")), r"^amount=inf must be a number"),
    ],
)
def test_a_position_edit_is_checked_at_birth(values, message):
    with pytest.raises(ValueError, match=message):
        PositionEdit(*values)


@pytest.mark.parametrize("change", [PositionEdit("shift", 7), PositionEdit("off")], ids=str)
def test_a_trace_searches_and_captures_under_its_edits(tokenizer, change):
    """The cached, batched search takes the same positions as the forced pass."""
    model = small_model(small_config(vocabulary_size=397, max_positions=101))
    text, config = "The old man sees a red house.", SearchConfig(max_extra_pieces=7)
    plain = trace(model, tokenizer, text, config=config)
    traced = trace(model, tokenizer, text, config=config, edits=[change.edits()])
    ids = tokenizer.encode(text)
    with probing(model, change.edits()):
        assert traced.found == search(model, [ids], config)[0]
        weights = capture_weights(model, [*ids, END], [START, *traced.best.tokens])
        logits = model(torch.tensor([[*ids, END]]), torch.tensor([[START, *traced.best.tokens]]))
    rows = logits[0].log_softmax(-1)
    for row, step in zip(rows, traced.steps, strict=True):
        assert step.log_probability_nats == pytest.approx(row[step.token].item(), abs=1e-10)
    for kind in KINDS:
        assert (traced.weights[kind] == weights[kind]).all()
    assert (traced.weights["encoder"] != plain.weights["encoder"]).any()
    assert trace(model, tokenizer, text, config=config).found == plain.found


def test_a_batch_of_sentences_is_searched_under_an_edit_as_each_alone(model):
    """Rows finish at different steps; positions belong to steps, not to rows."""
    texts = sentences(7, 2, 11)
    with probing(model, PositionEdit("shift", 3).edits()):
        together = search(model, texts, SearchConfig(max_extra_pieces=5))
        for text, found in zip(texts, together, strict=True):
            alone = search(model, [text], SearchConfig(max_extra_pieces=5))[0]
            assert alone.best.tokens == found.best.tokens
