"""Page Translate: a sentence, step by step."""
