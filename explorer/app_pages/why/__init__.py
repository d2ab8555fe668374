"""Page Why this word: what each word of source and prefix adds to one candidate against another."""
