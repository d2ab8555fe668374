"""The same weights as a Hugging Face Marian directory, and as CTranslate2's model of it."""

import json
import shutil
from pathlib import Path

from transformers import MarianConfig, MarianMTModel, MarianTokenizer
from transformers.generation import GenerationConfig

from bench import layout
from core.checkpoint.marian_export import marian_tensors, marian_values
from core.model import Transformer


def twin(model: Transformer, attention: str, p_dropout: float = 0.0) -> MarianMTModel:
    """A Hugging Face model of the same weights; attention is `eager` or `sdpa`."""
    order = range(model.config.vocabulary_size)  # the layout's tokens are in Marian's order
    values = {**marian_values(model.config, order), "dropout": p_dropout}
    theirs = MarianMTModel(MarianConfig(**values))
    missing, unexpected = theirs.load_state_dict(marian_tensors(model, order), strict=False)
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
