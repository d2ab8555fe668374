"""One head drawn: its numbers, its picture, its controls."""
