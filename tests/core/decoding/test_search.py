"""Search: against brute force on written-down distributions, and against forced passes of a model."""

import copy
import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.config import SearchConfig
from core.decoding.hypotheses import length_penalty, max_target_pieces
from core.decoding.result import SearchResult
from core.decoding.search import SourceTooLongError, search
from core.model import DecoderState
from tests.core.helpers import END, START, sentences, small_config, small_model
from tests.core.scripted import ScriptedModel

LETTERS = (4, 5, 6)
VOCABULARY = 7
METHODS = {
    "greedy": SearchConfig(method="greedy", max_extra_pieces=5),
    "beam": SearchConfig(beam_size=3, max_extra_pieces=5),
    "sample": SearchConfig(method="sample", max_extra_pieces=5, seed=7),
}
SOURCES = sentences(7, 2, 11, 1, 5)


def random_script(seed: int, sharpness: float = 2.0, end: float = 0.0):
    """Independent random logits for every history; special pieces take their share too."""

    def script(source, produced):
        logits = np.random.default_rng((seed, source, *produced)).normal(size=VOCABULARY)
        logits *= sharpness
        logits[END] += end
        return logits.tolist()

    return script


def constant_script(*logits):
    return lambda source, produced: list(logits)


def log_probabilities(script, source, produced):
    logits = torch.tensor(script(source, produced), dtype=torch.float64)
    return logits.log_softmax(-1).tolist()


def total_nats(script, source, tokens):
    """Log-probability of a whole translation, `</s>` included."""
    return sum(
        log_probabilities(script, source, tuple(tokens[:n]))[token]
        for n, token in enumerate([*tokens, END])
    )


def every_translation(longest):
    for n in range(longest + 1):
        yield from itertools.product(LETTERS, repeat=n)


PENALTIES = {
    "gnmt": lambda n, alpha: ((5 + n) / 6) ** alpha,
    "power": lambda n, alpha: n**alpha,
}


@pytest.mark.parametrize("name", PENALTIES)
@given(n_tokens=st.integers(1, 600), alpha=st.floats(0, 3))
def test_length_penalties_are_their_formulas(name, n_tokens, alpha):
    config = SearchConfig(length_penalty=name, alpha=alpha)
    assert length_penalty(n_tokens, config) == pytest.approx(PENALTIES[name](n_tokens, alpha))


@settings(max_examples=15)
@pytest.mark.parametrize("penalty", PENALTIES)
@given(
    seed=st.integers(0, 10**6), alpha=st.sampled_from([0.0, 0.6, 1.0, 2.5]), end=st.floats(-3, 3)
)
def test_a_beam_wide_enough_finds_the_best_of_all(penalty, seed, alpha, end):
    """Brute force over all translations of up to three pieces."""
    script = random_script(seed, end=end)
    config = SearchConfig(
        beam_size=60, length_penalty=penalty, alpha=alpha, max_target_pieces=3, n_candidates=0
    )
    (found,) = search(ScriptedModel(script, VOCABULARY), [[4]], config)
    scores = {
        tokens: total_nats(script, 4, tokens) / PENALTIES[penalty](len(tokens) + 1, alpha)
        for tokens in every_translation(3)
    }
    best = max(scores, key=scores.get)
    assert found.best.tokens == best
    assert found.best.score == pytest.approx(scores[best], rel=1e-12)
    assert found.best.log_probability_nats == pytest.approx(total_nats(script, 4, best), rel=1e-12)


def literal_beam(script, source, width, longest, config):
    """Beam search as one would explain it, without a stop: (score, tokens) of every end met."""
    open_ones, ends = [(0.0, ())], []
    while open_ones:
        continued = []
        for total, tokens in open_ones:
            step = log_probabilities(script, source, tokens)
            allowed = (END,) if len(tokens) == longest else (END, *LETTERS)
            continued += [(total + step[token], (*tokens, token)) for token in allowed]
        continued.sort(key=lambda option: -option[0])
        for total, tokens in continued[:width]:
            if tokens[-1] == END:
                ends.append((total / length_penalty(len(tokens), config), tokens[:-1]))
        open_ones = [option for option in continued if option[1][-1] != END][:width]
    return sorted(ends, reverse=True)


@settings(max_examples=25)
@given(
    seed=st.integers(0, 10**6), width=st.integers(2, 5), end=st.floats(-2, 2),
    alpha=st.sampled_from([0.0, 0.6, 1.5]),
)  # fmt: skip
def test_a_narrow_beam_is_beam_search(seed, width, end, alpha):
    script = random_script(seed, end=end)
    config = SearchConfig(beam_size=width, alpha=alpha, max_target_pieces=4)
    (found,) = search(ScriptedModel(script, VOCABULARY), [[5]], config)
    score, tokens = literal_beam(script, 5, width, 4, config)[0]
    assert found.best.tokens == tokens
    assert found.best.score == pytest.approx(score, rel=1e-12)


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), width=st.integers(2, 5), alpha=st.sampled_from([0.0, 0.6, 1.5]))
def test_stopping_early_costs_nothing(seed, width, alpha):
    def found_with(goes_on):
        with pytest.MonkeyPatch.context() as patch:
            if goes_on:
                patch.setattr("core.decoding.hypotheses.HypothesisTree._goes_on", goes_on)
            model = ScriptedModel(random_script(seed, end=1.5), VOCABULARY)
            config = SearchConfig(beam_size=width, alpha=alpha, max_target_pieces=9)
            return search(model, [[5]], config)[0], model.n_decoded_rows

    early, n_rows_early = found_with(None)
    late, n_rows_late = found_with(lambda self, opened: bool(opened))
    assert early.best == late.best
    assert n_rows_early <= n_rows_late


def test_a_search_without_length_reward_stops_at_once_when_nothing_can_win():
    model = ScriptedModel(constant_script(0, 0, 0, 9, 1, 1, 1), VOCABULARY)
    (found,) = search(model, [[5]], SearchConfig(alpha=0.0))
    assert found.best.tokens == ()
    assert model.n_decoded_rows == 1


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_beam_of_one_is_greedy(model, seed):
    sources = sentences(3, 7, 2, seed=seed)
    greedy = METHODS["greedy"]
    beam = greedy.replace(method="beam", beam_size=1)
    assert search(model, sources, beam) == search(model, sources, greedy)


def test_greedy_takes_the_most_probable_piece_at_every_step(model):
    for source, found in zip(SOURCES, search(model, SOURCES, METHODS["greedy"]), strict=True):
        produced = [START]
        while produced[-1] != END:
            logits = model(torch.tensor([[*source, END]]), torch.tensor([produced]))[0, -1]
            logits[[0, 1, 2]] = -math.inf
            is_full = len(produced) - 1 == len(source) + 5
            produced.append(END if is_full else int(logits.argmax()))
        assert found.best.tokens == tuple(produced[1:-1])
        assert len(found.hypotheses) == 1


def assert_same(one: SearchResult, other: SearchResult) -> None:
    """Equal in everything discrete, and in float64 numbers up to the order of summation."""
    assert [h.tokens for h in one.hypotheses] == [h.tokens for h in other.hypotheses]
    assert [(n.parent, n.token, n.is_end) for n in one.tree] == [
        (n.parent, n.token, n.is_end) for n in other.tree
    ]
    assert one.ends == other.ends
    for mine, theirs in zip(one.hypotheses, other.hypotheses, strict=True):
        assert mine.score == pytest.approx(theirs.score, rel=1e-10)
        assert mine.is_cut == theirs.is_cut
        for step, their_step in zip(mine.steps, theirs.steps, strict=True):
            assert [c.token for c in step.candidates] == [c.token for c in their_step.candidates]


@pytest.mark.parametrize("method", METHODS)
def test_a_batch_of_one_is_a_batch_of_many(model, method):
    many = search(model, SOURCES, METHODS[method])
    for source, found in zip(SOURCES, many, strict=True):
        (alone,) = search(model, [source], METHODS[method])
        assert_same(alone, found)


@pytest.mark.parametrize("method", METHODS)
def test_another_toolkits_special_ids(method):
    """Marian's: `</s>` first, padding last, and decoding starts from padding."""
    marian = {"end_id": 0, "unknown_id": 1, "pad_id": 42, "start_id": 42}
    model = small_model(small_config(**marian))
    many = search(model, SOURCES, METHODS[method])
    for source, found in zip(SOURCES, many, strict=True):
        (alone,) = search(model, [source], METHODS[method])
        assert_same(alone, found)
        assert not {0, 1, 42} & set(found.best.tokens)


def test_sources_stay_where_they_are_only_while_every_row_keeps_its_own(monkeypatch):
    """Two rows of the first sentence end at the step at which two held to a prefix become four."""
    kept = []
    original = DecoderState.select

    def rows(state, index, *, same_sources=False):
        kept.append(same_sources)
        if same_sources:
            sources = state.layers[0].cross.keys
            assert torch.equal(sources, sources.index_select(0, index))
        return original(state, index, same_sources=same_sources)

    monkeypatch.setattr(DecoderState, "select", rows)
    model = ScriptedModel(constant_script(0, 0, 0, -50, 1, 2, 0), VOCABULARY)
    config = SearchConfig(beam_size=2, max_extra_pieces=3)
    prefix = [5] * max_target_pieces(1, config, 1024)
    search(model, [[4], [5, 4, 4], [6, 4, 4]], config, [[], prefix, prefix])
    assert set(kept) == {True, False}


@pytest.mark.parametrize("method", METHODS)
def test_the_size_of_a_batch_changes_nothing(model, method, monkeypatch):
    whole = search(model, SOURCES, METHODS[method])
    monkeypatch.setattr("core.decoding.search.PIECES_AT_ONCE", 17)
    for one, other in zip(search(model, SOURCES, METHODS[method]), whole, strict=True):
        assert_same(one, other)


def forced_log_probabilities(model, source, tokens):
    """One uncached, teacher-forced pass: V numbers for each step."""
    target = torch.tensor([[START, *tokens]])
    with torch.no_grad():
        return model(torch.tensor([[*source, END]]), target)[0].log_softmax(-1)


@pytest.mark.parametrize("method", METHODS)
def test_cached_steps_equal_one_forced_pass(model, method):
    for source, found in zip(SOURCES, search(model, SOURCES, METHODS[method]), strict=True):
        for hypothesis in found.hypotheses:
            forced = forced_log_probabilities(model, source, hypothesis.tokens)
            tokens = [*hypothesis.tokens, END]
            assert [step.token for step in hypothesis.steps] == tokens
            for step, row, token in zip(hypothesis.steps, forced, tokens, strict=True):
                assert step.log_probability_nats == pytest.approx(row[token].item(), abs=1e-10)
                values, best = row.topk(5)
                assert [c.token for c in step.candidates] == best.tolist()
                assert [c.log_probability_nats for c in step.candidates] == pytest.approx(
                    values.tolist(), abs=1e-10
                )
            total = sum(step.log_probability_nats for step in hypothesis.steps)
            assert hypothesis.log_probability_nats == pytest.approx(total, abs=1e-10)


@pytest.mark.parametrize("method", METHODS)
def test_the_tree_is_what_was_explored(model, method):
    config = METHODS[method]
    width = config.beam_size if method == "beam" else 1
    for found in search(model, SOURCES, config):
        root, *nodes = found.tree
        assert (root.parent, root.token, root.depth, root.total_nats) == (-1, START, 0, 0.0)
        for number, node in enumerate(nodes, start=1):
            parent = found.tree[node.parent]
            assert node.parent < number
            assert not parent.is_end
            assert node.depth == parent.depth + 1
            assert node.total_nats == parent.total_nats + node.log_probability_nats
            assert node.score == node.total_nats / length_penalty(node.depth, config)
            assert node.is_end == (node.token == END)
        for depth in range(1, max(node.depth for node in nodes) + 1):
            assert sum(n.depth == depth and not n.is_end for n in nodes) <= width
        siblings = [(node.parent, node.token) for node in nodes]
        assert len(set(siblings)) == len(siblings)
        scores = [hypothesis.score for hypothesis in found.hypotheses]
        assert scores == sorted(scores, reverse=True)
        assert 1 <= len(scores) <= width
        for hypothesis, end in zip(found.hypotheses, found.ends, strict=True):
            path, node = [], end
            while node > 0:
                path.append(found.tree[node].token)
                node = found.tree[node].parent
            assert tuple(path[:0:-1]) == hypothesis.tokens
            assert found.tree[end].is_end
            assert found.tree[end].total_nats == hypothesis.log_probability_nats
            assert found.tree[end].score == hypothesis.score


def test_a_model_without_numbers_finds_nothing(model):
    broken = copy.deepcopy(model)
    broken.embedding.weight.data.fill_(math.nan)
    with pytest.raises(ValueError, match="log-probabilities are not numbers"):
        search(broken, [[5]])


@pytest.mark.parametrize("method", METHODS)
def test_a_prefix_is_forced(model, method):
    prefixes = [[9, 31], [], [5], [40, 41, 42], [17]]
    founds = search(model, SOURCES, METHODS[method], prefixes)
    for source, prefix, found in zip(SOURCES, prefixes, founds, strict=True):
        for hypothesis in found.hypotheses:
            assert list(hypothesis.tokens[: len(prefix)]) == prefix
            forced = forced_log_probabilities(model, source, hypothesis.tokens)
            expected = [
                row[t].item() for row, t in zip(forced, [*hypothesis.tokens, END], strict=True)
            ]
            steps = [step.log_probability_nats for step in hypothesis.steps]
            assert steps == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("method", ["greedy", "sample"])
def test_a_prefix_of_the_answer_changes_nothing(model, method):
    """A sample draws for forced pieces too, so that its random numbers stay in step."""
    config = METHODS[method]
    for source, found in zip(SOURCES, search(model, SOURCES, config), strict=True):
        for n in (1, len(found.best.tokens)):
            (again,) = search(model, [source], config, [found.best.tokens[:n]])
            assert again.best.tokens == found.best.tokens
            assert again.best.score == pytest.approx(found.best.score, rel=1e-10)


@pytest.mark.parametrize("method", METHODS)
def test_a_whole_translation_is_scored(model, method):
    translations = sentences(3, 7, 1, 0, 10, seed=31)
    founds = search(model, SOURCES, METHODS[method], [[*tokens, END] for tokens in translations])
    for source, tokens, found in zip(SOURCES, translations, founds, strict=True):
        forced = forced_log_probabilities(model, source, tokens)
        total = sum(row[token].item() for row, token in zip(forced, [*tokens, END], strict=True))
        assert found.best.tokens == tuple(tokens)
        assert found.best.log_probability_nats == pytest.approx(total, abs=1e-10)
        assert found.best.score == pytest.approx(
            total / length_penalty(len(tokens) + 1, METHODS[method]), abs=1e-10
        )
        assert not found.best.is_cut
        assert len(found.hypotheses) == 1


@pytest.mark.parametrize("method", METHODS)
def test_scoring_in_one_pass_finds_what_steps_find(model, method, monkeypatch):
    """One source beside them that is searched for makes the search go step by step."""
    prefixes = [[*tokens, END] for tokens in sentences(3, 7, 1, 0, 10, seed=31)]
    passes = []

    def counted(target, state, decode=model.decode):
        passes.append(target.shape)
        return decode(target, state)

    monkeypatch.setattr(model, "decode", counted)
    at_once = search(model, SOURCES, METHODS[method], prefixes)
    assert len(passes) == 1
    by_step = search(model, [*SOURCES, [5, 6]], METHODS[method], [*prefixes, []])[:-1]
    for one, other in zip(at_once, by_step, strict=True):
        for found, expected in zip(one.best.steps, other.best.steps, strict=True):
            assert found.token == expected.token
            assert [each.token for each in found.candidates] == [
                each.token for each in expected.candidates
            ]
            np.testing.assert_allclose(
                [each.log_probability_nats for each in found.candidates],
                [each.log_probability_nats for each in expected.candidates],
                atol=1e-10,
            )
        assert [node.token for node in one.tree] == [node.token for node in other.tree]


def test_a_whole_translation_may_be_as_long_as_the_limit(model):
    tokens = sentences(12)[0]
    (found,) = search(model, [SOURCES[0]], METHODS["beam"], [[*tokens, END]])
    assert found.best.tokens == tuple(tokens)
    assert not found.best.is_cut


ENDLESS = constant_script(0, 0, 0, -50, 1, 2, 0)


@pytest.mark.parametrize("method", METHODS)
def test_an_endless_translation_is_cut(method):
    """Input length + 50 pieces, then `</s>` with its true probability."""
    model = ScriptedModel(ENDLESS, VOCABULARY)
    (found,) = search(model, [[4, 5, 6]], METHODS[method].replace(max_extra_pieces=50))
    assert len(found.best.tokens) == 53
    assert found.best.is_cut
    end_nats = log_probabilities(ENDLESS, 4, ())[END]
    assert found.best.steps[-1].token == END
    assert found.best.steps[-1].log_probability_nats == pytest.approx(end_nats)


def test_a_translation_that_ends_by_itself_is_not_cut():
    model = ScriptedModel(constant_script(0, 0, 0, 5, 1, 0, 0), VOCABULARY)
    assert not search(model, [[4]])[0].best.is_cut


def test_the_limit_is_input_plus_50_but_at_most_512_and_within_the_positions():
    config = SearchConfig()
    assert max_target_pieces(7, config, 1024) == 57
    assert max_target_pieces(500, config, 1024) == 512
    assert max_target_pieces(7, config.replace(max_extra_pieces=3, max_target_pieces=9), 1024) == 9
    assert max_target_pieces(500, config, 61) == 60


@pytest.mark.parametrize("method", METHODS)
def test_a_translation_ends_where_the_positions_do(model, method):
    """A prefix that nearly fills the table: one step more would have no position."""
    longest = model.config.max_positions - 1
    config = METHODS[method].replace(max_extra_pieces=100)
    (found,) = search(model, [[4, 5]], config, [[5] * longest])
    assert len(found.best.tokens) == longest
    assert found.best.is_cut


def test_a_source_longer_than_the_positions_is_refused(model):
    longest = model.config.max_positions - 1
    search(model, [[4] * longest], SearchConfig(max_target_pieces=1))
    with pytest.raises(
        SourceTooLongError, match=rf"has {longest + 1} pieces, but at most {longest} "
    ):
        search(model, [[4] * (longest + 1)], SearchConfig(max_target_pieces=1))


def test_more_target_pieces_than_positions_are_refused_before_any_work():
    model = ScriptedModel(constant_script(0, 0, 0, 5, 1, 0, 0), VOCABULARY)
    search(model, [[4]], SearchConfig(max_target_pieces=1023))
    n_decoded_rows = model.n_decoded_rows
    with pytest.raises(
        ValueError,
        match=r"^max_target_pieces=1024 is more .* has 1,024 positions, .*; at most 1,023 here$",
    ):
        search(model, [[4]], SearchConfig(max_target_pieces=1024))
    assert model.n_decoded_rows == n_decoded_rows


def test_the_default_limit_suits_a_model_of_few_positions(model):
    assert SearchConfig().max_target_pieces > model.config.max_positions
    assert search(model, [[4]], METHODS["greedy"].replace(max_extra_pieces=50))


def test_512_pieces_are_taken_and_513_are_not():
    model = ScriptedModel(constant_script(0, 0, 0, 5, 1, 0, 0), VOCABULARY)
    assert search(model, [[4] * 512])[0].best.tokens == ()
    with pytest.raises(SourceTooLongError, match=r" has 513 pieces, but at most 512 can be transl"):
        search(model, [[4] * 513])
    with pytest.raises(SourceTooLongError, match=r"^source 2 has 513 pieces"):
        search(model, [[4], [4] * 513])


def test_a_prefix_longer_than_the_limit_is_refused(model):
    with pytest.raises(
        ValueError,
        match=r"^the prefix for source 2 has 8 pieces, but its translation may have at most 7$",
    ):
        search(model, [[4], [4, 4]], METHODS["beam"], [[], [5] * 8])


def test_an_end_inside_a_prefix_is_refused(model):
    with pytest.raises(ValueError, match=r"^the prefix for source 2 has </s> before its end$"):
        search(model, [[4], [4]], METHODS["beam"], [[], [5, END, 5]])


def test_as_many_prefixes_as_sources(model):
    with pytest.raises(ValueError, match=r"zip\(\)"):
        search(model, [[4], [4]], METHODS["beam"], [[]])


def test_nothing_to_translate_is_nothing_found(model):
    assert search(model, []) == []


def test_an_empty_source_has_a_translation(model):
    (found,) = search(model, [[]], METHODS["beam"])
    assert len(found.best.tokens) <= 5


@pytest.mark.parametrize("method", METHODS)
def test_special_pieces_are_never_produced(method):
    """Padding, unknown and `<s>` may be as probable as they like."""
    model = ScriptedModel(constant_script(9, 8, 7, -2, 0, 1, 0), VOCABULARY)
    (found,) = search(model, [[4]], METHODS[method])
    assert {node.token for node in found.tree[1:]} <= {END, *LETTERS}
    assert [c.token for c in found.best.steps[0].candidates[:3]] == [0, 1, 2]  # but they are shown


@pytest.mark.parametrize("n_candidates", [0, 1, 6, 50])
def test_as_many_candidates_as_asked_for_and_there_are(n_candidates):
    model = ScriptedModel(random_script(3), VOCABULARY)
    config = METHODS["greedy"].replace(n_candidates=n_candidates)
    (found,) = search(model, [[4]], config)
    assert {len(step.candidates) for step in found.best.steps} == {min(n_candidates, VOCABULARY)}


def test_the_seed_decides_a_sample(model):
    config = METHODS["sample"]
    assert search(model, SOURCES, config) == search(model, SOURCES, config)
    others = [search(model, SOURCES[:1], config.replace(seed=s))[0].best.tokens for s in range(4)]
    assert len(set(others)) > 1


def test_a_sample_leaves_the_global_generator_alone(model):
    before = torch.get_rng_state()
    search(model, SOURCES[:1], METHODS["sample"])
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_samples_follow_the_distribution(temperature):
    """Three seeds of 512 pieces each; the squared deviations stay far below what chance forbids."""
    logits = [2.0, 0.0, 0.0, -60.0, 0.0, 1.0, 2.0]
    model = ScriptedModel(constant_script(*logits), VOCABULARY)
    config = SearchConfig(
        method="sample", temperature=temperature, max_extra_pieces=512, n_candidates=0
    )
    drawn = [
        token
        for seed in range(3)
        for token in search(model, [[4]], config.replace(seed=seed))[0].best.tokens
    ]
    counts = np.bincount(drawn, minlength=VOCABULARY)[list(LETTERS)]
    shares = np.exp(np.array(logits)[list(LETTERS)] / temperature)
    expected = len(drawn) * shares / shares.sum()
    assert counts.sum() == len(drawn) == 1_536
    assert ((counts - expected) ** 2 / expected).sum() < 20  # 2 degrees of freedom: p = 5e-5


def test_temperature_changes_the_choice_not_the_reported_probability():
    script = constant_script(0, 0, 0, -60, 0, 1, 2)
    model = ScriptedModel(script, VOCABULARY)
    (found,) = search(model, [[4]], METHODS["sample"].replace(temperature=5.0))
    for step in found.best.steps:
        assert step.log_probability_nats == pytest.approx(
            log_probabilities(script, 4, ())[step.token]
        )


def test_half_precision_logits_are_summed_in_float32(model):
    half = copy.deepcopy(model).to(torch.bfloat16)
    (found,) = search(half, SOURCES[:1], METHODS["greedy"])
    expected = sum(step.log_probability_nats for step in found.best.steps)
    assert found.best.log_probability_nats == pytest.approx(expected, rel=1e-9)
    first = found.best.steps[0]
    assert sum(math.exp(c.log_probability_nats) for c in first.candidates) <= 1 + 1e-6


@pytest.mark.gpu
@pytest.mark.parametrize("method", ["greedy", "beam"])
def test_a_gpu_finds_what_the_cpu_finds(model, method):
    on_gpu = copy.deepcopy(model).cuda()
    for one, other in zip(
        search(on_gpu, SOURCES, METHODS[method]),
        search(model, SOURCES, METHODS[method]),
        strict=True,
    ):
        assert_same(one, other)
