"""`why-there`: why a head looks where it does."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from core.analysis.head_place import HeadPlace
from core.cli.opening import open_checkpoint
from core.config import SearchConfig
from core.system.text_tables import aligned


@dataclass(frozen=True, kw_only=True)
class WhyThere:
    """Split the scores of one query of a head by the parts of the model that wrote query and keys.

    Prints, for each key, what each writer of the keys adds to the score q·k/√d_k; they add up to it.
    """

    text: Annotated[str, tyro.conf.Positional]
    """The sentence."""
    checkpoint: Path
    """A checkpoint folder, such as checkpoints/en-de."""
    head: str
    """The head, such as cross.L1H6."""
    query: int = 1
    """The row, from 1: a source piece, or a step of the translation."""
    json: bool = False
    """Print JSON, with the part of every pair of writers."""
    device: str = "auto"

    def execute(self, arguments: Sequence[str]) -> None:
        from core.analysis.heads.measures import keys_of
        from core.analysis.scores.parts import score_parts
        from core.checkpoint.bundled import resolve
        from core.translator import Translator

        place = HeadPlace.labelled(self.head)
        checkpoint = open_checkpoint(resolve(self.checkpoint), self.device)
        trace = Translator(checkpoint).trace(self.text, SearchConfig())
        n_queries = len(trace.source.pieces if place.kind == "encoder" else trace.steps)
        if not 1 <= self.query <= n_queries:
            raise ValueError(f"--query must be from 1 to {n_queries} here, not {self.query}")
        found = score_parts(checkpoint.model, trace, place, self.query - 1)
        keys = [piece.name for piece in keys_of(trace, place.kind)][: found.parts.shape[-1]]
        if self.json:
            print(json.dumps({
                "query_writers": found.query_writers, "key_writers": found.key_writers, "keys": keys,
                "parts": found.parts.tolist(),
            }))  # fmt: skip
            return
        by_key = found.parts.sum(0)
        rows = [("written by", *keys)]
        rows += [
            (name, *(f"{part:+.2f}" for part in parts))
            for name, parts in zip(found.key_writers, by_key, strict=True)
            if parts.any()
        ]
        rows.append(("score", *(f"{score:+.2f}" for score in found.scores)))
        print(aligned(rows))
