"""`python -m core`: train, run and inspect models; `--help` lists the commands."""

from core.system.parent import end_with_torchrun
from core.system.stopping import stoppable

if __name__ == "__main__":
    end_with_torchrun()
    with stoppable(
        "python -m core: stopped", is_last=True
    ):  # before the commands are imported, too
        from core.cli import main

        main()
