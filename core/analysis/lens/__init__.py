"""What the layers hold, read as text: DecoderLens for the encoder, the logit lens for the decoder."""
