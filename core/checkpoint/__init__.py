"""Checkpoint folders, one model each: write, read, list and describe them."""
