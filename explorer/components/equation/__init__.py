"""Equation 1 for one head, stage by stage."""
