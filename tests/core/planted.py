"""A model made by hand in which one head copies the source, and all others add a little noise.

The stream has two halves: what a piece is, and where it stands. The planted head asks with the
second half and brings the first, so step t produces source piece t.
"""

import torch

from core.config import ModelConfig
from core.model import Transformer, build

HALF, N_HEADS = 64, 3
KIND, LAYER, HEAD = "cross", 1, 2


def planted_model(vocabulary_size: int) -> Transformer:
    """In float64, evaluation mode; decoder layer 2's third cross-attention head copies."""
    config = ModelConfig(
        vocabulary_size=vocabulary_size, n_encoder_layers=2, n_decoder_layers=2, d_model=2 * HALF,
        d_ff=5, n_heads=N_HEADS, d_k=HALF, d_v=HALF, positions="learned", max_positions=HALF,
        p_dropout=0.0,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = build(config).double().eval()
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if not name.endswith(("norm.weight", "norm.bias")):
                    parameter.normal_(0.0, 0.01)
            what = torch.randn(vocabulary_size, HALF, dtype=torch.float64)
            model.embedding.weight.zero_()
            model.embedding.weight[:, :HALF] = what / what.norm(dim=1, keepdim=True)
            model.embedding.positions.zero_()
            model.embedding.positions[:, HALF:] = 20.0 * torch.eye(HALF)
    head = slice(HEAD * HALF, (HEAD + 1) * HALF)
    attention = model.decoder.layers[LAYER].cross_attention
    with torch.no_grad():
        for projection in (attention.query_projection, attention.key_projection):
            projection.weight[head] = 0
            projection.weight[head, HALF:] = 3.0 * torch.eye(HALF)
        attention.value_projection.weight[head] = 0
        attention.value_projection.weight[head, :HALF] = torch.eye(HALF)
        attention.output_projection.weight[:, head] = 0
        attention.output_projection.weight[:HALF, head] = 20.0 * torch.eye(HALF)
    return model
