"""Page Lenses: what every layer holds, read as text."""
