"""What a model does: its attention traced and measured, and what a change to it does."""
