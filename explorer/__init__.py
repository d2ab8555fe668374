"""The app: pages that show how a model made a translation, and let the reader change it."""
