"""From a sentence to its pictures: every head of one translation, and what travels to the browser.

The trace of one sentence of twenty words, with a beam of four, beside what a user of transformers
writes for the same: `generate` with attentions, then the rows of the best hypothesis picked out of
the beams. And the data of our overview of all heads beside BertViz's model view of the same weights.
"""

from collections.abc import Sequence
from contextlib import ExitStack

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench import layout
from bench.comparison import Report, Row, Say
from bench.decoding import LIMIT, searching
from bench.heads import N_HEADS, N_LAYERS, N_TOKENS, weights
from bench.workers import Act, Worker, in_turn
from core.analysis.head_place import HeadPlace
from core.analysis.trace.capture import trace
from core.text.pieces import PiecedText
from core.text.toy_grammar import sentence_pairs
from core.text.vocabulary import JointVocabulary

PART = "from sentence to pictures"
N_WORDS, BEAM = 20, 4
OURS, MARIAN = "trace", "transformers generate, attentions gathered"
OVERVIEW, MODEL_VIEW = "overview", "BertViz model view"


class MarianPieces(JointVocabulary):
    """The vocabulary of the compared models: our pieces under Marian's numbers."""

    def encode(self, text: str) -> list[int]:
        return layout.marian_ids(super().encode(text))

    @property
    def unwritable(self) -> frozenset[int]:
        return frozenset(layout.marian_ids(sorted(layout.tokenizer().unwritable)))

    def read(self, ids: Sequence[int]) -> PiecedText:
        return layout.tokenizer().read(layout.own_ids(ids))

    @property
    def names(self) -> tuple[str, ...]:
        return ("</s>", "<unk>", *layout.tokenizer().names[layout.N_SPECIAL :], "<pad>")


def sentence() -> str:
    """The first twenty words of the project's own grammar."""
    text = " ".join(source for source, _ in sentence_pairs(N_WORDS, seed=5))
    return " ".join(text.split()[:N_WORDS])


def _ours(size: str) -> Act:
    torch.set_num_threads(1)
    model, pieces = layout.ours(size), MarianPieces(layout.VOCABULARY.read_bytes())
    text, config = sentence(), searching(BEAM)

    def act() -> list[int]:
        return list(trace(model, pieces, text, config=config).best.tokens)

    return act


def _marian(size: str) -> Act:
    from bench.marian import twin

    torch.set_num_threads(1)
    model = twin(layout.ours(size), "eager")
    pieces, text, end = MarianPieces(layout.VOCABULARY.read_bytes()), sentence(), layout.END

    def act() -> list[int]:
        source = torch.tensor([[*pieces.encode(text), end]])
        with torch.inference_mode():
            made = model.generate(
                source,
                num_beams=BEAM,
                do_sample=False,
                max_new_tokens=LIMIT + 1,
                length_penalty=0.0,
                early_stopping=False,
                output_attentions=True,
                output_scores=True,  # without it there are no beam_indices
                return_dict_in_generate=True,
            )
        tokens = made.sequences[0, 1:].tolist()
        tokens = tokens[: tokens.index(end) + 1] if end in tokens else tokens
        rows = made.beam_indices[0, : len(tokens)]
        [layer[0].numpy() for layer in made.encoder_attentions]
        for steps in (made.decoder_attentions, made.cross_attentions):
            _gathered(steps[: len(tokens)], rows)
        return [token for token in tokens if token != end]

    return act


def _gathered(steps: Sequence[Sequence[Tensor]], rows: Tensor) -> list[NDArray[np.float32]]:
    """For each layer H x steps x keys: of every step the row that the best hypothesis came from."""
    n_keys = max(layers[0].shape[-1] for layers in steps)
    return [
        np.stack(
            [
                np.pad(rows_of_heads, ((0, 0), (0, n_keys - rows_of_heads.shape[-1])))
                for rows_of_heads in (
                    layers[layer][row, :, -1].numpy()
                    for layers, row in zip(steps, rows.tolist(), strict=True)
                )
            ],
            axis=1,
        )
        for layer in range(len(steps[0]))
    ]


def _overview() -> Act:
    from explorer.components.overview import component as overview

    drawn = weights()
    return lambda: len(overview.payload(drawn, HeadPlace("cross", 0, 0)))


def _model_view() -> Act:
    from bertviz import model_view

    layers = list(torch.from_numpy(weights())[:, None])
    tokens = [f"t{number}" for number in range(N_TOKENS)]
    return lambda: len(model_view(layers, tokens, html_action="return").data.encode())


MAKERS = {OURS: _ours, MARIAN: _marian, OVERVIEW: _overview, MODEL_VIEW: _model_view}


def measure(
    report: Report, say: Say, *, sizes: Sequence[str], n_rounds: int, enough_s: float
) -> None:
    """A row for each size, and two for the overview: milliseconds and bytes."""
    for size in sizes:
        say(f"{PART}: {size}")
        layout.weights(size)
        with ExitStack() as stack:
            workers = {name: stack.enter_context(Worker(__name__, name)) for name in (OURS, MARIAN)}
            found = {name: each.make(size=size) for name, each in workers.items()}
            case = f"{size}, {N_WORDS} words, beam {BEAM}"
            if found[OURS] != found[MARIAN]:
                report.remarks.append(f"{PART}, {case}: other translations, so it is not timed")
                continue
            rounds = in_turn(workers, n_rounds=n_rounds, enough_s=enough_s)
        report.compare(PART, case, rounds, OURS, {MARIAN: None})
    say(f"{PART}: overview")
    with ExitStack() as stack:
        names = (OVERVIEW, MODEL_VIEW)
        workers = {name: stack.enter_context(Worker(__name__, name)) for name in names}
        n_bytes = {name: each.make() for name, each in workers.items()}
        rounds = in_turn(workers, n_rounds=n_rounds, enough_s=enough_s)
    case = f"data of {N_LAYERS} x {N_HEADS} heads, {N_TOKENS} tokens"
    report.compare(PART, case, rounds, OVERVIEW, {MODEL_VIEW: None})
    ours, theirs = n_bytes[OVERVIEW], n_bytes[MODEL_VIEW]
    report.rows.append(
        Row(
            PART, case, OVERVIEW, MODEL_VIEW, "bytes", ours, theirs,
            ratio=theirs / ours, ratio_range=(theirs / ours,) * 2, n_rounds=1,
        )
    )  # fmt: skip
