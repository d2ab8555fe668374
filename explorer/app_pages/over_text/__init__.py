"""The page A text: every sentence of a text, and every head over all of them."""
