"""The command line: one dataclass per command, whose fields are its options."""

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import tyro

from core.cli.ablate import Ablate
from core.cli.align import Align
from core.cli.average import Average
from core.cli.claims import ClaimsCommand
from core.cli.contributions import ContributionsCommand
from core.cli.corpus import Corpus
from core.cli.evaluate import Evaluate
from core.cli.export import Export
from core.cli.gates import GatesCommand
from core.cli.import_ import Import
from core.cli.info import Info
from core.cli.learning import LearningCommand
from core.cli.lens import Lens
from core.cli.over_text import TextCommand
from core.cli.patch import Patch
from core.cli.prune import Means, Prune
from core.cli.roles import RolesCommand
from core.cli.score import Score
from core.cli.table3 import Table3
from core.cli.train import TYRO_CONFIG, Train
from core.cli.translate import TraceCommand, Translate
from core.cli.why import Why
from core.cli.why_there import WhyThere
from core.system.stopping import stoppable

Command = (
    Annotated[Train, tyro.conf.subcommand("train")]
    | Annotated[Translate, tyro.conf.subcommand("translate")]
    | Annotated[TraceCommand, tyro.conf.subcommand("trace")]
    | Annotated[Evaluate, tyro.conf.subcommand("evaluate")]
    | Annotated[Ablate, tyro.conf.subcommand("ablate")]
    | Annotated[Means, tyro.conf.subcommand("means")]
    | Annotated[Prune, tyro.conf.subcommand("prune")]
    | Annotated[GatesCommand, tyro.conf.subcommand("gates")]
    | Annotated[Align, tyro.conf.subcommand("align")]
    | Annotated[RolesCommand, tyro.conf.subcommand("roles")]
    | Annotated[ContributionsCommand, tyro.conf.subcommand("contributions")]
    | Annotated[Lens, tyro.conf.subcommand("lens")]
    | Annotated[LearningCommand, tyro.conf.subcommand("learning")]
    | Annotated[Why, tyro.conf.subcommand("why")]
    | Annotated[WhyThere, tyro.conf.subcommand("why-there")]
    | Annotated[Patch, tyro.conf.subcommand("patch")]
    | Annotated[TextCommand, tyro.conf.subcommand("text")]
    | Annotated[ClaimsCommand, tyro.conf.subcommand("claims")]
    | Annotated[Average, tyro.conf.subcommand("average")]
    | Annotated[Info, tyro.conf.subcommand("info")]
    | Annotated[Import, tyro.conf.subcommand("import")]
    | Annotated[Export, tyro.conf.subcommand("export")]
    | Annotated[Corpus, tyro.conf.subcommand("corpus")]
    | Annotated[Table3, tyro.conf.subcommand("table3")]
    | Annotated[Score, tyro.conf.subcommand("score")]
)


GO_ON = ("train", "table3", "score", "gates", "ablate", "prune")
"""Commands that save what is done as they work."""


def main(arguments: Sequence[str] | None = None, *, prog: str = "python -m core") -> None:
    """Run one command; a mistake in its arguments or files ends with one line and status 2.

    Ctrl-C and SIGTERM end it with one line and status 130 or 143, as shells do.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    command = tyro.cli(
        Command,
        args=arguments,
        prog=prog,
        description="Train, run and inspect the encoder-decoder Transformer of the paper.",
        config=TYRO_CONFIG,
    )
    again = "; the same command goes on from what is saved" if arguments[0] in GO_ON else ""
    with stoppable(f"{prog} {arguments[0]}: stopped{again}"):
        try:
            command.execute(arguments[1:])
        except BrokenPipeError:  # whoever read the output has gone, as `head` does
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)
        except (ValueError, OSError, FloatingPointError) as error:
            print(f"{prog} {arguments[0]}: error: {error}", file=sys.stderr)
            sys.exit(2)
