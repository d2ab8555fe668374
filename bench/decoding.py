"""Translating a batch: the same weights here, in transformers and in CTranslate2, the same output.

One thread each, in turn; generated tokens a second, `</s>` counted, the median over rounds. A case
whose outputs differ is not timed. With every head's weights: here one forced pass after the search
(`core.analysis.trace.capture`), in transformers `generate(output_attentions=True)`, which needs eager attention;
CTranslate2 has no such thing.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import cache
from typing import TYPE_CHECKING

import torch

from bench import layout
from bench.comparison import Report, Say
from bench.workers import Act, Worker, in_turn
from core.analysis.trace.capture import search_and_capture
from core.config import SearchConfig
from core.decoding.search import search
from core.model import Transformer

if TYPE_CHECKING:
    from transformers import MarianMTModel

PART = "decoding"
BATCHES, BEAMS = (1, 16, 64), (1, 4)
LEFT_OUT = {("base", 4, 64), ("toy", 1, 64), ("toy", 4, 64)}
"""Minutes a round; and what adds nothing to a run whose figures mean nothing."""
LIMIT = 96
"""No translation of the sentences used comes near so many pieces."""


def searching(beam_size: int, *, limit: int = LIMIT) -> SearchConfig:
    """Without a length penalty, whose definitions differ between the toolkits."""
    return SearchConfig(
        method="beam" if beam_size > 1 else "greedy",
        beam_size=beam_size,
        alpha=0.0,
        max_extra_pieces=limit,
        max_target_pieces=limit,
    )


def sources(batch: int) -> list[list[int]]:
    return [source for source, _ in layout.pairs(batch, seed=3)]


@cache
def _model(size: str) -> Transformer:
    """Made once a process; making `base` takes longer than some of its rounds."""
    return layout.ours(size)


@cache
def _twin(size: str, attention: str) -> "MarianMTModel":
    from bench.marian import twin

    return twin(_model(size), attention)


def _ours(*, captured: bool) -> Callable[..., Act]:
    def make(size: str, batch: int, beam_size: int) -> Act:
        torch.set_num_threads(1)
        model, texts, config = _model(size), sources(batch), searching(beam_size)

        def act() -> list[list[int]]:
            found = (
                search_and_capture(model, texts, config)[0]
                if captured
                else search(model, texts, config)
            )
            return [list(each.best.tokens) for each in found]

        return act

    return make


def _marian(attention: str, *, captured: bool) -> Callable[..., Act]:
    def make(size: str, batch: int, beam_size: int) -> Act:
        torch.set_num_threads(1)
        texts, model = sources(batch), _twin(size, attention)
        ids = model.config
        source = layout.padded([[*text, ids.eos_token_id] for text in texts], ids.pad_token_id)
        visible = (source != ids.pad_token_id).long()

        def act() -> list[list[int]]:
            with torch.inference_mode():
                generated = model.generate(
                    source,
                    attention_mask=visible,
                    num_beams=beam_size,
                    do_sample=False,
                    max_new_tokens=LIMIT + 1,
                    length_penalty=0.0,
                    early_stopping=False,
                    output_attentions=captured,
                    return_dict_in_generate=captured,
                )
            tokens = generated.sequences if captured else generated
            return [_until_end(row, ids.eos_token_id) for row in tokens[:, 1:].tolist()]

        return act

    return make


def _until_end(row: list[int], end: int) -> list[int]:
    return row[: row.index(end)] if end in row else row


def _ctranslate2(size: str, batch: int, beam_size: int) -> Act:
    import ctranslate2

    from bench.marian import converted

    engine = ctranslate2.Translator(
        str(converted(size)), compute_type="float32", inter_threads=1, intra_threads=1
    )
    names = ["</s>", "<unk>", *layout.tokenizer().names[layout.N_SPECIAL :]]
    ids = {name: number for number, name in enumerate(names)}
    texts = [[names[piece] for piece in (*text, layout.END)] for text in sources(batch)]

    def act() -> list[list[int]]:
        results = engine.translate_batch(
            texts, beam_size=beam_size, length_penalty=0.0, max_decoding_length=LIMIT + 1,
            suppress_sequences=[["<unk>"]],
        )  # fmt: skip
        return [[ids[name] for name in result.hypotheses[0]] for result in results]

    return act


OURS, OURS_CAPTURED = "ours", "ours, every head"
MARIAN, MARIAN_CAPTURED = "transformers sdpa", "transformers eager, every head"
CTRANSLATE2 = "CTranslate2"
MAKERS: dict[str, Callable[..., Act]] = {
    OURS_CAPTURED: _ours(captured=True),
    OURS: _ours(captured=False),
    MARIAN_CAPTURED: _marian("eager", captured=True),
    MARIAN: _marian("sdpa", captured=False),
    CTRANSLATE2: _ctranslate2,
}
COMPARED = {OURS_CAPTURED: (MARIAN_CAPTURED, OURS), OURS: (MARIAN, CTRANSLATE2)}
"""Which peers each of our two is compared with."""
WITHOUT_CAPTURE = 0.92
"""Capture may cost 8 % of a batch of 16 and more: so much of the speed without it must remain."""


def measure(
    report: Report, say: Say, *, sizes: Sequence[str], n_rounds: int, enough_s: float
) -> None:
    """Rows for each size, beam and batch: with every head beside transformers, without beside both."""
    for size in sizes:
        layout.weights(size)
        with ExitStack() as stack:
            workers = {name: stack.enter_context(Worker(__name__, name)) for name in MAKERS}
            for beam_size in BEAMS:
                for batch in BATCHES:
                    if (size, beam_size, batch) in LEFT_OUT:
                        continue
                    what = f"{size}, {f'beam {beam_size}' if beam_size > 1 else 'greedy'}, batch {batch}"
                    say(f"{PART}: {what}")
                    _compare(
                        report, what, workers, size, batch, beam_size,
                        n_rounds=n_rounds, enough_s=enough_s,
                    )  # fmt: skip


def _compare(
    report: Report,
    case: str,
    workers: dict[str, Worker],
    size: str,
    batch: int,
    beam_size: int,
    *,
    n_rounds: int,
    enough_s: float,
) -> None:
    found = {
        name: worker.make(size=size, batch=batch, beam_size=beam_size)
        for name, worker in workers.items()
    }
    same = [name for name in found if found[name] == found[OURS]]
    for name in found.keys() - same:
        report.remarks.append(
            f"{PART}, {case}: {name} finds other translations, so it is not timed"
        )
    rounds = in_turn({name: workers[name] for name in same}, n_rounds=n_rounds, enough_s=enough_s)
    n_tokens = sum(len(tokens) + 1 for tokens in found[OURS])
    for ours, peers in COMPARED.items():
        if ours not in same:
            continue
        targets = {name: _target(size, batch, beam_size, name) for name in peers if name in same}
        report.compare(PART, case, rounds, ours, targets, n_tokens=n_tokens)


def _target(size: str, batch: int, beam_size: int, peer: str) -> float | None:
    """The least ratio that is known to be possible, by prototypes; what capture may cost."""
    if peer == OURS:
        return WITHOUT_CAPTURE if batch >= 16 else None
    if beam_size > 1:
        return None
    if size == "base":
        return 1.0 if peer == MARIAN else None
    return {MARIAN: {1: 3.0}.get(batch), CTRANSLATE2: {1: 0.38, 16: 0.65}.get(batch)}.get(peer)
