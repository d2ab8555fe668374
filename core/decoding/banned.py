"""The tokens that no search method writes into a translation."""

from collections.abc import Collection

from core.config import ModelConfig


def banned_ids(config: ModelConfig, unwritable: Collection[int] = ()) -> frozenset[int]:
    """The ids that search and sampling never choose; a forced prefix may contain them.

    Padding, start and unknown stand for no text; a model may be allowed to write the unknown token
    (`ModelConfig.writes_unknown`). The end token is never banned, even if it shares its id with one
    of them.

    Args:
        unwritable: further ids that the vocabulary never writes (`Vocabulary.unwritable`).
    """
    unknown = () if config.writes_unknown else (config.unknown_id,)
    return frozenset({config.pad_id, config.start_id, *unknown, *unwritable} - {config.end_id})
