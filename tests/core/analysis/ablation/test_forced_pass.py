"""A run that branches off where an ablation begins is the whole run, and costs less."""

import pytest
import torch
from torch.testing import assert_close

from core.analysis.ablation import Ablation, HeadChange
from core.analysis.ablation import forced_pass as forced_module
from core.analysis.ablation.edits import ablating
from core.analysis.ablation.forced_pass import ForcedPass
from core.config import KINDS
from core.model import build, edit, probing
from tests.core.ablations import MANY, random_means
from tests.core.helpers import random_ids, small_config, small_model

SOURCE, CONSUMED = random_ids(1, 7), random_ids(1, 5, seed=2)


def collected(run, ablations, means=None):
    found = {}
    for indices, logits in run.under(ablations, means):
        found.update(zip(indices, logits, strict=True))
    assert sorted(found) == list(range(len(ablations)))
    return [found[index] for index in range(len(ablations))]


MORE = ("enc.L1=skip,enc.L2=skip", "dec.L2=skip,dec.L3=skip", "dec.L1=skip,dec.L3=skip",
        "enc.L2=skip,dec.L1=skip", "enc.L2H1=0,dec.L1=skip,dec.L2=skip,dec.L3=skip",
        "dec.pos=shift:2", "dec.pos=off,cross.L2H1=0")  # fmt: skip
ALL = (*MANY, *map(Ablation.parse, MORE))


@pytest.mark.parametrize("pieces_at_once", [1, 25, 100_000])
def test_a_branch_is_the_whole_run(model, monkeypatch, pieces_at_once):
    monkeypatch.setattr(forced_module, "PIECES_AT_ONCE", pieces_at_once)
    means = random_means()
    branches = collected(ForcedPass(model, SOURCE, CONSUMED), ALL, means)
    for ablation, branch in zip(ALL, branches, strict=True):
        with torch.no_grad(), probing(model, ablating(model, [ablation], means)):
            assert_close(branch, model(SOURCE, CONSUMED)[0], rtol=0, atol=1e-10)


def test_a_branch_of_a_probed_run_is_probed(model):
    probe = edit({"encoder.embedding.tokens": lambda tensor: tensor * 0.5})
    (ablation,) = [Ablation.parse("dec.L2H2=0")]
    with torch.no_grad(), probing(model, probe):
        (branch,) = collected(ForcedPass(model, SOURCE, CONSUMED), [ablation])
        with probing(model, ablating(model, [ablation])):
            assert_close(branch, model(SOURCE, CONSUMED)[0], rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    ("text", "n_layers"),
    [("", 0), ("enc.L1H1=0", 5), ("enc.L2.ffn=skip", 4), ("dec.L1H1=0", 3), ("cross.L3H1=0", 1),
     ("dec.L2=skip", 1), ("dec.L3=skip", 0), ("enc.L2=skip", 3), ("enc.L1=skip,enc.L2=skip", 3),
     ("dec.L2=skip,dec.L3=skip", 0), ("enc.L1H1=0,enc.L2=skip", 5), ("pos=off", 5), ("dec.pos=off", 3), ("cross.L3H1=0,enc.L2H1=0", 4)],
)  # fmt: skip
def test_only_layers_from_the_first_changed_one_run(model, text, n_layers):
    """Counted by what runs: the recording holds one entry for each layer that did."""
    run = ForcedPass(model, SOURCE, CONSUMED)
    assert run.n_layers_run == 5
    ran = []

    def noted(tensor):
        ran.append(len(tensor))
        return tensor

    with probing(model, edit({f"{s}.layers.?.output": noted for s in ("encoder", "decoder")})):
        collected(run, [Ablation.parse(text), Ablation.parse(text)])
    assert sum(ran) == 2 * n_layers
    assert run.n_layers_run == 5 + 2 * n_layers
    assert run.n_layers_naive(2) == 15


@pytest.mark.parametrize("n", [4, 6])
def test_leaving_out_every_head_and_layer_costs_at_most_half(n):
    """Of the bundled model's depth, and of the paper's base model's."""
    config = small_config(n_encoder_layers=n, n_decoder_layers=n)
    model = build(config).eval()
    ablations = [
        Ablation((HeadChange(kind, layer, head),))
        for kind in KINDS
        for layer in range(n)
        for head in range(config.n_heads)
    ]
    ablations += [
        Ablation.parse(f"{s}.L{layer + 1}=skip") for s in ("enc", "dec") for layer in range(n)
    ]
    run = ForcedPass(model, SOURCE, CONSUMED)
    collected(run, ablations)
    assert run.n_layers_run <= run.n_layers_naive(len(ablations)) / 2


def test_the_sentence_need_not_be_as_long_as_its_translation():
    model = small_model(small_config(n_encoder_layers=1, n_decoder_layers=1))
    source, consumed = random_ids(1, 3), random_ids(1, 11, seed=2)
    (branch,) = collected(ForcedPass(model, source, consumed), [Ablation.parse("dec.L1H1=0")])
    assert branch.shape == (11, 43)
