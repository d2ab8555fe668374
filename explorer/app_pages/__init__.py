"""One package per page: its text, figures and controls."""
