"""What was measured once and is kept as a JSON file beside the weights it is of."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

Kept = TypeVar("Kept")


def read_kept(
    file: Path, from_json: Callable[[dict[str, Any]], Kept], *, made_with: str
) -> Kept | None:
    """What the file says; None if there is no such file.

    Args:
        made_with: the command that makes it.

    Raises:
        ValueError: if the file is there and cannot be read.
    """
    if not file.is_file():
        return None
    try:
        return from_json(json.loads(file.read_text("utf-8")))
    except (OSError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{file} cannot be read ({error}); make it again with: {made_with}"
        ) from None
