"""Every head of one kind as small squares."""
