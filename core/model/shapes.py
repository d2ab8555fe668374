"""The letters of every shape in section 3, and the one meaning of a mask.

One alphabet for the whole of `core`; a letter is one number within one signature.

| letter    | meaning                                                          |
|-----------|------------------------------------------------------------------|
| `B`       | rows of a batch: examples, or examples x beams while searching    |
| `H`       | heads (h in the paper)                                            |
| `S`, `T`  | source length, target length, in pieces                           |
| `q`, `k`  | positions of queries, positions of keys                  |
| `n`       | positions of one sequence where source and target do not matter   |
| `d_model`, `d_k`, `d_v`, `d_ff`, `V` | the paper's widths; V is the vocabulary size   |

A mask is called `visible` everywhere and True means "may be attended to". Masks combine with `&`.
A library that means the opposite is converted once, where it is called.
"""

from jaxtyping import Bool, Float, Int
from torch import Tensor

TokenIds = Int[Tensor, "B n"]
SourceIds = Int[Tensor, "B S"]
TargetIds = Int[Tensor, "B T"]

PositionIds = Int[Tensor, "#B n"]
PositionRows = Float[Tensor, "#B n d_model"]
"""Rows of the position table; one set serves all examples, unless they differ."""
"""Indices into the position table; with a batch axis of size 1, the same for the whole batch."""

Examples = Int[Tensor, "B"]
"""Which example each row of a batch is."""

Stream = Float[Tensor, "B n d_model"]
"""The residual stream: one d_model vector a position."""

Queries = Float[Tensor, "B H q d_k"]
Keys = Float[Tensor, "B H k d_k"]
Values = Float[Tensor, "B H k d_v"]
Weights = Float[Tensor, "B H q k"]
HeadOutputs = Float[Tensor, "B H q d_v"]
HeadShares = Float[Tensor, "B H q d_model"]
"""What each head adds to its sub-layer's output."""
Visible = Bool[Tensor, "#B #H #q k"]
"""True = this query may attend to this key; axes of size 1 are broadcast."""
VisibleSource = Bool[Tensor, "B 1 1 S"]
"""True = every target position may attend to this source position."""

Vectors = Float[Tensor, "*rows d_model"]
"""Rows of a stream in any arrangement, such as the real positions of a batch only."""
Logits = Float[Tensor, "*rows V"]
