"""`python -m core`: train, translate, trace, evaluate, average, info, table3."""

from core.cli import main

if __name__ == "__main__":
    main()
