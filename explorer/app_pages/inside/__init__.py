"""Page Inside attention: one query of one head through Equation 1."""
