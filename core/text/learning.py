"""Learn byte-pair pieces with SentencePiece, and explain the errors that it raises."""

import io
import re
from collections.abc import Iterable

import sentencepiece

from core.config import SpecialIds
from core.text.pieces import normalise, without_controls

IDS = SpecialIds(pad=0, unknown=1, start=2, end=3)
"""The special ids of every joint vocabulary that this project learns."""
N_SPECIAL_AND_BYTES = 4 + 256


class SizeError(ValueError):
    """A text allows no vocabulary of the size asked for, but one of `size`."""

    def __init__(self, relation: str, size: int) -> None:
        super().__init__(f"at {relation} {size}")
        self.size = size


def learnt_pieces(
    lines: Iterable[str], vocabulary_size: int, n_threads: int, *, is_most: bool = False
) -> bytes:
    """A SentencePiece model of byte-pair pieces, characters and bytes.

    SentencePiece runs with its `identity` rule: the text is normalised by `normalise`. Control
    characters are part of no piece.

    Args:
        is_most: accept a smaller size if the text does not allow this many pieces.

    Raises:
        SizeError: if the text allows only a smaller size, or characters and bytes need a larger
        one.
        ValueError: if the text has no words.
    """
    if vocabulary_size <= N_SPECIAL_AND_BYTES:
        raise ValueError(
            f"vocabulary_size={vocabulary_size} must exceed {N_SPECIAL_AND_BYTES}, "
            "the special and byte pieces"
        )
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=(normalise(without_controls(line)) for line in lines),
            model_writer=model,
            model_type="bpe",
            vocab_size=vocabulary_size,
            hard_vocab_limit=not is_most,
            byte_fallback=True,
            character_coverage=0.9999,
            normalization_rule_name="identity",
            input_sentence_size=2_000_000,
            shuffle_input_sentence=True,
            num_threads=n_threads,
            pad_id=IDS.pad,
            unk_id=IDS.unknown,
            bos_id=IDS.start,
            eos_id=IDS.end,
            minloglevel=2,
        )
    except RuntimeError as error:
        raise _explained(str(error)) from None
    return model.getvalue()


def _explained(error: str) -> ValueError:
    """What an error of SentencePiece means."""
    if found := re.search(r"too high \(\d+\)\. Please set it to a value <= (\d+)", error):
        return SizeError("most", int(found[1]))
    if found := re.search(r"smaller than required_chars\. \d+ vs (\d+)", error):
        return SizeError("least", int(found[1]))
    if "sentences_.empty()" in error:
        return ValueError("no vocabulary can be learnt: the text has no words")
    return ValueError(f"no vocabulary can be learnt from this text ({error.strip()})")
