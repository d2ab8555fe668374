"""Measures of heads, attention rollout, and attention between words."""
