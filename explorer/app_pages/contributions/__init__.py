"""Page Source and prefix: where each word comes from, with everything that a block adds counted."""
