"""Analyses of a model: trace and measure its attention, and measure the effect of ablations."""
