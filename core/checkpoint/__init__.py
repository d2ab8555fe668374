"""One folder is one model: written, read, listed, described."""
