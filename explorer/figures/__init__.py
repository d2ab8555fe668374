"""Figures that several pages draw with; they know neither the app nor the model."""
