"""`why`: why the model writes one token and not another."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from core.cli.opening import open_checkpoint
from core.config import SearchConfig
from core.system.text_tables import aligned

if TYPE_CHECKING:
    from core.analysis.trace.trace import Trace
    from core.checkpoint.folder import Checkpoint


@dataclass(frozen=True, kw_only=True)
class Why:
    """Say what each piece of source and prefix adds to one candidate of a step against another.

    Prints the amounts in logits, positive for the first candidate, and how far the method agrees with
    occlusion, which takes one piece away at a time.
    """

    text: Annotated[str, tyro.conf.Positional]
    """The sentence."""
    checkpoint: Path
    """A checkpoint folder, such as checkpoints/en-de."""
    step: int = 1
    """The step of the translation, from 1."""
    wanted: str = ""
    """A word; its first piece is asked for. By default the piece that the step writes."""
    other: str = ""
    """A word; its first piece is compared with. By default the most probable other one."""
    method: Literal["integrated_gradients", "gradient_input", "occlusion"] = "integrated_gradients"
    json: bool = False
    """Print JSON."""
    device: str = "auto"

    def execute(self, arguments: Sequence[str]) -> None:
        from core.analysis.contrast.attribution import agreement, contrast
        from core.checkpoint.bundled import resolve
        from core.translator import Translator

        checkpoint = open_checkpoint(resolve(self.checkpoint), self.device)
        trace = Translator(checkpoint).trace(self.text, SearchConfig())
        if not 1 <= self.step <= len(trace.steps):
            raise ValueError(f"--step must be from 1 to {len(trace.steps)} here, not {self.step}")
        wanted, other = self._tokens(checkpoint, trace)
        found, check = (
            contrast(
                checkpoint.model,
                trace,
                step=self.step - 1,
                wanted=wanted,
                other=other,
                method=method,
            )
            for method in (self.method, "occlusion")
        )
        names = checkpoint.vocabulary.target.names
        pieces = [
            *(("source", piece.name) for piece in trace.source.pieces),
            *(("written before", piece.name) for piece in trace.consumed[: self.step]),
        ]
        amounts = [*found.source.tolist(), *found.prefix.tolist()]
        if self.json:
            print(json.dumps({
                "wanted": names[wanted], "other": names[other], "difference": found.difference,
                "amounts": [[*piece, amount] for piece, amount in zip(pieces, amounts, strict=True)],
                "agreement_with_occlusion": agreement(found, check),
            }))  # fmt: skip
            return
        rows = [
            ("piece", "of", f"for {names[wanted]}, against {names[other]}"),
            *((name, of, f"{n:+.3f}") for (of, name), n in zip(pieces, amounts, strict=True)),
            ("difference", "", f"{found.difference:+.3f}"),
        ]
        print(aligned(rows))
        print(f"\n{self.method}; rank correlation with occlusion {agreement(found, check):.2f}")

    def _tokens(self, checkpoint: "Checkpoint", trace: "Trace") -> tuple[int, int]:
        """The two tokens that are compared.

        Raises:
            ValueError: if they are one, or a word has no piece.
        """
        step = trace.steps[self.step - 1]
        wanted = self._piece(checkpoint, self.wanted) if self.wanted else step.token
        rest = [each.token for each in step.candidates if each.token != wanted]
        other = self._piece(checkpoint, self.other) if self.other else rest[0]
        if wanted == other:
            raise ValueError("both words begin with the same piece; name two that differ")
        return wanted, other

    @staticmethod
    def _piece(checkpoint: "Checkpoint", word: str) -> int:
        tokens = checkpoint.vocabulary.target.encode(word)
        if not tokens:
            raise ValueError(f"{word!r} has no piece; give a word")
        return tokens[0]
