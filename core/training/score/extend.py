"""A checkpoint made ready for drafts: two more special pieces, and a segment vector."""

import torch

from core.config import ModelConfig
from core.model import Transformer, build
from core.text.vocabulary import RETRY, SEPARATOR, JointVocabulary

MARKS = (SEPARATOR, RETRY)


def with_marks(vocabulary: JointVocabulary) -> JointVocabulary:
    """The vocabulary with the pieces that a second attempt needs."""
    return vocabulary.with_marks(MARKS)


def config_with_drafts(config: ModelConfig) -> ModelConfig:
    """The shape of the model with drafts; the new ids are the last two of its vocabulary."""
    n = config.vocabulary_size
    return config.replace(vocabulary_size=n + len(MARKS), separator_id=n, retry_id=n + 1)


def model_with_drafts(model: Transformer) -> Transformer:
    """The same model with a row for each new piece and a segment vector of zeros.

    Without drafts it computes what it did before, but for the two new logits. Both rows begin as the
    start token's.
    """
    config = config_with_drafts(model.config)
    extended = build(config).to(model.embedding.weight)
    weights = dict(model.state_dict())
    start = weights["embedding.weight"][model.config.start_id]
    weights["embedding.weight"] = torch.cat(
        (weights["embedding.weight"], start.expand(len(MARKS), -1))
    )
    if "embedding.output_bias" in weights:
        bias = weights["embedding.output_bias"]
        weights["embedding.output_bias"] = torch.cat((bias, bias.new_zeros(len(MARKS))))
    weights["embedding.draft"] = start.new_zeros(config.d_model)
    extended.load_state_dict(weights)
    return extended
