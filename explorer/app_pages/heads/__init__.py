"""Page Heads: every head at once, and one enlarged."""
