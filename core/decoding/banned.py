"""The tokens that no search method writes into a translation."""

from collections.abc import Collection

from core.config import ModelConfig


def banned_ids(config: ModelConfig, unwritable: Collection[int] = ()) -> frozenset[int]:
    """The ids that search and sampling never choose; a forced prefix may contain them.

    Those of the model (`ModelConfig.banned_ids`), and those that its vocabulary never writes; the
    end token is never among them.

    Args:
        unwritable: the ids that the vocabulary never writes (`Vocabulary.unwritable`).
    """
    return config.banned_ids | (frozenset(unwritable) - {config.end_id})
