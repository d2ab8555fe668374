"""Effects on one sentence: nothing for nothing, and the numbers of whole runs for the rest."""

import json

import pytest
import torch
from torch.nn import functional

from core.analysis.ablation import Ablation
from core.analysis.ablation.edits import ablating
from core.analysis.effects.sentence import sentence_effects, step_effects
from core.analysis.effects.sweeps import sweep
from core.analysis.trace.capture import trace
from core.config import SearchConfig
from core.decoding.search import search
from core.model import probing
from tests.core.ablations import MANY, random_means
from tests.core.helpers import small_config, small_model

SENTENCE = "The old man sees a red house."


@pytest.fixture(scope="module")
def exact(tokenizer):
    """With the fourth seed, translations have words and differ under most of the ablations."""
    return small_model(small_config(vocabulary_size=397, max_positions=101), seed=4)


@pytest.fixture(scope="module")
def traced(exact, tokenizer):
    return trace(exact, tokenizer, SENTENCE, config=SearchConfig(max_extra_pieces=3))


@pytest.fixture(scope="module")
def effects(exact, tokenizer, traced):
    return sentence_effects(exact, tokenizer, traced, MANY, random_means())


def test_the_empty_ablation_has_no_effect(effects, traced):
    nothing = effects[0]
    assert str(nothing.ablation) == ""
    assert nothing.after == nothing.before == traced.target.text
    assert [run.change for run in nothing.diff] == ["same"]
    assert nothing.delta_nats == pytest.approx(0, abs=1e-10)
    assert nothing.kl_nats == pytest.approx(0, abs=1e-10)


@pytest.mark.parametrize("index", range(len(MANY)))
def test_numbers_are_those_of_whole_runs(exact, tokenizer, traced, effects, index):
    effect, means = effects[index], random_means()
    source = torch.tensor([[piece.id for piece in traced.source.pieces]])
    consumed = torch.tensor([[piece.id for piece in traced.consumed]])
    with torch.no_grad(), probing(exact, ablating(exact, [MANY[index]], means)):
        after = exact(source, consumed)[0].log_softmax(-1)
        (found,) = search(
            exact,
            [source[0, :-1].tolist()],
            traced.search,
            unwritable=tokenizer.unwritable,
        )
    with torch.no_grad():
        before = exact(source, consumed)[0].log_softmax(-1)
    kl = functional.kl_div(after, before, reduction="none", log_target=True).sum(-1)
    assert effect.after == tokenizer.decode(found.best.tokens)
    for row, (step, original) in enumerate(zip(effect.steps, traced.steps, strict=True)):
        assert step.token == original.token
        assert step.before_nats == pytest.approx(original.log_probability_nats, abs=1e-10)
        assert step.after_nats == pytest.approx(after[row, step.token].item(), abs=1e-10)
        assert step.kl_nats == pytest.approx(kl[row].item(), abs=1e-10)
        tokens = {*before[row].topk(5).indices.tolist(), *after[row].topk(5).indices.tolist()}
        assert {candidate.token for candidate in step.candidates} == tokens
        highest = [max(each.before_nats, each.after_nats) for each in step.candidates]
        assert highest == sorted(highest, reverse=True)
        for candidate in step.candidates:
            assert candidate.name == tokenizer.names[candidate.token]
            assert candidate.before_nats == pytest.approx(before[row, candidate.token].item())
            assert candidate.after_nats == pytest.approx(after[row, candidate.token].item())
    assert effect.delta_nats == pytest.approx(
        sum(s.after_nats - s.before_nats for s in effect.steps)
    )
    assert effect.kl_nats == pytest.approx(kl.mean().item(), abs=1e-10)


def test_some_translations_change_and_the_diff_leads_from_one_to_the_other(effects):
    changed = [effect for effect in effects if effect.after != effect.before]
    assert len(changed) > 5
    for effect in changed:
        assert " ".join(r.text for r in effect.diff if r.change != "added") == effect.before
        assert " ".join(r.text for r in effect.diff if r.change != "removed") == effect.after


def test_an_effect_is_plain_json(effects):
    value = json.loads(json.dumps(effects[1].to_json()))
    assert value["ablation"] == "cross.L3H5=0"
    assert value["delta_nats"] == effects[1].delta_nats
    assert value["steps"][0]["candidates"][0]["name"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "cross.L1H1.row2=k99",
            r"^cross\.L1H1\.row2=k99: there is no piece 99; pieces of this source are 1 to ",
        ),
        ("enc.L1H1.row98=k2", r"there is no piece 98"),
        ("enc.L9=skip", r"there is no layer 9"),
        ("cross.L1H1=mean", r"needs the mean"),
    ],
)
def test_what_the_sentence_or_the_model_lacks_is_named(exact, tokenizer, traced, text, message):
    with pytest.raises(ValueError, match=message):
        sentence_effects(exact, tokenizer, traced, [Ablation.parse(text)])


@pytest.mark.parametrize("kind", ["cross", "dec"])
def test_a_step_that_the_translation_lacks_is_no_finding(exact, tokenizer, traced, kind):
    """The last step is there, and the one after it is named."""
    n = len(traced.steps)
    last, beyond = (Ablation.parse(f"{kind}.L1H1.row{row}=k2") for row in (n, n + 1))
    named = rf"row{n + 1}=k2: there is no step {n + 1}; steps of this translation are 1 to {n}$"
    for effects in (
        lambda ablations: sentence_effects(exact, tokenizer, traced, ablations),
        lambda ablations: step_effects(exact, tokenizer, traced, ablations),
        lambda ablations: sweep(exact, traced, ablations),
    ):
        effects([last])
        with pytest.raises(ValueError, match=named):
            effects([last, beyond])
