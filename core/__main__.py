"""`python -m core`: train, translate, trace, evaluate, average, info."""

from core.cli import main

if __name__ == "__main__":
    main()
