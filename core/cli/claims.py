"""`claims`: published findings on what heads and layers do, put to the test on a checkpoint."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from core.cli.opening import open_checkpoint
from core.cli.task_options import TaskOptions

if TYPE_CHECKING:
    from core.experiments.claims.claims import Outcome


@dataclass(frozen=True, kw_only=True)
class ClaimsCommand:
    """Put 22 published findings to the test with what was measured of a checkpoint.

    Each gets a verdict: seen, not seen, undecided (intervals meet, or there are too few heads to tell),
    not measured (the line names the command that measures it), not testable here. With --source and
    --reference, roles, contributions and lenses are measured first where they are missing;
    --jobs and --scheduler are for that.
    """

    checkpoint: Path
    """A checkpoint folder, such as checkpoints/en-de."""
    trained: Path | None = None
    """Another checkpoint whose snapshots tell how models learn, where this one kept none."""
    table3: Path | None = None
    """The folder of the variants of Table 3, such as checkpoints/table3."""
    source: Path | None = None
    """A text to measure on, one sentence a line."""
    reference: Path | None = None
    """Its translation, line by line."""
    format: Literal["text", "markdown", "json"] = "text"
    device: str = "auto"
    tasks: TaskOptions = field(default_factory=TaskOptions)

    def execute(self, arguments: Sequence[str]) -> None:
        from core.checkpoint.bundled import resolve
        from core.checkpoint.weights import weights_hash
        from core.experiments.claims.claims import outcomes
        from core.experiments.claims.evidence import gather

        if (self.source is None) != (self.reference is None):
            raise ValueError("--source and --reference belong together; give both or neither")
        for option, of in (("--trained", self.trained), ("--table3", self.table3)):
            if of and not resolve(of).is_dir():
                raise ValueError(f"{option} {of}: there is no such folder")
        folder = resolve(self.checkpoint)
        checkpoint = open_checkpoint(folder, self.device)
        if self.source and self.reference:
            self._measure(folder, self.source, self.reference)
        evidence = gather(
            folder,
            weights_hash=weights_hash(checkpoint.model),
            alignment=checkpoint.metrics.get("alignment", {}),
            n_layers=checkpoint.config.n_encoder_layers,
            trained=resolve(self.trained) if self.trained else None,
            table3=self.table3,
        )
        print(_WRITERS[self.format](outcomes(evidence)))
        if self.format == "text" and evidence.notes:
            print("", *evidence.notes, sep="\n")

    def _measure(self, folder: Path, source: Path, reference: Path) -> None:
        """Measure what takes a minute or two and is missing."""
        from core.analysis.contributions.results import CONTRIBUTIONS
        from core.analysis.lens.results import LENS
        from core.analysis.roles.roles import ROLES
        from core.cli.contributions import ContributionsCommand
        from core.cli.lens import Lens
        from core.cli.roles import RolesCommand

        of_target = {
            "checkpoint": folder,
            "source": source,
            "device": self.device,
            "tasks": self.tasks,
        }
        if not (folder / ROLES).exists():
            RolesCommand(**of_target, target=reference).execute([])  # type: ignore[arg-type]
        if not (folder / CONTRIBUTIONS).exists():
            ContributionsCommand(**of_target, target=reference).execute([])  # type: ignore[arg-type]
        if not (folder / LENS).exists():
            Lens(**of_target, reference=reference).execute([])  # type: ignore[arg-type]


def _text(found: "Sequence[Outcome]") -> str:
    blocks = []
    for each in found:
        claim = each.claim
        said = each.numbers or (f"run {claim.needs}" if claim.needs else claim.test)
        blocks.append(f"{each.verdict.upper():18}{claim.says} ({claim.source})\n{'':18}{said}")
    return "\n".join(blocks)


def _markdown(found: "Sequence[Outcome]") -> str:
    from core.system.text_tables import markdown_table

    header = ("finding", "source", "test", "here", "verdict")
    rows = [
        (
            each.claim.says,
            f"[{each.claim.source}]({each.claim.url})",
            each.claim.test,
            each.numbers or (f"`{each.claim.needs}`" if each.claim.needs else ""),
            f"**{each.verdict}**",
        )
        for each in found
    ]
    return markdown_table([header, *rows])


def _json(found: "Sequence[Outcome]") -> str:
    return json.dumps(
        [
            {
                "name": each.claim.name,
                "says": each.claim.says,
                "source": each.claim.source,
                "url": each.claim.url,
                "test": each.claim.test,
                "verdict": each.verdict,
                "numbers": each.numbers,
            }
            for each in found
        ],
        ensure_ascii=False,
    )


_WRITERS = {"text": _text, "markdown": _markdown, "json": _json}
