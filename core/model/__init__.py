"""Section 3 of the paper, about a file for each subsection, and what reads and edits it as it runs.

`build(config)` makes the model; `probing(model, ...)` looks inside it or edits it.
"""

from core.model.decoder_state import DecoderState, Memory
from core.model.encoded_once import EncodedOnce, reusing
from core.model.taps import Edits, Recording, edit, place, placed, probing, record, tap_names
from core.model.transformer import Transformer, build

__all__ = [
    "DecoderState",
    "Edits",
    "EncodedOnce",
    "Memory",
    "Recording",
    "Transformer",
    "build",
    "edit",
    "place",
    "placed",
    "probing",
    "record",
    "reusing",
    "tap_names",
]
