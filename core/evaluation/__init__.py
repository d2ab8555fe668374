"""Section 6.1: how good a translation is, and how sure we are of that."""
