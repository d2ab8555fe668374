"""The same weights as a Hugging Face Marian directory, and as CTranslate2's model of it."""

import json
import shutil
from pathlib import Path

from torch import Tensor
from transformers import MarianConfig, MarianMTModel, MarianTokenizer
from transformers.generation import GenerationConfig

from bench import layout
from core.config import ModelConfig
from core.model import Transformer

ATTENTION = {
    "query_projection": "q_proj",
    "key_projection": "k_proj",
    "value_projection": "v_proj",
    "output_projection": "out_proj",
}
SUBLAYERS = {
    "self_attention_norm": "self_attn_layer_norm",
    "cross_attention_norm": "encoder_attn_layer_norm",
    "feed_forward_norm": "final_layer_norm",
    "self_attention": "self_attn",
    "cross_attention": "encoder_attn",
}


def marian_config(config: ModelConfig, p_dropout: float) -> MarianConfig:
    """The same shape in Hugging Face's words."""
    return MarianConfig(
        vocab_size=config.vocabulary_size,
        d_model=config.d_model,
        encoder_layers=config.n_encoder_layers,
        decoder_layers=config.n_decoder_layers,
        encoder_attention_heads=config.n_heads,
        decoder_attention_heads=config.n_heads,
        encoder_ffn_dim=config.d_ff,
        decoder_ffn_dim=config.d_ff,
        activation_function=config.activation,
        max_position_embeddings=config.max_positions,
        dropout=p_dropout,
        attention_dropout=0.0,
        activation_dropout=0.0,
        scale_embedding=True,
        pad_token_id=config.pad_id,
        decoder_start_token_id=config.start_id,
        eos_token_id=config.end_id,
        forced_eos_token_id=config.end_id,
    )


def state(model: Transformer) -> dict[str, Tensor]:
    """The weights under Marian's names."""
    weights = {
        "model.shared.weight": model.embedding.weight,
        "final_logits_bias": model.embedding.output_bias[None],
    }
    for name, weight in model.state_dict().items():
        if not name.startswith("embedding."):
            weights[f"model.{_renamed(name)}"] = weight
    return {name: weight.detach().contiguous() for name, weight in weights.items()}


def _renamed(name: str) -> str:
    """`decoder.layers.0.cross_attention.query_projection.weight` and so on."""
    stack, layers, number, *parts, kind = name.split(".")
    sublayer, part = parts
    if sublayer == "feed_forward":
        return ".".join((stack, layers, number, {"inner": "fc1", "outer": "fc2"}[part], kind))
    names = [SUBLAYERS[sublayer], *([ATTENTION[part]] if part in ATTENTION else [])]
    return ".".join((stack, layers, number, *names, kind))


def twin(model: Transformer, attention: str, p_dropout: float = 0.0) -> MarianMTModel:
    """A Hugging Face model of the same weights; attention is `eager` or `sdpa`."""
    theirs = MarianMTModel(marian_config(model.config, p_dropout))
    missing, unexpected = theirs.load_state_dict(state(model), strict=False)
    assert not unexpected, unexpected
    assert all("embed_" in name or name == "lm_head.weight" for name in missing), missing
    theirs.tie_weights()
    theirs.set_attn_implementation(attention)
    theirs.generation_config = GenerationConfig(
        pad_token_id=model.config.pad_id,
        decoder_start_token_id=model.config.start_id,
        eos_token_id=model.config.end_id,
        forced_eos_token_id=model.config.end_id,
        bad_words_ids=[[model.config.pad_id], [model.config.unknown_id]],
    )
    return theirs.eval()


def directory(size: str) -> Path:
    """The Marian directory of a size, written if it is not there yet."""
    folder = layout.weights(size) / layout.MARIAN
    if not folder.exists():
        partial = folder.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        twin(layout.ours(size), "eager").save_pretrained(partial)
        for name in ("source.spm", "target.spm"):
            shutil.copyfile(layout.VOCABULARY, partial / name)
        (partial / "vocab.json").write_text(json.dumps(_vocabulary()))
        MarianTokenizer(
            source_spm=str(partial / "source.spm"),
            target_spm=str(partial / "target.spm"),
            vocab=str(partial / "vocab.json"),
        ).save_pretrained(partial)
        partial.rename(folder)
    return folder


def _vocabulary() -> dict[str, int]:
    names = layout.tokenizer().names[layout.N_SPECIAL :]
    return {name: number for number, name in enumerate(("</s>", "<unk>", *names, "<pad>"))}


def converted(size: str) -> Path:
    """CTranslate2's model of the Marian directory, converted if it is not there yet."""
    from ctranslate2.converters import TransformersConverter

    folder = layout.weights(size) / layout.CTRANSLATE2
    if not folder.exists():
        TransformersConverter(str(directory(size))).convert(str(folder))
    return folder
