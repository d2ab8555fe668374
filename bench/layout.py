"""One model that three toolkits run: sizes, a vocabulary, weights trained for a minute.

Hugging Face's Marian layout is the common ground of this project, transformers and CTranslate2:
sine and cosine halves, biases, d_k = d_model / h, a start token that is the padding and whose
embedding is zero. The weights are made once and stay in `runs/bench`: a shallow model is trained just
long enough, on sentences of the project's own grammar, that different sentences get different
translations, and then grows to its depth, as deep post-norm stacks learn nothing in a minute.
"""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from core.checkpoint.folder import model_with
from core.config import ModelConfig, SearchConfig
from core.decoding.search import search
from core.model import Transformer, build
from core.text.toy_grammar import sentence_pairs
from core.text.vocabulary import IDS, JointVocabulary
from core.training.objective import TeacherForcing

VOCABULARY = Path(__file__).resolve().parents[1] / "checkpoints" / "en-de" / "sentencepiece.model"
FOLDER = Path("runs/bench")
WEIGHTS, MARIAN, CTRANSLATE2 = "model.safetensors", "marian", "ctranslate2"
BATCH, N_STEPS, N_WARMUP_STEPS, RATE = 8, 160, 40, 1e-3
N_TRAINED_LAYERS = 2
N_ASKED = 16
GAIN, GAIN_OF_GROWN = 2.0, 0.1
"""What the last matrix of every sub-layer is multiplied by at the start: trained layers learn sooner
with a large part in the sum of Add & Norm, and grown ones must leave the stream nearly as it is."""
N_SPECIAL = IDS.end + 1  # the first so many pieces of our vocabularies are special
END, UNKNOWN, FIRST = 0, 1, 2  # where Marian has `</s>`, `<unk>` and the first ordinary piece


@dataclass(frozen=True, slots=True)
class Size:
    """As many layers in each stack."""

    n_layers: int
    d_model: int
    d_ff: int
    n_heads: int


SIZES = {
    "toy": Size(2, 32, 64, 2),
    "tiny": Size(4, 128, 256, 4),
    "quarter-base, 3 layers": Size(3, 128, 512, 8),
    "quarter-base": Size(6, 128, 512, 8),
    "base": Size(6, 512, 2048, 8),
}


@cache
def tokenizer() -> JointVocabulary:
    return JointVocabulary(VOCABULARY.read_bytes())


def vocabulary_size() -> int:
    """`</s>`, `<unk>`, the ordinary pieces, and padding, which is the last."""
    return len(tokenizer().names) - N_SPECIAL + FIRST + 1


def marian_ids(pieces: list[int]) -> list[int]:
    """Our ids as Marian's; what is unknown stays so."""
    return [UNKNOWN if piece < N_SPECIAL else piece - N_SPECIAL + FIRST for piece in pieces]


def own_ids(pieces: Iterable[int]) -> list[int]:
    """The way back; `<pad>`, with which decoding starts, is our `<s>`."""
    own = {END: IDS.end, UNKNOWN: IDS.unknown, vocabulary_size() - 1: IDS.start}
    return [own.get(piece, piece + N_SPECIAL - FIRST) for piece in pieces]


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
        _must_speak(trained)
        save_file({k: v.clone() for k, v in trained.state_dict().items()}, folder / "partial")
        (folder / "partial").rename(folder / WEIGHTS)
    return folder


def ours(size: str) -> Transformer:
    return model_with(config(size), load_file(weights(size) / WEIGHTS))


def _train(size: str) -> Transformer:
    torch.manual_seed(1)
    whole = build(config(size))
    n = min(N_TRAINED_LAYERS, SIZES[size].n_layers)
    model = build(dataclasses.replace(whole.config, n_encoder_layers=n, n_decoder_layers=n))
    start, end = model.config.start_id, model.config.end_id
    text = pairs(N_STEPS * BATCH, seed=2)
    with torch.no_grad():
        model.embedding.weight[start].zero_()
    _scale_sublayers(model, GAIN)
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE, betas=(0.9, 0.98), fused=True)
    rates = torch.optim.lr_scheduler.LambdaLR(optimizer, _warmed_up_and_decayed)
    objective = TeacherForcing(model, label_smoothing=0.1).train()
    for step in range(N_STEPS):
        batch = text[BATCH * step : BATCH * (step + 1)]
        source = padded([[*source, end] for source, _ in batch], start)
        target = padded([[start, *target, end] for _, target in batch], start)
        (objective(source, target) / sum(len(target) + 1 for _, target in batch)).backward()
        model.embedding.weight.grad[start] = 0.0  # the start token stays at zero
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        rates.step()
        optimizer.zero_grad()
    return _grown(model, whole).eval()


def _must_speak(model: Transformer) -> None:
    """Raises RuntimeError where a measurement would be of a model that says the same of everything."""
    sources = [source for source, _ in pairs(N_ASKED, seed=3)]
    said = {found.best.tokens for found in search(model, sources, SearchConfig(method="greedy"))}
    if len(said) < N_ASKED / 2 or min(map(len, said)) < 2:
        raise RuntimeError(
            f"after {N_STEPS} steps the model has {len(said)} different translations of {N_ASKED} "
            "sentences; train it longer (bench/layout.py)"
        )


def _warmed_up_and_decayed(step: int) -> float:
    """The learning rate's factor: up in a line, then level, then down over the second half."""
    return min(1.0, (step + 1) / N_WARMUP_STEPS, 2 * (N_STEPS - step) / N_STEPS)


def _scale_sublayers(model: Transformer, gain: float) -> None:
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith(("output_projection.weight", "outer.weight")):
                weight.mul_(gain)


def _grown(trained: Transformer, whole: Transformer) -> Transformer:
    """The whole model: trained layers first, then fresh ones that change the stream little."""
    _scale_sublayers(whole, GAIN_OF_GROWN)
    whole.load_state_dict(trained.state_dict(), strict=False)
    return whole


def padded(rows: list[list[int]], pad_id: int) -> Tensor:
    return pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=pad_id)
