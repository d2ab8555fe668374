"""The parallel text that a command measures on."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.checkpoint.folder import Checkpoint
    from core.text.usable import UsablePairs


def read_usable(checkpoint: "Checkpoint", source: Path, target: Path) -> "UsablePairs":
    """The pairs of two files that a model can be measured on; prints how many it cannot.

    Raises:
        DataError: if the files are unreadable, not parallel, or hold no usable pair.
    """
    from core.text.parallel import read_pairs

    return usable_of(checkpoint, list(read_pairs(source, target)), source)


def usable_of(
    checkpoint: "Checkpoint", pairs: Sequence[tuple[str, str]], source: Path
) -> "UsablePairs":
    """The pairs that a model can be measured on; prints how many it cannot.

    Args:
        source: the file that the printed line names.

    Raises:
        DataError: if none is usable.
    """
    from core.evaluation.measurable import measurable

    used = measurable(checkpoint, pairs)
    say_left_out(source, used)
    return used


@contextmanager
def passes_shown() -> Iterator[None]:
    """A progress bar on standard error over all passes over texts that are made inside."""
    from tqdm import tqdm

    from core.checkpoint.text_tasks import listening

    with tqdm(unit="sentence", total=0, disable=None) as bar:

        def tell(n_new: int, n_left: int) -> None:
            bar.total = bar.n + n_new + n_left
            bar.update(n_new)

        with listening(tell):
            yield


def say_left_out(source: Path, used: "UsablePairs") -> None:
    """Print to standard error how many pairs are left out, if any are."""
    from core.text.usable import left_out

    if used.n_left_out:
        print(f"{source}: {left_out(used.n_left_out, used.max_pieces)}", file=sys.stderr)
