"""Every signature of `core` tells the truth: its letters and types are checked while it runs.

In a process of its own, because the checks cost half of the time of all that they watch. The whole
suite runs under them with `pytest --jaxtyping-packages=core,beartype.beartype`.
"""

import pytest

from tests.core.helpers import run_python

CHECKED = """
    import jaxtyping

    watched = ["model", "text", "decoding", "evaluation", "training.loss", "analysis"]
    jaxtyping.install_import_hook([f"core.{name}" for name in watched], "beartype.beartype")
"""


@pytest.mark.slow
def test_a_training_a_search_and_a_trace_keep_to_their_signatures(tmp_path):
    """Every dimension is another number, so that a letter that is two numbers is found out."""
    run_python(
        CHECKED
        + """
    import sys
    from pathlib import Path

    import torch
    from core.analysis.ablation import Ablation
    from core.analysis.ablation.edits import ablating
    from core.analysis.ablation.head_means import head_means
    from core.analysis.head_place import HeadPlace
    from core.analysis.alignment.gold import GoldAlignment
    from core.analysis.alignment.measure import measure_alignment
    from core.analysis.heads.rollout import decoder_rollout, encoder_rollout
    from core.checkpoint.folder import Checkpoint
    from core.config import SearchConfig
    from core.text.toy_grammar import sentence_pairs
    from core.analysis.effects.corpus import corpus_effects
    from core.decoding.search import search
    from core.analysis.effects.sentence import sentence_effects
    from core.evaluation.likelihood import likelihood_statistics
    from core.evaluation.scores import translation_scores
    from core.analysis.effects.pruning import pruning_curves
    from core.analysis.trace.head_internals import head_internals
    from core.analysis.trace.self_check import self_check
    from core.analysis.heads.measures import MEASURES, ranked_heads
    from core.model import build, edit, probing, record
    from core.config import KINDS
    from core.analysis.effects.sweeps import head_effects
    from core.text.vocabulary import JointVocabulary
    from core.analysis.trace.capture import trace
    from core.analysis.heads.word_attention import aligned_words
    from tests.core.helpers import bare, random_corpus, random_ids, sentences, small_config, small_model
    from tests.core.processes import small_trainer

    corpus = random_corpus(17)
    small_trainer(
        Path(sys.argv[1]), corpus, validation={"x": corpus}, tokens_per_microbatch=17,
        p_dropout=0.1, validate_every=2,
    ).train()
    for positions in ("sinusoidal", "sinusoidal_halves", "learned", "none"):
        for bias in (False, True):
            config = small_config(positions=positions, attention_bias=bias, output_bias=bias)
            model = small_model(config)
            with probing(model, edit({"*": lambda tensor: tensor}), record()):
                model(random_ids(3, 7), random_ids(3, 5))
    for method in ("greedy", "beam", "sample"):
        settings = SearchConfig(method=method, max_extra_pieces=3)
        search(model, sentences(7, 2, 11), settings, [[], [5], [7, 9]])
    likelihood_statistics(bare(model), sentences(7, 2), sentences(3, 5))
    translation_scores(["a b c d", "e"], ["a b c d", "f"])
    tokenizer = JointVocabulary.learn([text for pair in sentence_pairs(300) for text in pair], 397)
    model = small_model(small_config(vocabulary_size=397, max_positions=101))
    traced = trace(model, tokenizer, "The old man sees a house.", config=settings)
    aligned_words(traced, HeadPlace("cross", 0, 1), rows="consumed")
    text = "pos=scale:0.5,enc.L1H2=0.5,cross.L2H1=uniform,dec.L1H1.row2=k1,enc.L2.ffn=skip,dec.L3=skip"
    edits = [ablating(model, [Ablation.parse(text), Ablation()])]
    trace(model, tokenizer, "The man", config=settings, edits=edits)
    self_check(model, traced)
    head_effects(model, traced)
    sentence_effects(model, tokenizer, traced, [Ablation.parse(text), Ablation()])
    checkpoint = Checkpoint(model, tokenizer)
    pairs = list(sentence_pairs(3))
    averages = head_means(checkpoint, pairs)
    one = Ablation.parse("cross.L1H1=mean")
    corpus_effects(checkpoint, pairs, [one], search=settings, means=averages)
    pruning_curves(checkpoint, pairs, pairs, n_steps=2, n_random=1, search=settings)
    encoder = encoder_rollout(traced.weights["encoder"])
    decoder_rollout(traced.weights["decoder"], traced.weights["cross"], encoder[-1])
    ranked_heads(traced, 0)
    for kind in KINDS:
        head_internals(model, traced, HeadPlace(kind, 1, 2))
        for measure in MEASURES.values():
            measure.function(traced, kind, None)
    gold = GoldAlignment(frozenset({(0, 0)}), frozenset({(0, 0)}))
    measure_alignment(Checkpoint(model, tokenizer), ["the man"], ["der Mann"], [gold])
    """,
        str(tmp_path),
    )


@pytest.mark.slow
def test_a_wrong_shape_is_found_out():
    run_python(
        CHECKED
        + """
    import torch
    from core.model.attention import attention_scores, attention_weights

    def refused(function, *shapes):
        tensors = [torch.zeros(shape, dtype=torch.bool if len(s) else None) for s, shape in shapes]
        try:
            function(*tensors)
        except jaxtyping.TypeCheckError:
            return True
        return False

    assert not refused(attention_scores, ("", (2, 3, 5, 11)), ("", (2, 3, 7, 11)))
    assert refused(attention_scores, ("", (2, 3, 5, 11)), ("", (2, 5, 7, 11)))  # other heads
    assert not refused(attention_weights, ("", (2, 3, 5, 7)), ("bool", (2, 1, 1, 7)))
    assert refused(attention_weights, ("", (2, 3, 5, 7)), ("bool", (2, 1, 7, 5)))  # turned
    assert refused(attention_weights, ("", (2, 3, 5, 7)), ("", (2, 1, 5, 7)))  # no mask
    """
    )
