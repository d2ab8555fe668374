"""Tensor shapes in a weight file's header, and those that a configuration requires; no torch."""

from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path
from typing import TypedDict

from core.config import ModelConfig
from core.system.json_files import built, parse_json

Shape = tuple[int, ...]

MOST_HEADER_BYTES = 1_000_000
"""The longest header that is read: about 8,000 tensors, or 100 layers in each stack."""
BYTES_OF = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}


class _Tensor(TypedDict):
    dtype: str
    shape: list[int]
    data_offsets: tuple[int, int]


def read_shapes(file: Path) -> dict[str, Shape]:
    """Name -> shape of each tensor of a safetensors file, from its header.

    Raises:
        ValueError: if the header is missing or damaged, or the file's size does not match it.
    """
    n_bytes = file.stat().st_size
    with file.open("rb") as opened:
        n_header = int.from_bytes(opened.read(8), "little")
        if n_header > n_bytes:
            raise ValueError("it is truncated, or not a safetensors file")
        if n_header > MOST_HEADER_BYTES:
            raise ValueError(
                f"its header has {n_header:,} bytes; {MOST_HEADER_BYTES:,} is the most"
            )
        header = parse_json(opened.read(n_header))
    if isinstance(header, dict):
        header.pop("__metadata__", None)
    tensors: dict[str, _Tensor] = built(dict[str, _Tensor], header, "its header")
    end = 0
    for name, tensor in sorted(tensors.items(), key=lambda item: item[1]["data_offsets"]):
        _require_at(end, name, tensor)
        end = tensor["data_offsets"][1]
    if n_bytes != 8 + n_header + end:
        raise ValueError(f"it has {n_bytes:,} bytes, its header says {8 + n_header + end:,}")
    return {name: tuple(tensor["shape"]) for name, tensor in tensors.items()}


def _require_at(start: int, name: str, tensor: _Tensor) -> None:
    """Raises ValueError if the numbers of a tensor do not fill their place, which begins here."""
    if tensor["dtype"] not in BYTES_OF:
        raise ValueError(
            f"{name} holds {tensor['dtype'][:20]}, but weights are one of {', '.join(BYTES_OF)}"
        )
    first, end = tensor["data_offsets"]
    shape = tensor["shape"]
    size = prod(shape) * BYTES_OF[tensor["dtype"]]
    if first != start or min(shape, default=0) < 0 or end - first != size:
        raise ValueError(f"{name} of shape {shape} does not fill bytes {first:,} to {end:,}")


def tensor_shapes(config: ModelConfig) -> Iterator[tuple[str, Shape]]:
    """Name and shape of each parameter of the model that `core.model.build` makes, one at a time."""
    d, d_ff = config.d_model, config.d_ff
    yield "embedding.weight", (config.vocabulary_size, d)
    if config.output_bias:
        yield "embedding.output_bias", (config.vocabulary_size,)
    if config.positions == "learned":
        yield "embedding.positions", (config.max_positions, d)
    if config.takes_drafts:
        yield "embedding.draft", (d,)
    if config.source_vocabulary_size:
        yield "source_embedding.weight", (config.source_vocabulary_size, d)
    stacks = {
        "encoder": (config.n_encoder_layers, ("self_attention",)),
        "decoder": (config.n_decoder_layers, ("self_attention", "cross_attention")),
    }
    for stack, (n_layers, attentions) in stacks.items():
        for layer in range(n_layers):
            place = f"{stack}.layers.{layer}"
            for attention in attentions:
                yield from _attention(config, f"{place}.{attention}")
                yield from _vector_pair(d, f"{place}.{attention}_norm.norm")
            yield from _linear(d_ff, d, f"{place}.feed_forward.inner")
            yield from _linear(d, d_ff, f"{place}.feed_forward.outer")
            yield from _vector_pair(d, f"{place}.feed_forward_norm.norm")


def _attention(config: ModelConfig, place: str) -> Iterator[tuple[str, Shape]]:
    d, n_k, n_v = config.d_model, config.n_heads * config.d_k, config.n_heads * config.d_v
    sizes = {"query": (n_k, d), "key": (n_k, d), "value": (n_v, d), "output": (d, n_v)}
    for name, (n_out, n_in) in sizes.items():
        yield from _linear(n_out, n_in, f"{place}.{name}_projection", bias=config.attention_bias)


def _linear(n_out: int, n_in: int, place: str, *, bias: bool = True) -> Iterator[tuple[str, Shape]]:
    yield f"{place}.weight", (n_out, n_in)
    if bias:
        yield f"{place}.bias", (n_out,)


def _vector_pair(n: int, place: str) -> Iterator[tuple[str, Shape]]:
    yield f"{place}.weight", (n,)
    yield f"{place}.bias", (n,)


def require_fit(shapes: Mapping[str, Shape], config: ModelConfig) -> None:
    """Compare a file's tensors with those a configuration requires; stop at the first difference.

    So the file bounds the work, however large the sizes in the configuration are.

    Raises:
        ValueError: if a tensor is missing, unexpected or of another shape; the message names it.
    """
    wanted = set()
    for name, shape in tensor_shapes(config):
        if name not in shapes:
            raise ValueError(f"lacks the tensor {name}; config.json asks for it")
        if shapes[name] != shape:
            raise ValueError(f"has {name} of {shapes[name]}, but config.json asks for {shape}")
        wanted.add(name)
    extra = sorted(set(shapes) - wanted)
    if extra:
        raise ValueError(f"holds tensors that config.json does not ask for: {extra[:5]}")
