"""Taps: reading and editing are one mechanism, and the door closes itself."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch.testing import assert_close

from core.model import edit, place, probing, record, tap_names
from tests.core.helpers import random_ids, run_python, small_config, small_model

SOURCE, TARGET = random_ids(2, 7), random_ids(2, 5, seed=2)
WEIGHTS = "decoder.layers.2.cross_attention.weights"


def zeroed(tensor):
    return torch.zeros_like(tensor)


def moved(tensor):
    """Another value of the same type; positions are whole numbers, masks are true or false."""
    if tensor.dtype == torch.bool:
        return ~tensor
    return tensor * 1.5 + torch.rand_like(tensor) if tensor.is_floating_point() else tensor + 1


def test_taps_are_named_by_their_place(model):
    names = tap_names(model)
    assert len(names) == len(set(names))
    attentions = [f"encoder.layers.{i}.self_attention" for i in range(2)]
    for i in range(3):
        attentions += [f"decoder.layers.{i}.self_attention", f"decoder.layers.{i}.cross_attention"]
    tensors = ("queries", "keys", "values", "scores", "weights", "head_outputs", "output")
    assert {n for n in names if "_attention." in n} == {
        f"{a}.{t}" for a in attentions for t in tensors
    }


def test_every_tap_is_on_the_way(model):
    with probing(model, record()) as seen:
        model(SOURCE, TARGET)
    assert set(seen) == set(tap_names(model))
    assert all(len(seen.calls(name)) == 1 for name in seen)


def test_an_edit_that_edits_nothing_changes_nothing(model):
    with torch.no_grad():
        with probing(model, edit({"*": lambda tensor: tensor})):
            edited = model(SOURCE, TARGET)
        assert_close(edited, model(SOURCE, TARGET), rtol=0, atol=1e-12)


def test_every_edit_changes_the_output(model):
    """A tap whose edit goes nowhere would show a number that is not used."""
    plain = model(SOURCE, TARGET)
    for name in tap_names(model):
        with probing(model, edit({name: moved})):
            assert (model(SOURCE, TARGET) - plain).abs().max() > 1e-6, name


def test_record_sees_what_earlier_edits_left(model):
    with probing(model, edit({WEIGHTS: zeroed}), record(WEIGHTS)) as after:
        model(SOURCE, TARGET)
    with probing(model, record(WEIGHTS), edit({WEIGHTS: zeroed})) as before:
        model(SOURCE, TARGET)
    assert (after[WEIGHTS] == 0).all()
    assert (before[WEIGHTS] != 0).any()


def test_an_edit_changes_what_comes_after_it_and_nothing_before(model):
    with probing(model, record()) as plain:
        model(SOURCE, TARGET)
    with probing(
        model, edit({"decoder.layers.1.cross_attention.weights": zeroed}), record()
    ) as seen:
        model(SOURCE, TARGET)
    assert torch.equal(
        seen["decoder.layers.1.self_attention.output"],
        plain["decoder.layers.1.self_attention.output"],
    )
    assert (seen["decoder.layers.1.cross_attention.output"] == 0).all()
    last = "decoder.layers.2.feed_forward_norm.output"
    assert not torch.equal(seen[last], plain[last])


def test_edits_of_one_tap_follow_one_another(model):
    def doubled(tensor):
        return tensor * 2

    def one_more(tensor):
        return tensor + 1

    name = "encoder.embedding.tokens"
    with probing(
        model, record(name), edit({name: doubled}), edit({name: one_more}), record(name)
    ) as seen:
        model.encode(SOURCE)
    first, last = seen.calls(name)
    assert torch.equal(last, first * 2 + 1)


def test_a_pattern_matches_all_its_taps(model):
    with probing(
        model, record("decoder.layers.*.cross_attention.weights", "encoder.*.output")
    ) as seen:
        model(SOURCE, TARGET)
    weights = {f"decoder.layers.{i}.cross_attention.weights" for i in range(3)}
    outputs = {n for n in tap_names(model) if n.startswith("encoder") and n.endswith(".output")}
    assert set(seen) == weights | outputs
    assert len(seen) == len(weights) + len(outputs)


@pytest.mark.parametrize("probe", [record, lambda name: edit({name: zeroed})])
@pytest.mark.parametrize(
    "name", ["decoder.layers.9.cross_attention.weights", "layers", "*.nothing"]
)
def test_an_unknown_name_is_answered_with_the_known_ones(model, probe, name):
    with pytest.raises(KeyError) as caught, probing(model, probe(name)):
        pass
    message = caught.value.args[0]
    assert message.startswith(f"no tap is called {name!r}; this model has: ")
    assert all(known in message for known in tap_names(model))


def test_reading_what_was_not_recorded_names_what_was(model):
    with probing(model, record(WEIGHTS)) as seen:
        model(SOURCE, TARGET)
    with pytest.raises(
        KeyError, match=r"nothing was recorded at 'scores'; recorded: \['decoder\.l"
    ):
        seen["scores"]
    assert "scores" not in seen
    assert seen.get("scores") is None


def test_a_recording_keeps_every_call_and_stays_readable(model):
    with probing(model, record("encoder.embedding.output")) as seen:
        first = model.encode(SOURCE[:1])
        second = model.encode(SOURCE[1:])
    assert first.stream.shape == second.stream.shape
    assert len(seen.calls("encoder.embedding.output")) == 2
    assert torch.equal(seen["encoder.embedding.output"], seen.calls("encoder.embedding.output")[1])
    model.encode(SOURCE)
    assert len(seen.calls("encoder.embedding.output")) == 2


def test_a_recording_holds_no_graph(model):
    with probing(model, record(WEIGHTS)) as seen:
        model(SOURCE, TARGET)
    assert not seen[WEIGHTS].requires_grad


def test_gradients_flow_through_probes(model):
    with probing(model, edit({WEIGHTS: lambda tensor: tensor * 2}), record()):
        loss = model(SOURCE, TARGET).logsumexp(-1).sum()
    gradient = torch.autograd.grad(
        loss, model.encoder.layers[0].self_attention.query_projection.weight
    )[0]
    assert (gradient != 0).any()


def test_inner_probes_add_to_outer_ones(model):
    with probing(model, edit({WEIGHTS: zeroed})) as outer:
        with probing(model, record(WEIGHTS)) as inner:
            model(SOURCE, TARGET)
        assert (inner[WEIGHTS] == 0).all()
        assert len(outer) == 0
        model(SOURCE, TARGET)
        assert len(inner.calls(WEIGHTS)) == 1


def test_probes_of_one_model_leave_another_alone(model):
    other = small_model(small_config(), seed=2)
    plain = other(SOURCE, TARGET)
    with probing(model, edit({"*": zeroed}), record()) as seen:
        assert torch.equal(other(SOURCE, TARGET), plain)
    assert len(seen) == 0


def test_the_door_closes_when_something_breaks(model):
    plain = model(SOURCE, TARGET)

    def broken(tensor):
        raise RuntimeError("inside")

    with pytest.raises(RuntimeError, match=r"^inside$"), probing(model, edit({WEIGHTS: broken})):
        model(SOURCE, TARGET)
    assert torch.equal(model(SOURCE, TARGET), plain)


def test_a_refused_probe_leaves_no_other_behind(model):
    plain = model(SOURCE, TARGET)
    with pytest.raises(KeyError), probing(model, edit({WEIGHTS: zeroed}), record("nowhere")):
        pass
    assert torch.equal(model(SOURCE, TARGET), plain)


def test_taps_are_no_part_of_a_checkpoint(model):
    keys = model.state_dict().keys()
    with probing(model, record()):
        assert model.state_dict().keys() == keys
    assert not [key for key in keys if key in tap_names(model)]


def test_threads_that_share_a_model_never_see_each_other(model):
    """Each thread erases another head of another layer, over and over, while all others do too."""
    n_threads, n_rounds = 16, 4

    def without_head(head):
        def erased(weights):
            weights = weights.clone()
            weights[:, head] = 0
            return weights

        return erased

    def probed(number: int):
        layer, head = number % 3, number % 5
        name = f"decoder.layers.{layer}.cross_attention.weights"
        source = random_ids(2, 7, seed=number)
        with (
            torch.no_grad(),
            probing(model, edit({name: without_head(head)}), record(name)) as seen,
        ):
            logits = model(source, TARGET)
        return set(seen), len(seen.calls(name)), seen[name], logits

    alone = [probed(number) for number in range(n_threads)]
    together = threading.Barrier(n_threads)

    def many_times(number: int):
        together.wait()
        return [probed(number) for _ in range(n_rounds)]

    with ThreadPoolExecutor(n_threads) as pool:
        for number, results in enumerate(pool.map(many_times, range(n_threads))):
            for names, n_calls, weights, logits in results:
                assert names == alone[number][0]
                assert n_calls == 1
                assert torch.equal(weights, alone[number][2])
                assert torch.equal(logits, alone[number][3])


def test_a_new_thread_starts_without_probes(model):
    plain = model(SOURCE, TARGET)
    outputs = []
    with probing(model, edit({WEIGHTS: zeroed}), record()) as seen:
        thread = threading.Thread(target=lambda: outputs.append(model(SOURCE, TARGET)))
        thread.start()
        thread.join()
    assert torch.equal(outputs[0], plain)
    assert len(seen) == 0


@pytest.mark.slow
def test_a_compiled_model_agrees_and_the_original_still_records():
    """One graph without a break at any tap; in a process whose functions check no shapes."""
    run_python("""
        import torch
        from core.model import edit, probing, record, tap_names
        from tests.core.helpers import random_ids, run_python, small_config, small_model

        source, target = random_ids(2, 7), random_ids(2, 5, seed=2)
        model = small_model(small_config(n_encoder_layers=1, n_decoder_layers=1))
        compiled = torch.compile(model, backend="eager", fullgraph=True)
        with torch.no_grad():
            plain = model(source, target)
            graph = compiled(source, target)
            torch.testing.assert_close(graph, plain, rtol=0, atol=1e-10)
            with probing(model, edit({"*": torch.zeros_like}), record()) as seen:
                assert torch.equal(compiled(source, target), graph)
                assert len(seen) == 0
                assert not torch.equal(model(source, target), plain)
            assert set(seen) == set(tap_names(model))
    """)


def test_an_edit_can_ask_where_it_is(model):
    """Which example each row is, and the first position: in every pass, whatever the row order."""
    places = {}

    def noted(name):
        def visit(tensor):
            places.setdefault(name, []).append((place().examples.tolist(), place().first))
            return tensor

        return visit

    names = ["encoder.layers.1.output", "decoder.layers.2.cross_attention.keys",
             "decoder.layers.0.output"]  # fmt: skip
    with torch.no_grad(), probing(model, edit({name: noted(name) for name in names})):
        state = model.start(model.encode(SOURCE, torch.tensor([7, 4])))
        state = model.decode(TARGET[:, :2], state).state.select(torch.tensor([1, 1, 0]))
        state = model.decode(TARGET[[1, 1, 0], 2:3], state).state
        model(SOURCE, TARGET)
    both, plain = ([7, 4], 0), ([0, 1], 0)
    assert places[names[0]] == places[names[1]] == [both, plain]
    assert places[names[2]] == [both, ([4, 4, 7], 2), plain]


def test_there_is_no_place_outside_of_a_pass(model):
    with pytest.raises(LookupError):
        place()
    with probing(model, record(WEIGHTS)):
        model(SOURCE, TARGET)
        with pytest.raises(LookupError):
            place()
