"""Marian models that transformers itself makes and trains for seconds, as folders.

They translate sentences of the project's own grammar into German behind `>>de<<`, and copy them
behind `>>en<<`, so different sentences and different languages get different translations.
"""

import io
import json
import random
from dataclasses import dataclass
from pathlib import Path

import sentencepiece
import torch
from transformers import MarianConfig, MarianMTModel, MarianTokenizer

from core.text.toy_grammar import sentence_pairs

END = 0
BATCH, MAX_POSITIONS = 16, 128
GAIN_OF_GROWN = 0.1


@dataclass(frozen=True, slots=True)
class Case:
    """A model to compare on."""

    name: str
    d_model: int
    n_layers: int
    n_heads: int
    n_steps: int
    is_shared: bool = True
    """Whether source and target have one table of pieces, and one of embeddings."""
    renormalises: bool = False
    activation: str = "swish"
    rate: float = 2e-3
    n_trained_layers: int = 2


CASES = (
    Case("tiny, renormalised", 64, 2, 4, 500, renormalises=True),
    Case("tiny, tables of their own", 64, 2, 4, 500, is_shared=False, activation="relu"),
    Case("base", 512, 6, 8, 100, rate=1e-3, n_trained_layers=1),
)


def write(case: Case, folder: Path) -> None:
    """Train the model of a case and save it with its tokenizer."""
    text = list(sentence_pairs(800))
    sides = [_learnt([pair[side] for pair in text]) for side in (0, 1)]
    for name, model in zip(("source.spm", "target.spm"), sides, strict=True):
        (folder / name).write_bytes(model)
    own = [_pieces(model) for model in sides]
    joint = sorted({*own[0], *own[1]})
    source, target = (joint, joint) if case.is_shared else own
    _write_table(folder / "vocab.json", source[:-4])  # a few pieces are missing, as in real tables
    n_target = _write_table(folder / "target_vocab.json", target)
    tokenizer = MarianTokenizer(
        source_spm=str(folder / "source.spm"),
        target_spm=str(folder / "target.spm"),
        vocab=str(folder / "vocab.json"),
        **({} if case.is_shared else {"target_vocab_file": str(folder / "target_vocab.json")}),
        separate_vocabs=not case.is_shared,
    )
    model = _trained(case, tokenizer, text, n_target)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    if case.is_shared:
        (folder / "target_vocab.json").unlink()


def _learnt(lines: list[str]) -> bytes:
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=written, vocab_size=80, minloglevel=2
    )
    return written.getvalue()


def _pieces(model: bytes) -> list[str]:
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    return [processor.IdToPiece(id_) for id_ in range(3, processor.GetPieceSize())]


def _write_table(file: Path, pieces: list[str]) -> int:
    """Padding stands at one id on both sides: the model's configuration has one for both.

    Returns:
        How many tokens the table has.
    """
    names = ["</s>", "<unk>", "<pad>", *pieces, ">>de<<", ">>en<<"]
    file.write_text(json.dumps({name: number for number, name in enumerate(names)}))
    return len(names)


def _trained(
    case: Case, tokenizer: MarianTokenizer, text: list[tuple[str, str]], n_target: int
) -> MarianMTModel:
    """Train a shallow model, then add layers up to the wanted depth."""
    torch.manual_seed(0)
    model = MarianMTModel(_config(case, tokenizer, n_target, case.n_trained_layers)).train()
    _train(model, tokenizer, text, case.n_steps, case.rate)
    model.final_logits_bias += 0.1 * torch.randn_like(model.final_logits_bias)
    whole = MarianMTModel(_config(case, tokenizer, n_target, case.n_layers))
    with torch.no_grad():
        for name, weight in whole.named_parameters():
            if "out_proj" in name or "fc2" in name:
                weight.mul_(GAIN_OF_GROWN)  # new layers change the residual stream little
    whole.load_state_dict(model.state_dict(), strict=False)
    whole.generation_config.bad_words_ids = [[tokenizer.pad_token_id]]
    whole.generation_config.renormalize_logits = case.renormalises
    whole.generation_config.max_length = MAX_POSITIONS
    return whole.eval()


def _config(case: Case, tokenizer: MarianTokenizer, n_target: int, n_layers: int) -> MarianConfig:
    tables = {"share_encoder_decoder_embeddings": False, "decoder_vocab_size": n_target}
    return MarianConfig(
        vocab_size=len(tokenizer.encoder),
        **({} if case.is_shared else tables),
        d_model=case.d_model,
        encoder_layers=n_layers,
        decoder_layers=n_layers,
        encoder_attention_heads=case.n_heads,
        decoder_attention_heads=case.n_heads,
        encoder_ffn_dim=4 * case.d_model,
        decoder_ffn_dim=4 * case.d_model,
        activation_function=case.activation,
        scale_embedding=True,
        max_position_embeddings=MAX_POSITIONS,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=END,
        decoder_start_token_id=tokenizer.pad_token_id,
        forced_eos_token_id=END,
    )


def _train(
    model: MarianMTModel,
    tokenizer: MarianTokenizer,
    text: list[tuple[str, str]],
    n_steps: int,
    rate: float,
) -> None:
    rows = [(f">>de<< {english}", german) for english, german in text]
    rows += [(f">>en<< {english}", english) for english, _ in text]
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    draw, pad = random.Random(1), tokenizer.pad_token_id
    for _ in range(n_steps):
        sources, targets = zip(*draw.sample(rows, BATCH), strict=True)
        batch = tokenizer(list(sources), return_tensors="pt", padding=True)
        labels = tokenizer(text_target=list(targets), return_tensors="pt", padding=True).input_ids
        model(**batch, labels=labels.masked_fill(labels == pad, -100)).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        with torch.no_grad():  # as the original Marian's decoder starts from zeros
            for stack in (model.get_encoder(), model.get_decoder()):
                stack.embed_tokens.weight[pad] = 0
