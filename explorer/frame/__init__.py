"""What all pages about a sentence share."""
