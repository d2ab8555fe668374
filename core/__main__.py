"""`python -m core`: train, run and inspect models; `--help` lists the commands."""

from core.system.stopping import stoppable

if __name__ == "__main__":
    with stoppable(
        "python -m core: stopped", is_last=True
    ):  # before the commands are imported, too
        from core.cli import main

        main()
