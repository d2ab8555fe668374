"""Section 5: from parallel text to weights."""
