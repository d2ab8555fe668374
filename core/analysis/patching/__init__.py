"""What carries the difference between two sentences: parts of one run put into the run of the other."""
