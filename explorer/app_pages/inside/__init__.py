"""Page Inside attention: one row of one head along Equation 1."""
