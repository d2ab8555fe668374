"""Page Ablate: parts of the model switched off."""
