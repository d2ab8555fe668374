"""A Hugging Face Marian folder, such as those of OPUS-MT, read as it is.

Its model is the paper's at base size, but for biases in attention, SiLU, sines before cosines, a bias
of the logits, and a decoder that starts from the padding token, whose embedding is zero. Nothing here
imports torch.
(https://github.com/huggingface/transformers, models/marian)
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict

from core.checkpoint.header import Shape, tensor_shapes
from core.config import ModelConfig
from core.system.json_files import built, read_json
from core.text.languages import language_name
from core.text.marian import SOURCE_FILE, TABLE_FILE, TARGET_FILE, TARGET_TABLE_FILE

MODEL_TYPE = "marian"
WEIGHTS, PYTORCH_WEIGHTS = "model.safetensors", "pytorch_model.bin"
GENERATION = "generation_config.json"
"""Search settings, of which the bad words and renormalisation are read; older folders have them in
config.json."""
ACTIVATIONS = {"swish": "silu", "silu": "silu", "relu": "relu", "gelu": "gelu"}
LAYER_NORM_EPSILON = 1e-5
"""PyTorch's default, which Hugging Face's model leaves as it is."""
README, TOKENIZER = "README.md", "tokenizer_config.json"
MARIAN_FILES = (
    TOKENIZER,
    README,
    PYTORCH_WEIGHTS,
    GENERATION,
    SOURCE_FILE,
    TARGET_FILE,
    TABLE_FILE,
    TARGET_TABLE_FILE,
)
"""Files that only a Marian folder has."""
UNKNOWN_ID = 1
"""The id of `<unk>` in every Marian vocabulary; config.json does not state it."""
MOST_FILE_BYTES = 16_000_000

_ATTENTION = {"query": "q", "key": "k", "value": "v", "output": "out"}
_SUBLAYERS = {
    "self_attention_norm.norm": "self_attn_layer_norm",
    "cross_attention_norm.norm": "encoder_attn_layer_norm",
    "feed_forward_norm.norm": "final_layer_norm",
    "self_attention": "self_attn",
    "cross_attention": "encoder_attn",
    "feed_forward.inner": "fc1",
    "feed_forward.outer": "fc2",
}


class _Settings(TypedDict):
    """What is read of its config.json; other entries do not change what is computed."""

    vocab_size: int
    d_model: int
    encoder_layers: int
    decoder_layers: int
    encoder_attention_heads: int
    decoder_attention_heads: int
    encoder_ffn_dim: int
    decoder_ffn_dim: int
    activation_function: str
    scale_embedding: bool
    max_position_embeddings: int
    pad_token_id: int
    eos_token_id: int
    decoder_start_token_id: int


class _Generation(TypedDict, total=False):
    """What is read of its generation_config.json."""

    bad_words_ids: list[list[int]] | None
    renormalize_logits: bool | None


class _Languages(TypedDict):
    """What is read of its tokenizer_config.json."""

    source_lang: str
    target_lang: str


def is_marian(values: Any) -> bool:
    """Whether the content of a config.json is a Marian model's."""
    return isinstance(values, dict) and values.get("model_type") == MODEL_TYPE


def marian_config(
    values: Mapping[str, Any], generation: Mapping[str, Any] | None = None
) -> ModelConfig:
    """The shape of the model that a config.json describes.

    Args:
        generation: the content of generation_config.json; without it, config.json says that too.

    Raises:
        ValueError: naming the entry that is missing, of another type, or says what this project's
            model cannot be.
    """
    found: _Settings = built(_Settings, values)
    _require_one_shape(found)
    heads, d_model = found["encoder_attention_heads"], found["d_model"]
    if heads < 1 or d_model % heads:
        raise ValueError(f"d_model={d_model} must be a multiple of encoder_attention_heads={heads}")
    n_source = found["vocab_size"]
    n_target = built(int, values.get("decoder_vocab_size") or n_source, "decoder_vocab_size")
    return ModelConfig.from_json(
        {
            "vocabulary_size": n_source if shares_tables(values) else n_target,
            **({} if shares_tables(values) else {"source_vocabulary_size": n_source}),
            "n_encoder_layers": found["encoder_layers"],
            "n_decoder_layers": found["decoder_layers"],
            "d_model": d_model,
            "d_ff": found["encoder_ffn_dim"],
            "n_heads": heads,
            "d_k": d_model // heads,
            "d_v": d_model // heads,
            "activation": ACTIVATIONS[found["activation_function"]],
            "positions": "sinusoidal_halves",
            "max_positions": found["max_position_embeddings"],
            "attention_bias": True,
            "output_bias": True,
            "layer_norm_epsilon": LAYER_NORM_EPSILON,
            "pad_id": found["pad_token_id"],
            "unknown_id": UNKNOWN_ID,
            **(_written(found, values) if generation is None else _generated(found, generation)),
            "start_id": found["decoder_start_token_id"],
            "end_id": found["eos_token_id"],
        }
    )


def _generated(found: _Settings, generation: Mapping[str, Any]) -> dict[str, Any]:
    try:
        for name in ("pad_token_id", "eos_token_id", "decoder_start_token_id"):
            said = generation.get(name) if isinstance(generation, Mapping) else None
            if said is not None and said != found[name]:
                raise ValueError(f"its {name} is {said}, but that of config.json is {found[name]}")
        return _written(found, generation)
    except ValueError as error:
        raise ValueError(f"{GENERATION} does not fit it: {error}") from None


def _written(found: _Settings, values: Mapping[str, Any]) -> dict[str, Any]:
    """Which tokens a translation may hold."""
    said: _Generation = built(_Generation, values)
    words = said.get("bad_words_ids") or []
    long = next((word for word in words if len(word) != 1), None)
    if long is not None:
        raise ValueError(
            f"bad_words_ids holds {long}: this project's search leaves out single tokens alone"
        )
    bad = {id_ for word in words for id_ in word}
    known = {found["pad_token_id"], found["decoder_start_token_id"], UNKNOWN_ID}
    return {
        "writes_unknown": UNKNOWN_ID not in bad,
        "never_written": sorted(bad - known),
        "renormalises": bool(said.get("renormalize_logits")),
    }


def _require_one_shape(found: _Settings) -> None:
    for what, one, other in (
        ("attention heads", "encoder_attention_heads", "decoder_attention_heads"),
        ("feed-forward widths", "encoder_ffn_dim", "decoder_ffn_dim"),
    ):
        if found[one] != found[other]:  # type: ignore[literal-required]
            raise ValueError(
                f"{one}={found[one]} and {other}={found[other]}: this project's model has the "  # type: ignore[literal-required]
                f"same {what} in encoder and decoder"
            )
    if found["activation_function"] not in ACTIVATIONS:
        raise ValueError(
            f"activation_function={found['activation_function']!r} is none of "
            f"{', '.join(ACTIVATIONS)}"
        )
    if not found["scale_embedding"]:
        raise ValueError(
            "scale_embedding=false: this project's model multiplies embeddings by √d_model, as the "
            "paper does"
        )


def shares_tables(values: Mapping[str, Any]) -> bool:
    """Whether source and target share one embedding table, and one table of pieces."""
    return values.get("share_encoder_decoder_embeddings") is not False


def marian_files(folder: Path, *, is_shared: bool) -> dict[str, bytes]:
    """The vocabulary files of a folder.

    Raises:
        ValueError: beginning with the name of the file that is missing or too large.
    """
    files = {}
    for name in (
        SOURCE_FILE,
        TARGET_FILE,
        TABLE_FILE,
        *(() if is_shared else (TARGET_TABLE_FILE,)),
    ):
        file = folder / name
        if not file.is_file():
            raise ValueError(f"{name} is missing; a Marian model needs it")
        if (size := file.stat().st_size) > MOST_FILE_BYTES:
            raise ValueError(f"{name} has {size:,} bytes; {MOST_FILE_BYTES:,} is the most")
        files[name] = file.read_bytes()
    return files


def marian_languages(folder: Path) -> tuple[str, str] | None:
    """Source and target language named in tokenizer_config.json; None if it names none."""
    try:
        values = read_json(folder / TOKENIZER)
        said = built(_Languages, values)
    except ValueError:
        return None
    return tuple(language_name(said[side]) for side in ("source_lang", "target_lang"))  # type: ignore[return-value]


def marian_card(folder: Path) -> str:
    """What its README.md says, with the settings at its beginning as a block; empty without one."""
    try:
        text = (folder / README).read_bytes()[:MOST_FILE_BYTES].decode("utf-8", "replace")
    except OSError:
        return ""
    return re.sub(r"\A---\n(.*?)\n---\n", r"```yaml\n\1\n```\n", text, flags=re.DOTALL)


def marian_name(name: str, config: ModelConfig) -> str:
    """What Marian calls a tensor of ours: `decoder.layers.0.feed_forward.inner.weight` is fc1's."""
    if name == "embedding.output_bias":
        return "final_logits_bias"
    if name == "source_embedding.weight":
        return "model.encoder.embed_tokens.weight"
    if name == "embedding.weight":
        stack = "decoder.embed_tokens" if config.source_vocabulary_size else "shared"
        return f"model.{stack}.weight"
    stack, layers, number, rest = name.split(".", 3)
    place, _, kind = rest.rpartition(".")
    attention, _, projection = place.partition(".")
    if projection.endswith("_projection"):
        short = _ATTENTION[projection.removesuffix("_projection")]
        place = f"{_SUBLAYERS[attention]}.{short}_proj"
    else:
        place = _SUBLAYERS[place]
    return f"model.{stack}.{layers}.{number}.{place}.{kind}"


def positions_name(stack: str) -> str:
    """What Marian calls the position table of `encoder` or `decoder`; most files leave it out."""
    return f"model.{stack}.embed_positions.weight"


def marian_shape(name: str, shape: Shape) -> Shape:
    """The shape that Marian gives a tensor of ours."""
    return (1, *shape) if name == "embedding.output_bias" else shape


def require_marian_fit(shapes: Mapping[str, Shape], config: ModelConfig) -> None:
    """Compare a file's tensors with those a configuration requires; others are not read.

    Raises:
        ValueError: if a tensor is missing or of another shape; the message names it.
    """
    for own, shape in tensor_shapes(config):
        name, wanted = marian_name(own, config), marian_shape(own, shape)
        if name not in shapes:
            raise ValueError(f"lacks the tensor {name}; config.json asks for it")
        if shapes[name] != wanted:
            raise ValueError(f"has {name} of {shapes[name]}, but config.json asks for {wanted}")


def tied_names(config: ModelConfig) -> dict[str, str]:
    """Tensors that are copies of others in a Marian file, if they are there: name -> of which."""
    table = marian_name("embedding.weight", config)
    copies = {"lm_head.weight": table, "model.decoder.embed_tokens.weight": table}
    if config.source_vocabulary_size is None:
        copies["model.encoder.embed_tokens.weight"] = table
    return {name: of for name, of in copies.items() if name != of}


def weights_file(folder: Path) -> str:
    """The name of the weight file in a folder: safetensors, else PyTorch's own."""
    names = (WEIGHTS, PYTORCH_WEIGHTS)
    return next((name for name in names if (folder / name).is_file()), WEIGHTS)
