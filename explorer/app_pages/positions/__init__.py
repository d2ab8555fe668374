"""Page Positions: the vectors of section 3.5, and the model under other ones."""
