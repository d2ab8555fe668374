"""Traces: one sentence, its translation and the attention of every head; captured and checked."""
