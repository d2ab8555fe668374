"""Traces: rows belong to steps, weights are what the search used, files open again."""

import copy
import dataclasses
import json

import numpy as np
import pytest
import torch

from core.analysis.trace.capture import (
    capture,
    capture_weights,
    search_and_capture,
    trace,
    weights_of,
)
from core.analysis.trace.trace import Trace
from core.config import KINDS, SearchConfig
from core.decoding import search as search_module
from core.decoding.search import SourceTooLongError, search
from core.decoding.translate import translate
from core.model import build, edit, probing, record, tap_names
from core.model.transformer import attention_of, attention_tap
from core.system.arrays import read_arrays
from core.text.batches import pad
from core.text.pieces import EmptyTextError, UnencodableTextError
from tests.core.helpers import END, START, run_python, sentences, small_config, small_model
from tests.damage import damages

SENTENCE = "The old man sees a red Häuschen 🚲."
SEARCH = SearchConfig(max_extra_pieces=7)


def model_for(tokenizer, **changes):
    shape = {"vocabulary_size": len(tokenizer.names), "max_positions": 101, **changes}
    return small_model(small_config(**shape))


@pytest.fixture(scope="module")
def traced(tokenizer):
    return trace(model_for(tokenizer), tokenizer, SENTENCE, config=SEARCH)


def step_by_step(model, source, consumed):
    """Attention weights as the search itself used them: one piece at a time, with the cache."""
    rows = {kind: [] for kind in KINDS}
    with torch.no_grad(), probing(model, record("*.weights")) as seen:
        state = model.start(model.encode(torch.tensor([source])))
        for token in consumed:
            state = model.decode(torch.tensor([[token]]), state).state
    n_layers = model.config.n_decoder_layers
    encoder = [seen[attention_tap("encoder", i)][0] for i in range(model.config.n_encoder_layers)]
    rows["encoder"] = torch.stack(encoder)
    for kind in ("decoder", "cross"):
        layers = []
        for layer in range(n_layers):
            calls = [call[0] for call in seen.calls(attention_tap(kind, layer))]  # H 1 k each
            width = max(call.shape[-1] for call in calls)
            padded = [torch.nn.functional.pad(call, (0, width - call.shape[-1])) for call in calls]
            layers.append(torch.cat(padded, dim=1))
        rows[kind] = torch.stack(layers)
    return rows


@pytest.mark.parametrize(
    "changes",
    [{}, {"n_heads": 1}, {"n_encoder_layers": 4, "n_decoder_layers": 1}, {"d_k": 3, "d_v": 13}],
    ids=str,
)
def test_captured_weights_are_those_of_the_search(changes):
    """One forced pass equals the cached steps, to the last digit of the float32 it returns."""
    model = small_model(small_config(**changes))
    source, consumed = [*sentences(7)[0], END], [START, *sentences(5, seed=3)[0]]
    captured = capture_weights(model, source, consumed)
    for kind, rows in step_by_step(model, source, consumed).items():
        assert captured[kind].dtype == np.float32
        assert captured[kind].shape == tuple(rows.shape)
        np.testing.assert_allclose(captured[kind], rows.float().numpy(), rtol=0, atol=1e-7)


@pytest.mark.parametrize("pieces_at_once", [4_096, 25])
@pytest.mark.parametrize("method", ["greedy", "beam"])
def test_a_captured_batch_is_what_each_source_gives_alone(method, pieces_at_once, monkeypatch):
    """In whatever order of lengths, in one batch or several; padding stands at the end."""
    monkeypatch.setattr(search_module, "PIECES_AT_ONCE", pieces_at_once)
    model = small_model(small_config())
    config = SearchConfig(method=method, beam_size=3, max_extra_pieces=4)
    sources = sentences(6, 2, 9, 4)
    prefixes = [[], [7, 8], [], [6]]
    assert (len(list(search_module.batches_by_length(sources, config))) > 1) == (
        pieces_at_once == 25
    )
    found, seen = search_and_capture(model, sources, config, prefixes, ("weights", "values"))
    for row, (source, mine, alone) in enumerate(
        zip(sources, found, search(model, sources, config, prefixes), strict=True)
    ):
        assert mine.best.tokens == alone.best.tokens
        assert mine.best.score == pytest.approx(alone.best.score, abs=1e-10)
        weights = capture_weights(model, [*source, END], [START, *mine.best.tokens])
        for kind, expected in weights.items():
            n_queries, n_keys = expected.shape[2:]
            of_batch = weights_of(model, seen, row)[kind]
            np.testing.assert_allclose(
                of_batch[:, :, :n_queries, :n_keys], expected, rtol=0, atol=1e-6
            )
            assert (of_batch[:, :, :n_queries, n_keys:] == 0).all()
    assert seen[attention_tap("cross", 0, "values")].shape[:3] == (4, 5, 10)


def test_a_search_goes_on_from_a_state_and_leaves_it_as_it_is(monkeypatch):
    model = small_model(small_config())
    sources = sentences(5, 3)
    expected = search(model, sources, SEARCH)
    with torch.inference_mode():
        state = model.start(model.encode(pad([[*each, END] for each in sources], 0)))
    monkeypatch.setattr(type(model), "encode", None)  # it is not encoded again
    for _ in range(2):
        found = search(model, sources, SEARCH, state=state)
        assert [each.best.tokens for each in found] == [each.best.tokens for each in expected]
    with pytest.raises(SourceTooLongError):
        search_and_capture(model, [[5] * 513], SEARCH)


def test_no_sources_are_no_traces(model):
    assert search_and_capture(model, [], SEARCH) == ([], {})


def test_a_trace_has_a_row_for_every_step_and_a_column_for_every_piece(traced):
    n_source, n_steps = len(traced.source.pieces), len(traced.steps)
    assert traced.weights["encoder"].shape == (2, 5, n_source, n_source)
    assert traced.weights["decoder"].shape == (3, 5, n_steps, n_steps)
    assert traced.weights["cross"].shape == (3, 5, n_steps, n_source)
    assert n_source != n_steps


def test_a_row_knows_what_it_consumed_and_produced(traced):
    """consumed[0] is `<s>`, the last produced is `</s>`, and each row consumes what the last made."""
    produced = traced.target.pieces
    assert len(traced.consumed) == len(produced) == len(traced.steps)
    assert traced.consumed[0].id == START
    assert produced[-1].id == END
    assert traced.consumed[1:] == produced[:-1]
    assert [piece.id for piece in produced] == [step.token for step in traced.steps]
    assert traced.source.pieces[-1].id == END


def test_the_weights_belong_to_the_tokens_of_their_row(traced, tokenizer):
    model = model_for(tokenizer)
    source = [piece.id for piece in traced.source.pieces]
    rows = step_by_step(model, source, [piece.id for piece in traced.consumed])
    for kind in KINDS:
        np.testing.assert_allclose(traced.weights[kind], rows[kind].float(), rtol=0, atol=1e-7)


@pytest.mark.parametrize("attention_bias", [False, True])
def test_value_norms_are_the_lengths_of_transformed_values(tokenizer, attention_bias):
    """Read literally: the head's own d_v columns of the output projection, times its value."""
    model = model_for(tokenizer, attention_bias=attention_bias)
    traced = trace(model, tokenizer, SENTENCE, config=SEARCH)
    source = torch.tensor([[piece.id for piece in traced.source.pieces]])
    consumed = torch.tensor([[piece.id for piece in traced.consumed]])
    seen = capture(model, source, consumed, ["*.values"])
    d_v = model.config.d_v
    for kind in KINDS:
        for layer, norms in enumerate(traced.value_norms[kind]):
            values = seen[attention_tap(kind, layer, "values")][0]  # H k d_v
            matrix = attention_of(model, kind, layer).output_projection.weight.detach()
            for head in range(5):
                columns = matrix[:, head * d_v : (head + 1) * d_v]
                for key, norm in enumerate(norms[head]):
                    literal = (columns @ values[head, key]).norm().item()
                    assert norm == pytest.approx(literal, rel=1e-6)


def test_a_capture_records_what_outer_edits_left(model):
    """So a trace under an experiment shows the experiment."""
    name = attention_tap("cross", 1)
    source, consumed = torch.tensor([[5, 6, END]]), torch.tensor([[START, 7]])
    with probing(model, edit({name: torch.zeros_like})):
        seen = capture(model, source, consumed, [name])
    assert (seen[name] == 0).all()
    assert list(seen) == [name]


def test_the_log_probability_of_a_row_is_that_of_what_it_produced(traced, tokenizer):
    model = model_for(tokenizer)
    source = torch.tensor([[piece.id for piece in traced.source.pieces]])
    consumed = torch.tensor([[piece.id for piece in traced.consumed]])
    with torch.no_grad():
        rows = model(source, consumed)[0].log_softmax(-1)
    for row, piece, step in zip(rows, traced.target.pieces, traced.steps, strict=True):
        assert step.log_probability_nats == pytest.approx(row[piece.id].item(), abs=1e-10)


def test_the_future_is_exactly_zero(traced):
    weights = traced.weights["decoder"]
    assert (np.triu(weights, k=1) == 0).all()
    assert (weights[..., *np.tril_indices(weights.shape[-1])] > 0).all()


def test_rows_of_weights_sum_to_1(traced):
    for kind in KINDS:
        np.testing.assert_allclose(traced.weights[kind].sum(-1), 1, atol=1e-6)


def test_spans_point_into_the_normalised_text(traced, tokenizer):
    assert traced.source.text == SENTENCE
    for read in (traced.source, traced.target):
        for piece in read.pieces:
            assert read.text[piece.start : piece.end] == piece.surface
    bicycle = [piece for piece in traced.source.pieces if piece.surface == "🚲"]
    assert len(bicycle) == 4


def test_a_trace_finds_what_the_search_finds(traced, tokenizer):
    model = model_for(tokenizer)
    (found,) = search(model, [tokenizer.encode(SENTENCE)], SEARCH)
    assert traced.found == found
    assert traced.best == found.best
    assert traced.target.text == tokenizer.decode(found.best.tokens)
    assert traced.search == SEARCH


def test_every_piece_of_tree_and_candidates_has_its_name(traced, tokenizer):
    tokens = {node.token for node in traced.found.tree}
    for hypothesis in traced.found.hypotheses:
        tokens |= {c.token for step in hypothesis.steps for c in step.candidates}
    assert dict(traced.names) == {token: tokenizer.names[token] for token in tokens}


def test_unseen_pieces_are_flagged_on_their_side(tokenizer):
    ids = tokenizer.encode(SENTENCE)
    new_source = frozenset({ids[0], ids[-1]})
    result = trace(
        model_for(tokenizer), tokenizer, SENTENCE, config=SEARCH, prefix=[ids[2], ids[0]],
        new_source_ids=new_source, new_target_ids=frozenset({ids[2]}),
    )  # fmt: skip
    assert result.is_new_in_source == tuple(p.id in new_source for p in result.source.pieces)
    assert result.is_new_in_target == tuple(p.id == ids[2] for p in result.target.pieces)
    assert any(result.is_new_in_source)
    assert result.is_new_in_target[:2] == (True, False)


def test_a_whole_prefix_is_traced_as_it_stands(tokenizer):
    prefix = [*tokenizer.encode("heute"), END]
    result = trace(model_for(tokenizer), tokenizer, "today", config=SEARCH, prefix=prefix)
    assert [piece.id for piece in result.target.pieces] == prefix
    assert result.target.text == "heute"


@pytest.mark.parametrize("text", ["", "   ", "\0", "\n\t"])
def test_a_text_of_which_nothing_is_left_is_refused(tokenizer, text):
    """Everywhere by one rule: what translates to nothing is not traced either."""
    model = model_for(tokenizer)
    assert translate(model, tokenizer, [text], SEARCH) == [""]
    with pytest.raises(EmptyTextError, match="has no text to translate; type a sentence"):
        trace(model, tokenizer, text, config=SEARCH)


def test_a_text_that_cannot_be_traced_says_why(tokenizer):
    model = model_for(tokenizer)
    with pytest.raises(SourceTooLongError, match="513 pieces"):
        trace(model, tokenizer, "ÿ" * 256)  # ▁, and two bytes a letter
    with pytest.raises(UnencodableTextError, match=r"^character 2 is U\+D800"):
        trace(model, tokenizer, "a\ud800")


def test_the_names_of_taps_are_those_of_the_model(model):
    for kind, n_layers in (("encoder", 2), ("decoder", 3), ("cross", 3)):
        for layer in range(n_layers):
            for tensor in ("weights", "scores", "values"):
                assert attention_tap(kind, layer, tensor) in tap_names(model)


def test_npz_round_trip(traced, tmp_path):
    file = tmp_path / "trace.npz"
    traced.save(file)
    again = Trace.load(file)
    for field in dataclasses.fields(Trace):
        if field.name not in ("weights", "value_norms"):
            assert getattr(again, field.name) == getattr(traced, field.name), field.name
    for kind in KINDS:
        assert np.array_equal(again.weights[kind], traced.weights[kind])
        assert np.array_equal(again.value_norms[kind], traced.value_norms[kind])
    assert [path.name for path in tmp_path.iterdir()] == ["trace.npz"]


@pytest.mark.slow
def test_a_record_with_any_damage_is_a_trace_or_refused_in_a_sentence(traced, tmp_path):
    file = tmp_path / "trace.npz"
    traced.save(file)
    arrays = read_arrays(file)
    refused = []
    for _, damaged in damages(json.loads(str(arrays["record"]))):
        np.savez(file, **{**arrays, "record": np.array(json.dumps(damaged))})
        try:
            Trace.load(file).to_bytes(".json")
        except ValueError as error:
            refused.append(str(error))
    assert all("is not a trace, or it is truncated: " in message for message in refused)
    assert len(refused) > 500


@pytest.mark.parametrize("kind", KINDS)
def test_arrays_that_do_not_fit_the_sentence_are_refused(traced, tmp_path, kind):
    file = tmp_path / "trace.npz"
    weights, norms = traced.weights[kind], traced.value_norms[kind]
    for name, array in (
        ("weights", weights[..., :-1]), ("weights", weights[..., :-1, :]),
        ("weights", weights.astype(np.int32)), ("weights", weights[0]), ("value_norms", norms[..., :-1]),
        ("value_norms", norms[:, :-1]), ("value_norms", norms.astype(np.float64)),
    ):  # fmt: skip
        traced.save(file)
        np.savez(file, **{**read_arrays(file), f"{kind}_{name}": array})
        with pytest.raises(
            ValueError, match=rf"is not a trace, or it is truncated: {kind} (weights|value)"
        ):
            Trace.load(file)


def test_a_trace_larger_than_allowed_is_not_opened(traced, tmp_path):
    traced.save(tmp_path / "trace.npz")
    with pytest.raises(ValueError, match=r"it unpacks to [\d,]+ bytes; 10,000 is the most"):
        Trace.load(tmp_path / "trace.npz", 10_000)


def test_json_round_trip(traced, tmp_path):
    file = tmp_path / "trace.json"
    traced.save(file)
    again = Trace.load(file)
    assert again.to_json() == traced.to_json()
    assert again.found == traced.found
    for kind in KINDS:
        np.testing.assert_allclose(again.weights[kind], traced.weights[kind], rtol=0, atol=1e-6)
        np.testing.assert_allclose(again.value_norms[kind], traced.value_norms[kind], atol=1e-6)
        assert again.weights[kind].dtype == traced.weights[kind].dtype


def test_arrays_tell_the_same_story(traced, tmp_path):
    traced.save(tmp_path / "trace.npz")
    with np.load(tmp_path / "trace.npz", allow_pickle=False) as arrays:
        assert arrays["consumed_ids"][1:].tolist() == arrays["produced_ids"][:-1].tolist()
        assert arrays["source_ids"].tolist() == [piece.id for piece in traced.source.pieces]
        for (start, end), piece in zip(arrays["source_spans"], traced.source.pieces, strict=True):
            assert traced.source.text[start:end] == piece.surface
        for (start, end), piece in zip(arrays["target_spans"], traced.target.pieces, strict=True):
            assert traced.target.text[start:end] == piece.surface
        for kind in KINDS:
            n_keys = arrays[f"{kind}_weights"].shape[-1]
            assert arrays[f"{kind}_value_norms"].shape == (
                *arrays[f"{kind}_weights"].shape[:2],
                n_keys,
            )
        assert arrays["source_words"].tolist() == [p.word for p in traced.source.pieces]
        assert arrays["target_words"].tolist() == [p.word for p in traced.target.pieces]
        n_steps = len(traced.steps)
        assert arrays["candidate_ids"].shape == (n_steps, SEARCH.n_candidates)
        assert arrays["candidate_log_probabilities_nats"].shape == (n_steps, SEARCH.n_candidates)
        assert arrays["log_probabilities_nats"].sum() == pytest.approx(
            traced.best.log_probability_nats
        )


def test_another_ending_is_refused(traced, tmp_path):
    with pytest.raises(ValueError, match=r"a trace is written as \.npz or \.json, not as '\.txt'"):
        traced.save(tmp_path / "trace.txt")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_whole_trace_is_refused(traced, tmp_path):
    file = tmp_path / "trace.npz"
    traced.save(file)
    whole = file.read_bytes()
    for n_kept in (0, 1, 3, 4, 57, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:n_kept])
        with pytest.raises(ValueError, match=rf"^{file} is not a trace, or it is truncated: "):
            Trace.load(file)
    damaged = bytearray(whole)
    damaged[len(whole) // 2] ^= 0xFF
    file.write_bytes(damaged)
    with pytest.raises(ValueError, match=rf"^{file} is not a trace"):
        Trace.load(file)
    np.savez(file, other=np.zeros(3))
    with pytest.raises(ValueError, match=rf"^{file} is not a trace"):
        Trace.load(file)
    with pytest.raises(ValueError, match=rf"^{tmp_path}/none\.npz is not a trace"):
        Trace.load(tmp_path / "none.npz")


@pytest.mark.parametrize("ending", ["npz", "json"])
@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[1", b"\x80\x04]\x94.", b'{"weights": {"encoder": [[1], 2]}}']
)
def test_another_file_is_refused_without_advice_to_unpickle_it(tmp_path, ending, content):
    file = tmp_path / f"trace.{ending}"
    file.write_bytes(content)
    with pytest.raises(
        ValueError, match=rf"^{file} is not a trace, or it is truncated: "
    ) as refused:
        Trace.load(file)
    assert "pickle" not in str(refused.value)


def test_a_saved_trace_opens_without_torch(traced, tmp_path):
    traced.save(tmp_path / "trace.npz")
    code = """
        import sys
        from core.analysis.trace.trace import Trace
        print(Trace.load(sys.argv[1]).target.text)
        assert "torch" not in sys.modules
    """
    assert run_python(code, str(tmp_path / "trace.npz")).strip() == traced.target.text.strip()


def test_float32_models_give_the_same_trace_to_rounding(tokenizer):
    model = model_for(tokenizer)
    source, consumed = [*tokenizer.encode(SENTENCE), END], [START, 300, 301]
    exact = capture_weights(model, source, consumed)
    rounded = capture_weights(copy.deepcopy(model).float(), source, consumed)
    for kind in KINDS:
        np.testing.assert_allclose(rounded[kind], exact[kind], rtol=0, atol=1e-4)


def test_tracing_does_not_touch_training(tokenizer):
    """Weights can be captured inside a training; nothing is left recorded or switched."""
    model = build(small_config())
    model.train()
    capture_weights(model, [5, END], [START, 6])
    assert model.training
    assert all(parameter.grad is None for parameter in model.parameters())
