"""What every head brings on average over data: kept beside the weights it was measured with."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.records import Kind

MEANS = "means.npz"


@dataclass(frozen=True, slots=True)
class HeadMeans:
    """Mean head outputs over all positions of a text, teacher-forced, before W^O."""

    outputs: Mapping[Kind, NDArray[np.float32]]  # kind -> N H d_v
    weights_hash: str  # of the weights they were measured with
    data_hash: str  # of the text, source and target
    n_sentences: int
