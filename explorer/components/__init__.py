"""Streamlit components without a build step: pictures that are drawn and clicked in the browser.

Each component is a Python file that packs the data and a `.js` and `.css` file beside it.
"""

import json
from pathlib import Path
from typing import Any

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
