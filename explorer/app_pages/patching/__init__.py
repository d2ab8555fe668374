"""The page Two sentences: what carries the difference between them."""
