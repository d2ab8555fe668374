"""Scores of translations with bootstrap intervals, and perplexity (section 6.1)."""
