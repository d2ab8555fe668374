"""Section 5.1: text, pieces, batches."""
