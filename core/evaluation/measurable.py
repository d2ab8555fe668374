"""The pairs of a text that a model can be measured on."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.checkpoint.folder import Checkpoint
    from core.text.usable import UsablePairs


def measurable(checkpoint: "Checkpoint", pairs: Sequence[tuple[str, str]]) -> "UsablePairs":
    """The usable pairs of a text, whose sides are short enough for the search.

    Raises:
        DataError: if no pair is usable.
    """
    from core.decoding.search import max_source_pieces
    from core.text.parallel import DataError
    from core.text.usable import left_out, usable_pairs

    max_pieces = max_source_pieces(checkpoint.config) + 1
    used = usable_pairs(pairs, checkpoint.vocabulary, max_pieces)
    if not used.pairs:
        raise DataError(
            f"no pair can be measured: {left_out(used.n_left_out, max_pieces)}; give another text"
        )
    return used
