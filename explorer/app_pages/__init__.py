"""A room for each page: its text, figures and controls."""
