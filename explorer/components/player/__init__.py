"""One sentence at several moments of a training, as a film."""
