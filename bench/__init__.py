"""Measurements beside peers, always in one run; no test depends on a time."""
