"""The effects of ablations on one sentence or a whole text, and of each head in turn."""
