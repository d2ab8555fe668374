"""What the reader chose, in the link and in the session."""
