"""Measures of heads, attention rollout, and word alignment."""
