"""Section 4 put to work: what a model did for a sentence or a text, and what it does when changed."""
