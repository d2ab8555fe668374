"""`attention-explorer`: without a command, the app; with one, `python -m core`.

attention-explorer                                   opens the app
attention-explorer --checkpoints DIR --server.port 8600
attention-explorer translate --checkpoint en-de "A man is riding a bicycle."
"""

import sys
from collections.abc import Sequence
from pathlib import Path

APP = Path(__file__).with_name("app.py")
OWN = ("--checkpoints", "--runs")
"""Options of the app; all others that begin with a dash are Streamlit's."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the app or one command of `core`."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if arguments and not (arguments[0].startswith("-") and arguments[0] not in ("-h", "--help")):
        from core.system.parent import end_with_torchrun
        from core.system.stopping import stoppable

        end_with_torchrun()
        with stoppable(
            "attention-explorer: stopped", is_last=True
        ):  # before the commands are imported, too
            from core.cli import main as run_command

            run_command(arguments, prog="attention-explorer")
        return
    sys.argv = streamlit_arguments(arguments)
    from streamlit.web.cli import main as streamlit

    streamlit()


def streamlit_arguments(arguments: Sequence[str]) -> list[str]:
    """The arguments of `streamlit run APP`: Streamlit's options, `--`, the app's options."""
    own: list[str] = []
    rest: list[str] = []
    words = iter(arguments)
    for word in words:
        name, has_value, _ = word.partition("=")
        if name in OWN:
            own += [word] if has_value else [word, next(words, "")]
        else:
            rest.append(word)
    return ["streamlit", "run", str(APP), *rest, "--", *own]
