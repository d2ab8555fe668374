"""Section 3.3: position-wise feed-forward networks (Equation 2)."""

from collections.abc import Callable, Mapping

from torch import Tensor, nn
from torch.nn import functional

from core.config import Activation
from core.model.shapes import Stream
from core.model.taps import Tap

ACTIVATIONS: Mapping[Activation, Callable[[Tensor], Tensor]] = {
    "relu": functional.relu,
    "silu": functional.silu,
    "gelu": functional.gelu,
}


class FeedForward(nn.Module):
    """FFN(x) = max(0, x W_1 + b_1) W_2 + b_2. Differs from the paper: SiLU or GELU may replace max(0, .)."""

    def __init__(self, *, d_model: int, d_ff: int, activation: Activation) -> None:
        super().__init__()
        self.inner = nn.Linear(d_model, d_ff)
        self.outer = nn.Linear(d_ff, d_model)
        self.activation = ACTIVATIONS[activation]
        self.hidden, self.output = Tap(), Tap(in_inference=True)

    def forward(self, stream: Stream) -> Stream:
        hidden = self.hidden(self.activation(self.inner(stream)))  # B n d_model -> B n d_ff
        return self.output(self.outer(hidden))
