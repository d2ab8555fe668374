"""Attacks on the whole: `python -m tests.attack NAME`, figures in docs/reliability.md."""
