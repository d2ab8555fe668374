"""Which heads a model can do without if it may go on learning: L0 gates (Voita et al. 2019)."""
