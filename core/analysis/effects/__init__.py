"""What an ablation changes: of one sentence, of a whole text, for every head in turn."""
