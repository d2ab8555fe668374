"""Word alignments from cross-attention, and how good they are."""
