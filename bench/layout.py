"""One model that three toolkits run: sizes, a vocabulary, weights trained for a minute.

Hugging Face's Marian layout is the common ground of this project, transformers and CTranslate2:
sine and cosine halves, biases, d_k = d_model / h, a start token that is the padding and whose
embedding is zero. The weights are made once and stay in `runs/bench`; they are trained just long
enough, on sentences of the project's own grammar, that a translation is not one repeated token.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from core.checkpoint import model_with
from core.config import ModelConfig
from core.corpus import sentence_pairs
from core.model import Transformer, build
from core.tokenizer import END_ID, Tokenizer
from core.training import Objective

VOCABULARY = Path(__file__).resolve().parents[1] / "checkpoints" / "en-de" / "sentencepiece.model"
FOLDER = Path("runs/bench")
WEIGHTS, MARIAN, CTRANSLATE2 = "model.safetensors", "marian", "ctranslate2"
BATCH = 16
N_SPECIAL = END_ID + 1  # the first so many pieces of our vocabularies are special
END, UNKNOWN, FIRST = 0, 1, 2  # where Marian has `</s>`, `<unk>` and the first ordinary piece


@dataclass(frozen=True, slots=True)
class Size:
    """As many layers in each stack; and how many training steps make it speak."""

    n_layers: int
    d_model: int
    d_ff: int
    n_heads: int
    n_steps: int = 250
    rate: float = 1e-3


SIZES = {
    "toy": Size(2, 32, 64, 2),
    "tiny": Size(4, 128, 256, 4),
    "quarter-base, 3 layers": Size(3, 128, 512, 8),
    "quarter-base": Size(6, 128, 512, 8),
    "base": Size(6, 512, 2048, 8, n_steps=120, rate=3e-4),
}


def tokenizer() -> Tokenizer:
    return Tokenizer(VOCABULARY.read_bytes())


def vocabulary_size() -> int:
    """`</s>`, `<unk>`, the ordinary pieces, and padding, which is the last."""
    return tokenizer().vocabulary_size - N_SPECIAL + FIRST + 1


def marian_ids(pieces: list[int]) -> list[int]:
    """Our ids as Marian's; what is unknown stays so."""
    return [UNKNOWN if piece < N_SPECIAL else piece - N_SPECIAL + FIRST for piece in pieces]


def config(size: str, *, p_dropout: float = 0.0) -> ModelConfig:
    shape, n = SIZES[size], vocabulary_size()
    return ModelConfig(
        vocabulary_size=n,
        n_encoder_layers=shape.n_layers,
        n_decoder_layers=shape.n_layers,
        d_model=shape.d_model,
        d_ff=shape.d_ff,
        n_heads=shape.n_heads,
        d_k=shape.d_model // shape.n_heads,
        d_v=shape.d_model // shape.n_heads,
        p_dropout=p_dropout,
        positions="sinusoidal_halves",
        max_positions=1_024,
        attention_bias=True,
        output_bias=True,
        layer_norm_epsilon=1e-5,
        pad_id=n - 1,
        start_id=n - 1,
        unknown_id=UNKNOWN,
        end_id=END,
    )


def pairs(n: int, seed: int = 1) -> list[tuple[list[int], list[int]]]:
    """Source and target ids, without `</s>`: two sentences of the project's own grammar each."""
    encode = tokenizer().encode
    sentences = iter(sentence_pairs(2 * n, seed))
    return [
        tuple(marian_ids(encode(f"{first} {second}")) for first, second in zip(*two, strict=True))
        for two in zip(sentences, sentences, strict=True)
    ]


def weights(size: str) -> Path:
    """The folder of a size, with its weights; they are trained if they are not there yet."""
    folder = FOLDER / size.replace(", ", "-").replace(" ", "-")
    if not (folder / WEIGHTS).exists():
        folder.mkdir(parents=True, exist_ok=True)
        trained = _train(size)
        save_file({k: v.clone() for k, v in trained.state_dict().items()}, folder / "partial")
        (folder / "partial").rename(folder / WEIGHTS)
    return folder


def ours(size: str) -> Transformer:
    return model_with(config(size), load_file(weights(size) / WEIGHTS))


def _train(size: str) -> Transformer:
    torch.manual_seed(1)
    shape = SIZES[size]
    model = build(config(size))
    start, end = model.config.start_id, model.config.end_id
    text = pairs(shape.n_steps * BATCH, seed=2)
    with torch.no_grad():
        model.embedding.weight[start].zero_()
    optimizer = torch.optim.Adam(model.parameters(), lr=shape.rate, betas=(0.9, 0.98))
    objective = Objective(model, label_smoothing=0.1).train()
    for step in range(shape.n_steps):
        batch = text[BATCH * step : BATCH * (step + 1)]
        source = padded([[*source, end] for source, _ in batch], start)
        target = padded([[start, *target, end] for _, target in batch], start)
        (objective(source, target) / sum(len(target) + 1 for _, target in batch)).backward()
        model.embedding.weight.grad[start] = 0.0  # the start token stays at zero
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    return model.eval()


def padded(rows: list[list[int]], pad_id: int) -> Tensor:
    return pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=pad_id)
