"""`python -m core`: train, run and inspect models; `--help` lists the commands."""

from core.cli import main

if __name__ == "__main__":
    main()
