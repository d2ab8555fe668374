"""Text, vocabularies, tokens and batches (section 5.1)."""
