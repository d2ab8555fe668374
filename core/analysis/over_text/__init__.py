"""A text of one's own: every sentence translated and measured, and every head over all of them."""
