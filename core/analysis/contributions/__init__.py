"""How much each source token and each token of the prefix contributes to what the decoder writes."""
