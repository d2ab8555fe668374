"""A tiny exact model, and one sentence traced by it with a translation of several words."""

from typing import Any

from core.analysis.trace.capture import trace
from core.analysis.trace.trace import Trace
from core.model import Transformer
from core.text.vocabulary import JointVocabulary
from tests.core.helpers import small_config, small_model

SENTENCE = "The old man sees a red Häuschen."
TRANSLATION = "Der alte Mann sieht ein rotes Haus."


def model_for(tokenizer: JointVocabulary, **changes: Any) -> Transformer:
    shape = {"vocabulary_size": len(tokenizer.names), "max_positions": 101, **changes}
    return small_model(small_config(**shape))


def traced_by(model: Transformer, tokenizer: JointVocabulary) -> Trace:
    """With a translation of several words, which random weights do not make by themselves."""
    return trace(model, tokenizer, SENTENCE, prefix=[*tokenizer.encode(TRANSLATION), 3])
