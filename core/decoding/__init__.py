"""Section 6.1: from logits to a translation."""
