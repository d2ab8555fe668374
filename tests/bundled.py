"""The bundled English-German model, and what another training of it would change.

Tests that compare a page with it take heads and numbers from here, not from memory.
"""

import json
from functools import cache

import core
from core.analysis.ablation import Ablation
from core.analysis.effects.sentence import SentenceEffect, sentence_effects
from core.analysis.effects.sweeps import every_head, sweep
from core.analysis.head_place import HeadPlace
from core.analysis.trace.trace import Trace
from core.checkpoint.bundled import bundled_root
from core.translator import Translator
from explorer.choice.examples import EXAMPLES

EN_DE = bundled_root() / "en-de"


@cache
def translator() -> Translator:
    return core.load(EN_DE)


@cache
def best_head() -> HeadPlace:
    """Of cross-attention, the one that finds hand-aligned words best; its rows say where it looks."""
    alignment = json.loads((EN_DE / "metrics.json").read_text("utf-8"))["alignment"]
    return HeadPlace.numbered("cross", alignment["layer"], alignment["head"])


OFF = f"{best_head().label}=0"
"""The ablation that switches it off."""


@cache
def traced(text: str = EXAMPLES[0]) -> Trace:
    return translator().trace(text)


@cache
def worth_of_heads() -> dict[str, float]:
    """Each head's label, and what the translation of the first example loses without it, in nats."""
    model = translator().checkpoint.model
    swept = sweep(model, traced(), list(every_head(model.config)))
    places = [ablation.parts[0].place for ablation in swept.ablations]
    return dict(zip(places, swept.delta_nats.tolist(), strict=True))


@cache
def effect_of(ablation: str, text: str = EXAMPLES[0]) -> SentenceEffect:
    """What the ablation does to a sentence."""
    checkpoint = translator().checkpoint
    (effect,) = sentence_effects(
        checkpoint.model, checkpoint.vocabulary, traced(text), [Ablation.parse(ablation)]
    )
    return effect
