"""A translation step by step."""
