"""Label-smoothed cross-entropy (section 5.4)."""

from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional


def smoothed_cross_entropy(
    logits: Float[Tensor, "N V"], target: Int[Tensor, " N"], *, label_smoothing: float
) -> Float[Tensor, ""]:
    """Cross-entropy against 1 - ε on the right piece and ε spread over all V, summed, in nats.

    The uniform share includes the right piece itself (Szegedy et al. 2015, which section 5.4
    cites). With ε = 0 it is the negative log-likelihood. Divide by the token count of the whole
    batch, not of a part of it.
    """
    return functional.cross_entropy(
        logits.float() if logits.dtype.itemsize < 4 else logits,
        target,
        label_smoothing=label_smoothing,
        reduction="sum",
    )
