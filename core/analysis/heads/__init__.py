"""What one head does: measures, rollout, alignment of words."""
