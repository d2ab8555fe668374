"""The frame of all pages about a sentence: form, model, search, notices, downloads, self-check."""
