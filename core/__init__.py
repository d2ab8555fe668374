"""The encoder-decoder Transformer of "Attention Is All You Need": train, load, translate, trace."""
