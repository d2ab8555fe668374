"""A sentence and its translation in words."""
