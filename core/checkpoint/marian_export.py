"""A checkpoint as a Hugging Face Marian folder, which transformers and CTranslate2 open.

Both compute what this project's model computes. Where Marian's model differs, the stored weights
are changed so that the result is the same:

- Positions. Marian's tables hold sines before cosines; they are parameters, so ours are stored.
- The first token. Marian's decoder starts from padding, whose embedding is zero. The embedding of
  our start token is added to the decoder's first position instead.
- LayerNorm's ε. Marian's is 1e-5, ours may be another. As LN(x; ε) = LN(c·x; c²·ε), what writes
  into the stream between two norms is multiplied by c, and what reads it is divided by c.
"""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from core.checkpoint.folder import Checkpoint
from core.checkpoint.header import tensor_shapes
from core.checkpoint.marian import (
    ACTIVATIONS,
    GENERATION,
    LAYER_NORM_EPSILON,
    MODEL_TYPE,
    WEIGHTS,
    marian_name,
    marian_shape,
    positions_name,
)
from core.checkpoint.required import CONFIG
from core.checkpoint.weights import save_weights
from core.config import ModelConfig
from core.model import Transformer
from core.system.files import write_json, writing_folder
from core.text.marian import (
    END,
    PAD,
    SOURCE_FILE,
    TABLE_FILE,
    TARGET_FILE,
    UNKNOWN,
    MarianVocabulary,
    table_bytes,
)
from core.text.vocabulary import JointVocabulary

CARD = "README.md"
BIAS_OF_NEVER = -1e4
"""The logits' bias of a token that is never written, in the range of float16."""


def require_exportable(config: ModelConfig) -> None:
    """Raises ValueError, with the reason, if Marian's model cannot be of this shape."""
    if config.takes_drafts:
        raise ValueError("Marian has no drafts, and this model was trained to read them")
    if config.n_fixed_heads:
        raise ValueError(
            f"n_fixed_heads={config.n_fixed_heads}: Marian has no heads that are fixed to patterns of positions"
        )
    if config.n_heads * config.d_k != config.d_model or config.d_v != config.d_k:
        raise ValueError(
            f"n_heads={config.n_heads}, d_k={config.d_k}, d_v={config.d_v}, d_model={config.d_model}: "
            "Marian's heads share d_model evenly, so d_k and d_v must be d_model / n_heads"
        )


def export_marian(checkpoint: Checkpoint, folder: Path, *, half: bool = False) -> None:
    """Write a checkpoint as a Marian folder; an existing folder is replaced by a rename.

    Args:
        half: store the weights as float16.

    Raises:
        ValueError: if Marian's model cannot be of this shape.
    """
    config = checkpoint.config
    require_exportable(config)
    order = token_order(config)
    with writing_folder(folder) as partial:
        save_weights(marian_tensors(checkpoint.model, order), partial / WEIGHTS, half=half)
        for name, values in (
            (CONFIG, marian_values(config, order)),
            (GENERATION, _generation(checkpoint, order)),
            ("tokenizer_config.json", _tokenizer(config)),
        ):
            (partial / name).write_text(write_json(values), "utf-8")
        for name, content in _vocabulary_files(checkpoint, order).items():
            (partial / name).write_bytes(content)
        (partial / CARD).write_text(checkpoint.card, "utf-8")


def token_order(config: ModelConfig) -> list[int]:
    """Our id of each of Marian's tokens: `</s>` and unknown first, start and padding last.

    CTranslate2 takes the last token for padding and removes it. A model whose sides have tables of
    their own is Marian's already, and keeps its order.
    """
    if config.source_vocabulary_size is not None:
        return list(range(config.vocabulary_size))
    first = [config.end_id, config.unknown_id]
    last = list(dict.fromkeys((config.start_id, config.pad_id)))
    rest = (id_ for id_ in range(config.vocabulary_size) if id_ not in (*first, *last))
    return [*first, *rest, *last]


def marian_tensors(model: Transformer, order: Sequence[int]) -> dict[str, Tensor]:
    """The weights under Marian's names, float64, with its tokens in this order."""
    config = model.config
    own = {name: tensor.double() for name, tensor in model.state_dict().items()}
    scale = math.sqrt(LAYER_NORM_EPSILON / config.layer_norm_epsilon)
    biased = config.replace(attention_bias=True, output_bias=True, positions="none")
    found = {
        name: own.get(name, torch.zeros(shape).double()) * _factor(name, scale, config)
        for name, shape in tensor_shapes(biased)
    }
    rows = torch.tensor(order)
    table, bias = found["embedding.weight"][rows], found["embedding.output_bias"][rows]
    start = found["embedding.weight"][config.start_id] * math.sqrt(config.d_model)
    if config.start_id != config.pad_id:
        table[-1], bias[-1] = 0, BIAS_OF_NEVER
    found |= {"embedding.weight": table, "embedding.output_bias": bias}
    tensors = {
        marian_name(name, config): tensor.reshape(marian_shape(name, tuple(tensor.shape)))
        for name, tensor in found.items()
    }
    return tensors | dict(_position_tables(model, scale, start))


def _factor(name: str, scale: float, config: ModelConfig) -> float:
    """The factor by which a tensor is multiplied before it is stored; see above."""
    if name == f"decoder.layers.{config.n_decoder_layers - 1}.feed_forward_norm.norm." + (
        kind := name.rpartition(".")[2]
    ):
        return 1 / scale  # only the logits read it, by a table that is `scale` times as large
    if name == "embedding.output_bias":
        return 1.0
    if ".norm." in name or "embedding" in name:
        return scale
    if "output_projection" in name or "feed_forward.outer" in name:
        return scale
    return 1 / scale if kind == "weight" else 1.0


def _position_tables(
    model: Transformer, scale: float, start: Tensor
) -> Iterator[tuple[str, Tensor]]:
    """The position tables of encoder and decoder where they are not those Marian computes."""
    config = model.config
    indices = torch.arange(config.max_positions, device=start.device)[None]
    table = model.embedding.positions_for(indices)[0].detach().double() * scale
    is_marians = config.positions == "sinusoidal_halves" and scale == 1
    if not is_marians:
        yield positions_name("encoder"), table
    if config.start_id != config.pad_id:
        table = table.clone()
        table[0] += start
        is_marians = False
    if not is_marians:
        yield positions_name("decoder"), table


def marian_values(config: ModelConfig, order: Sequence[int]) -> dict[str, Any]:
    """The content of config.json for a model whose tokens are in this order."""
    n, own_source = config.vocabulary_size, config.source_vocabulary_size
    tables = {"share_encoder_decoder_embeddings": False, "decoder_vocab_size": n}
    return {
        "architectures": ["MarianMTModel"],
        "model_type": MODEL_TYPE,
        "vocab_size": own_source or n,
        **(tables if own_source else {"decoder_vocab_size": n}),
        "d_model": config.d_model,
        "encoder_layers": config.n_encoder_layers,
        "decoder_layers": config.n_decoder_layers,
        "encoder_attention_heads": config.n_heads,
        "decoder_attention_heads": config.n_heads,
        "encoder_ffn_dim": config.d_ff,
        "decoder_ffn_dim": config.d_ff,
        "activation_function": _activation(config),
        "scale_embedding": True,
        "static_position_embeddings": True,
        "max_position_embeddings": config.max_positions,
        "dropout": config.p_dropout,
        "attention_dropout": 0.0,
        "activation_dropout": 0.0,
        "is_encoder_decoder": True,
        "tie_word_embeddings": True,
        **_special_ids(config, order),
    }


def _activation(config: ModelConfig) -> str:
    return next(theirs for theirs, ours in ACTIVATIONS.items() if ours == config.activation)


def _special_ids(config: ModelConfig, order: Sequence[int]) -> dict[str, int]:
    last, end = len(order) - 1, order.index(config.end_id)
    return {
        "pad_token_id": last,
        "decoder_start_token_id": last,
        "bos_token_id": end,
        "eos_token_id": end,
        "forced_eos_token_id": end,
    }


def _generation(checkpoint: Checkpoint, order: Sequence[int]) -> dict[str, Any]:
    """Beam search as transformers does it: `SearchConfig(length_penalty="power", alpha=1.0)`."""
    config = checkpoint.config
    never = config.banned_ids | (checkpoint.vocabulary.unwritable - {config.end_id})
    return {
        **_special_ids(config, order),
        "bad_words_ids": [[id_] for id_ in sorted(map(order.index, never))],
        "renormalize_logits": config.renormalises,
        "num_beams": 4,
        "length_penalty": 1.0,
        "max_length": min(512, config.max_positions),
    }


def _tokenizer(config: ModelConfig) -> dict[str, Any]:
    return {
        "tokenizer_class": "MarianTokenizer",
        "eos_token": END,
        "unk_token": UNKNOWN,
        "pad_token": PAD,
        "model_max_length": config.max_positions,
        "separate_vocabs": config.source_vocabulary_size is not None,
    }


def _vocabulary_files(checkpoint: Checkpoint, order: Sequence[int]) -> dict[str, bytes]:
    vocabulary = checkpoint.vocabulary
    names = vocabulary.target.names
    table = table_bytes({names[id_]: number for number, id_ in enumerate(order)})
    if isinstance(vocabulary, MarianVocabulary):
        is_as_it_was = list(order) == sorted(order)
        return {**vocabulary.files, **({} if is_as_it_was else {TABLE_FILE: table})}
    if not isinstance(vocabulary, JointVocabulary):
        raise ValueError(f"a {type(vocabulary).__name__} has no SentencePiece models to write")
    return {**dict.fromkeys((SOURCE_FILE, TARGET_FILE), vocabulary.model), TABLE_FILE: table}
