"""Page Second attempt: a model reads its own translation as a draft, and translates once more."""
