"""What a model has learnt at each moment of its training (Voita et al. 2021)."""
