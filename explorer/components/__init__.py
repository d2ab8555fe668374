"""Streamlit components without a build step: pictures that are drawn and clicked in the browser.

Each component is a Python file that packs the data and a `.js` and `.css` file beside it.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).parent


def source(*names: str) -> str:
    """The text of `.js` or `.css` files of this folder, one after the other."""
    return "\n".join((HERE / name).read_text("utf-8") for name in names)


def pack(meta: dict[str, Any], values: bytes) -> bytes:
    """A header and raw bytes in one message, so that weights travel without base64.

    Four bytes (little-endian) say how long the JSON header is; `unpack` in the scripts reads it.
    """
    header = json.dumps(meta, ensure_ascii=False).encode()
    return len(header).to_bytes(4, "little") + header + values


def pack_weights(weights: NDArray[np.floating[Any]]) -> bytes:
    """Weights from 0 to 1 in two bytes each, close enough to be written as any percentage.

    Only what is masked is 0. `weightsAt` in the scripts reads them.
    """
    levels = np.rint(65535 * np.clip(weights, 0, 1)).astype("<u2")
    seen: NDArray[np.uint16] = np.maximum(levels, (weights > 0).astype("<u2"))
    return seen.tobytes()
