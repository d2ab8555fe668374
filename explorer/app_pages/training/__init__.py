"""Page Training: how models learnt."""
