"""The app: pages that show how a translation was made, and let readers question it."""
