"""`patch`: what carries the difference between two sentences."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from core.analysis.head_place import HeadPlace
from core.cli.opening import open_checkpoint
from core.config import KINDS, SearchConfig
from core.system.text_tables import aligned


@dataclass(frozen=True, kw_only=True)
class Patch:
    """Copy one head's output at a time from the run of the second sentence into that of the first.

    Where their translations part, a share says how much of the difference a head carries: 0 nothing,
    1 all of it. Prints the heads that carry most, or with --json all heads, source pieces and steps.
    """

    text: Annotated[str, tyro.conf.Positional]
    """The first sentence."""
    other: str
    """The second sentence, of as many pieces."""
    checkpoint: Path
    """A checkpoint folder, such as checkpoints/en-de."""
    most: int = 10
    """How many heads are printed."""
    json: bool = False
    """Print JSON, with every grid."""
    device: str = "auto"

    def execute(self, arguments: Sequence[str]) -> None:
        from core.analysis.patching.patch import patching
        from core.checkpoint.bundled import resolve
        from core.translator import Translator

        if self.most < 1:
            raise ValueError(f"--most must be 1 or more, not {self.most}")
        checkpoint = open_checkpoint(resolve(self.checkpoint), self.device)
        translator = Translator(checkpoint)
        one, two = (translator.trace(text, SearchConfig()) for text in (self.text, self.other))
        found = patching(checkpoint.model, one, two)
        names = checkpoint.vocabulary.target.names
        lines = [
            (
                grid.shares[layer, head],
                HeadPlace(kind, layer, head),
                names[grid.writes[layer, head]],
            )
            for kind in KINDS
            for grid in [found.heads[kind]]
            for layer in range(len(grid.shares))
            for head in range(grid.shares.shape[1])
        ]
        lines.sort(key=lambda line: -line[0])
        if self.json:
            print(json.dumps({
                "step": found.step + 1, "tokens": [names[found.of_a], names[found.of_b]],
                "differences": [found.difference_a, found.difference_b],
                "heads": {kind: grid.shares.tolist() for kind, grid in found.heads.items()},
                "source_stream": found.source_stream.shares.tolist(),
                "target_stream": found.target_stream.shares.tolist(),
            }))  # fmt: skip
            return
        print(f"{one.target.text}\n{two.target.text}\n")
        rows = [("head", "carries", "then the model writes")]
        rows += [(place.label, f"{share:.1%}", wrote) for share, place, wrote in lines[: self.most]]
        print(aligned(rows))
        print(
            f"\nThey part at step {found.step + 1}: {names[found.of_a]} or {names[found.of_b]}, "
            f"{found.difference_a:+.2f} and {found.difference_b:+.2f} logits apart"
        )
