"""Section 6.2: the paper's experiments at the size of a small machine."""
