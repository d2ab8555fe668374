"""Interventions: one that changes nothing changes nothing, and a batch of many is each alone."""

import copy
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from core.analysis.ablation import Ablation
from core.analysis.ablation.edits import ablating, head_gates
from core.analysis.trace.capture import capture_weights, trace
from core.config import KINDS, SearchConfig, n_layers
from core.decoding import search as decoding
from core.decoding.search import search
from core.model import build, probing, record
from core.model.embedding import sinusoids
from core.model.transformer import attention_tap
from core.text.batches import pad
from tests.core.ablations import MANY, MANY_TEXTS, random_means
from tests.core.helpers import END, PAD, START, random_ids, sentences, small_config, small_model

SOURCE, TARGET = random_ids(2, 7), random_ids(2, 5, seed=2)
B = 2
METHODS = {
    "greedy": SearchConfig(method="greedy", max_extra_pieces=5),
    "beam": SearchConfig(beam_size=3, max_extra_pieces=5),
    "sample": SearchConfig(method="sample", max_extra_pieces=5, seed=7),
}


@pytest.fixture(scope="module")
def means():
    return random_means()


def under(model, *ablations, source=SOURCE, target=TARGET, means=None):
    edits = ablating(model, [Ablation.parse(text) for text in ablations], means)
    with torch.no_grad(), probing(model, edits):
        return model(source, target)


def plain(model, source=SOURCE, target=TARGET):
    with torch.no_grad():
        return model(source, target)


def seen_under(model, pattern, *ablations, source=SOURCE, target=TARGET):
    edits = ablating(model, [Ablation.parse(text) for text in ablations])
    with torch.no_grad(), probing(model, edits, record(pattern)) as seen:
        model(source, target)
    return seen


def test_the_empty_ablation_changes_nothing(model):
    assert torch.equal(under(model, ""), plain(model))
    assert_close(under(model, "", "enc.L1H1=0,pos=off")[:1], plain(model)[:1], rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "text", ["enc.L1H1=1,dec.L2H2=1,cross.L3H3=1", "pos=shift:0", "pos=scale:1"]
)
@pytest.mark.parametrize("positions", ["sinusoidal", "sinusoidal_halves", "learned", "none"])
def test_an_ablation_to_what_was_there_changes_nothing(text, positions):
    model = small_model(small_config(positions=positions))
    assert_close(under(model, text), plain(model), rtol=0, atol=1e-12)


def test_every_ablation_of_the_list_changes_something(model, means):
    for text in MANY_TEXTS[1:]:
        assert (under(model, text, means=means) - plain(model)).abs().max() > 1e-6, text


def test_a_forced_batch_of_many_ablations_is_each_alone(model, means):
    """Sources of different lengths, so that rows are padded."""
    sources = sentences(*range(3, 3 + len(MANY_TEXTS)))
    targets = random_ids(len(MANY_TEXTS), 5, seed=2)
    together = under(
        model,
        *MANY_TEXTS,
        source=pad([[*s, END] for s in sources], PAD),
        target=targets,
        means=means,
    )
    for row, (text, source) in enumerate(zip(MANY_TEXTS, sources, strict=True)):
        alone = under(model, text, source=torch.tensor([[*source, END]]),
                      target=targets[row : row + 1], means=means)  # fmt: skip
        assert_close(together[row], alone[0], rtol=0, atol=1e-10)


@pytest.mark.parametrize("pieces_at_once", [60, 100_000])
@pytest.mark.parametrize("method", METHODS)
def test_a_search_of_many_ablations_is_each_alone(
    model, means, method, pieces_at_once, monkeypatch
):
    """Sentences are sorted, beams re-ordered, rows dropped: each keeps its own ablation."""
    sources = [source for source in sentences(7, 2, 11, 5) for _ in range(4)]
    with monkeypatch.context() as patch, probing(model, ablating(model, MANY, means)):
        patch.setattr(decoding, "PIECES_AT_ONCE", pieces_at_once)
        together = search(model, sources, METHODS[method])
    for ablation, source, found in zip(MANY, sources, together, strict=True):
        with probing(model, ablating(model, [ablation], means)):
            alone = search(model, [source], METHODS[method])[0]
        assert found.best.tokens == alone.best.tokens
        assert found.best.log_probability_nats == pytest.approx(
            alone.best.log_probability_nats, abs=1e-9
        )
    if method != "sample":
        assert len({found.best.tokens for found in together}) > len(MANY) // 2


@pytest.mark.parametrize("text", MANY_TEXTS)
def test_step_by_step_is_all_at_once(model, means, text):
    """Rows and positions belong to steps of the translation, not to calls of the decoder."""
    source = sentences(7)[0]
    with probing(model, ablating(model, [Ablation.parse(text)], means)):
        best = search(model, [source], METHODS["beam"])[0].best
    assert len(best.tokens) > 3
    logits = under(model, text, source=torch.tensor([[*source, END]]),
                   target=torch.tensor([[START, *best.tokens]]), means=means)  # fmt: skip
    rows = logits[0].log_softmax(-1)
    for row, step in zip(rows, best.steps, strict=True):
        assert step.log_probability_nats == pytest.approx(row[step.token].item(), abs=1e-10)


def test_sixteen_threads_with_sixteen_ablations_share_one_model(model, means):
    assert len(MANY) == 16

    def translated(ablation):
        with probing(model, ablating(model, [ablation], means)):
            return search(model, sentences(7, 4), METHODS["beam"])

    alone = [translated(ablation) for ablation in MANY]
    with ThreadPoolExecutor(16) as pool:
        for _ in range(3):
            assert list(pool.map(translated, MANY)) == alone


@pytest.mark.parametrize("kind", KINDS)
def test_off_is_a_model_whose_head_has_no_rows_in_the_projection(model, kind):
    short = {"encoder": "enc", "decoder": "dec", "cross": "cross"}[kind]
    without = copy.deepcopy(model)
    name = attention_tap(kind, 1, "output_projection")
    without.get_submodule(name).weight.data[:, 3 * 11 : 4 * 11] = 0
    assert_close(under(model, f"{short}.L2H4=0"), plain(without), rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_head_that_is_named_is_switched_off(model, kind):
    short = {"encoder": "enc", "decoder": "dec", "cross": "cross"}[kind]
    seen, before = (seen_under(model, "*.head_outputs", text) for text in (f"{short}.L2H4=0", ""))
    below, here = (attention_tap(kind, layer, "head_outputs") for layer in (0, 1))
    assert torch.equal(seen[below], before[below])
    assert (seen[here][:, 3] == 0).all()
    others = [0, 1, 2, 4]
    assert_close(seen[here][:, others], before[here][:, others], rtol=0, atol=1e-12)


def test_a_scaled_head_brings_so_much_more(model):
    seen, before = (seen_under(model, "*.head_outputs", text) for text in ("cross.L1H2=-2.5", ""))
    here = attention_tap("cross", 0, "head_outputs")
    assert_close(seen[here][:, 1], -2.5 * before[here][:, 1], rtol=0, atol=1e-12)


def test_a_mean_takes_the_place_of_what_the_head_brings(model, means):
    edits = ablating(model, [Ablation.parse("dec.L2H3=mean")], means)
    with torch.no_grad(), probing(model, edits, record("*.head_outputs")) as seen:
        model(SOURCE, TARGET)
    wanted = torch.from_numpy(means.outputs["decoder"][1, 2]).double()
    assert_close(seen[attention_tap("decoder", 1, "head_outputs")][:, 2], wanted.expand(2, 5, 11))


def test_a_mean_without_means_says_where_they_are(model):
    with pytest.raises(ValueError, match=r"^dec\.L2H3=mean needs the mean .*read_means"):
        ablating(model, [Ablation.parse("dec.L2H3=mean")])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("head", range(5))
def test_uniform_attention_spreads_over_visible_keys_only(model, kind, head):
    """Of that head; what the others of the layer attend to is theirs."""
    source = pad([[5, 6, 7, END], [5, 6, 7, 8, 9, END]], PAD)
    text = f"{SHORT[kind]}.L1H{head + 1}=uniform"
    tap = attention_tap(kind, 0)
    before, after = (seen_under(model, tap, one, source=source)[tap] for one in ("", text))
    for row, n in enumerate((4, 6)):
        n_keys = 5 if kind == "decoder" else n
        visible = torch.ones(after.shape[-2], n_keys).double()
        visible = visible.tril() if kind == "decoder" else visible
        spread = visible / visible.sum(1, keepdim=True)
        assert_close(after[row, head, :, :n_keys], spread, rtol=0, atol=1e-12)
        assert (after[row, head, :, n_keys:] == 0).all()
        assert not torch.allclose(before[row, head, :, :n_keys], spread, atol=1e-3)
    others = [other for other in range(5) if other != head]
    assert_close(after[:, others], before[:, others], rtol=0, atol=1e-12)


SHORT = {"encoder": "enc", "decoder": "dec", "cross": "cross"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("change", ["=0", "=0.5", "=mean", "=uniform", ".row3=k2"])
def test_an_edit_leaves_alone_what_it_does_not_name(model, means, kind, change):
    """Other heads of the layer, other layers below, and the other example of the batch."""
    layer = n_layers(model.config, kind) - 1
    ablations = [Ablation.parse(f"{SHORT[kind]}.L{layer + 1}H2{change}"), Ablation()]
    taps = {
        name: attention_tap(kind, layer, name) for name in ("scores", "weights", "head_outputs")
    }
    below = [attention_tap(kind, lower, "weights") for lower in range(layer)]
    seen = []
    for edits in (ablations, [Ablation(), Ablation()]):
        with (
            torch.no_grad(),
            probing(model, ablating(model, edits, means), record("*")) as recording,
        ):
            model(SOURCE, TARGET)
        seen.append(recording)
    after, before = seen
    others = [0, 2, 3, 4]
    for tap in taps.values():
        assert torch.equal(after[tap][0, others], before[tap][0, others]), tap
    for tap in before:
        if before[tap].shape[0] == B:
            assert torch.equal(after[tap][1], before[tap][1]), tap
    for tap in below:
        assert torch.equal(after[tap], before[tap]), tap
    outputs = after[taps["head_outputs"]][0, 1], before[taps["head_outputs"]][0, 1]
    assert not torch.allclose(*outputs)
    assert torch.equal(outputs[0][:2], outputs[1][:2]) == (change == ".row3=k2")


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_is_put_on_one_key_and_others_stay(model, kind):
    short = {"encoder": "enc", "decoder": "dec", "cross": "cross"}[kind]
    seen, before = (seen_under(model, "*.weights", text) for text in (f"{short}.L1H2.row4=k2", ""))
    here = attention_tap(kind, 0)
    one = seen[here][:, 1, 3]
    assert (one[:, 1] == 1).all()
    assert (one.sum(-1) == 1).all()
    seen[here][:, 1, 3] = before[here][:, 1, 3]
    assert_close(seen[here], before[here], rtol=0, atol=1e-12)


def test_a_sentence_without_that_row_or_key_stays(model):
    short, long = sentences(3, 9)
    source = pad([[*short, END], [*long, END]], PAD)
    text = "cross.L1H1.row2=k8,cross.L2H1.row77=k1,enc.L1H1.row77=k1"
    before, now = plain(model, source), under(model, text, source=source)
    assert_close(now[0], before[0], rtol=0, atol=1e-10)
    assert (now[1] - before[1]).abs().max() > 1e-6
    one = torch.tensor([[*short, END]])
    assert_close(under(model, text, source=one, target=TARGET[:1]), before[:1], rtol=0, atol=1e-10)


def test_skipping_every_encoder_layer_feeds_the_embeddings_through(model):
    edits = ablating(model, [Ablation.parse("enc.L1=skip,enc.L2=skip")])
    with torch.no_grad(), probing(model, edits, record("encoder.embedding.output")) as seen:
        memory = model.encode(SOURCE)
    assert torch.equal(memory.stream, seen["encoder.embedding.output"])


def test_skipping_every_decoder_layer_scores_the_embeddings(model):
    text = "dec.L1=skip,dec.L2=skip,dec.L3=skip"
    embedded = seen_under(model, "decoder.embedding.output", text)["decoder.embedding.output"]
    assert_close(under(model, text), model.logits(embedded).detach(), rtol=0, atol=1e-12)


@pytest.mark.parametrize(("stack", "layer"), [("encoder", 0), ("encoder", 1), ("decoder", 1)])
def test_a_skipped_layer_is_a_model_without_it(model, stack, layer):
    shallow = build(small_config(**{f"n_{stack}_layers": len(getattr(model, stack).layers) - 1}))
    shallow = shallow.double().eval()
    weights = {}
    for name, tensor in model.state_dict().items():
        parts = name.split(".")
        if parts[:2] == [stack, "layers"]:
            number = int(parts[2])
            if number == layer:
                continue
            parts[2] = str(number - (number > layer))
        weights[".".join(parts)] = tensor
    shallow.load_state_dict(weights)
    text = f"{stack[:3]}.L{layer + 1}=skip"
    assert_close(under(model, text), plain(shallow), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("text", "module"),
    [
        ("enc.L2.self=skip", "encoder.layers.1.self_attention.output_projection"),
        ("enc.L1.ffn=skip", "encoder.layers.0.feed_forward.outer"),
        ("dec.L3.self=skip", "decoder.layers.2.self_attention.output_projection"),
        ("dec.L1.cross=skip", "decoder.layers.0.cross_attention.output_projection"),
        ("dec.L2.ffn=skip", "decoder.layers.1.feed_forward.outer"),
    ],
)
def test_a_skipped_sublayer_is_a_model_where_it_ends_in_zeros(text, module):
    model = small_model(small_config(attention_bias=True))
    without = copy.deepcopy(model)
    for parameter in without.get_submodule(module).parameters():
        parameter.data.zero_()
    assert_close(under(model, text), plain(without), rtol=0, atol=1e-12)


def test_more_examples_than_ablations_are_refused(model):
    with pytest.raises(ValueError, match=r"^the batch holds example 3, but edits are given for 2"):
        under(model, "enc.L1H1=0", "", source=random_ids(3, 7), target=random_ids(3, 5))


def test_an_ablation_of_another_shape_is_refused(model):
    with pytest.raises(ValueError, match=r"^enc\.L3H1=0: there is no layer 3"):
        ablating(model, [Ablation.parse("enc.L3H1=0")])


def ones(model, kind, rows=1):
    return torch.ones(rows, n_layers(model.config, kind), model.config.n_heads)


@pytest.mark.parametrize("kind", KINDS)
def test_each_example_is_run_under_its_own_gates(model, kind):
    gates = torch.rand(B, n_layers(model.config, kind), model.config.n_heads)

    def gated(gates, source, target):
        with torch.no_grad(), probing(model, head_gates({kind: gates})):
            return model(source, target)

    together = gated(gates, SOURCE, TARGET)
    for row in range(B):
        one = slice(row, row + 1)
        assert_close(together[one], gated(gates[one], SOURCE[one], TARGET[one]), rtol=0, atol=1e-10)


def test_gates_are_the_factors_of_an_ablation(model):
    gates = {kind: ones(model, kind) for kind in KINDS}
    gates["decoder"][0, 1, 3] = 0.25
    with torch.no_grad(), probing(model, head_gates(gates)):
        gated = model(SOURCE, TARGET)
    assert_close(gated, under(model, "dec.L2H4=0.25"), rtol=0, atol=1e-12)


def test_gates_of_more_layers_than_the_model_has_are_refused(model):
    gates = head_gates({"encoder": torch.ones(1, 3, 5)})
    with (
        pytest.raises(KeyError, match=r"no tap is called 'encoder\.layers\.2\."),
        probing(model, gates),
    ):
        pass


POSITIONS = ["sinusoidal", "sinusoidal_halves", "learned", "none"]


@pytest.mark.parametrize("positions", POSITIONS)
def test_positions_off_are_a_model_without_positions(positions):
    model = small_model(small_config(positions=positions))
    without = small_model(small_config(positions="none"))
    weights = {n: w for n, w in model.state_dict().items() if n != "embedding.positions"}
    without.load_state_dict(weights)
    assert_close(under(model, "pos=off"), plain(without), rtol=0, atol=1e-12)
    assert torch.equal(plain(model), plain(without)) == (positions == "none")


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("pos=shift:5", [5, 6, 7, 8, 9, 10, 11]),
        ("pos=scale:3", [0, 3, 6, 9, 12, 15, 18]),
        ("pos=scale:0.5", [0, 0, 1, 1, 2, 2, 3]),
        ("pos=scale:0", [0] * 7),
    ],
)
def test_moved_positions_are_other_rows_of_the_encoding(model, text, rows):
    """Section 3.5: the row added at p is PE(p + k), or PE(k · p)."""
    seen = seen_under(model, "*.embedding.positions", text)
    table = sinusoids(61, 26).double()
    assert torch.equal(seen["encoder.embedding.positions"][0], table[rows])
    assert torch.equal(seen["decoder.embedding.positions"][0], table[rows[:5]])


@pytest.mark.parametrize("stack", ["encoder", "decoder"])
@pytest.mark.parametrize("change", ["off", "shift:3", "scale:3"])
def test_one_stack_can_be_moved_alone(model, stack, change):
    names = "*.embedding.positions"
    before, seen = (
        seen_under(model, names, ""),
        seen_under(model, names, f"{stack[:3]}.pos={change}"),
    )
    changed = {name for name in seen if not torch.equal(seen[name], before[name])}
    assert changed == {f"{stack}.embedding.positions"}


def test_a_shift_that_leaves_the_table_says_so(model):
    with pytest.raises(ValueError, match=r"^position 61 is beyond max_positions=61; shorten"):
        under(model, "pos=shift:55")
    with pytest.raises(ValueError, match=r"^position -2 is negative; positions count from 0$"):
        under(model, "pos=shift:-2")
    under(model, "pos=shift:54")


def test_the_largest_changes_are_still_numbers():
    """In float32; positions are then far beyond the table, and named."""
    model = small_model(small_config()).float()
    every_head = ",".join(
        f"{kind}.L{layer}H{head}=1e9"
        for kind, n in (("enc", 2), ("dec", 3), ("cross", 3))
        for layer in range(1, n + 1)
        for head in range(1, 6)
    )
    assert under(model, every_head).isfinite().all()
    for change, position in (("scale:1e9", 6 * 10**9), ("shift:1e9", 10**9 + 6)):
        with pytest.raises(ValueError, match=rf"^position {position} is beyond max_positions=61;"):
            under(model, f"pos={change}")


@pytest.mark.parametrize("text", ["pos=shift:7", "pos=off", "dec.L2=skip,cross.L1H1.row2=k2"])
def test_a_trace_searches_and_captures_under_its_edits(tokenizer, text):
    """The cached, batched search takes the same positions as the forced pass."""
    model = small_model(small_config(vocabulary_size=397, max_positions=101))
    sentence, config = "The old man sees a red house.", SearchConfig(max_extra_pieces=7)
    before = trace(model, tokenizer, sentence, config=config)
    edits = ablating(model, [Ablation.parse(text)])
    traced = trace(model, tokenizer, sentence, config=config, edits=[edits])
    ids = tokenizer.encode(sentence)
    with probing(model, edits):
        searched = search(model, [ids], config)[0]  # its encoder may run by another kernel
        weights = capture_weights(model, [*ids, END], [START, *traced.best.tokens])
    assert [node.token for node in traced.found.tree] == [node.token for node in searched.tree]
    totals = [[node.total_nats for node in found.tree] for found in (traced.found, searched)]
    np.testing.assert_allclose(*totals, atol=1e-10)
    for kind in KINDS:
        np.testing.assert_allclose(traced.weights[kind], weights[kind], atol=1e-6)
    assert traced.found != before.found
    assert trace(model, tokenizer, sentence, config=config).found == before.found
