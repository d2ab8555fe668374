"""Translating a batch: the same weights here, in transformers and in CTranslate2, the same output.

    python -m bench.decoding [--sizes tiny quarter-base] [--rounds 5]

One thread each, in turn; generated tokens a second, `</s>` counted, the median over rounds. A case
whose outputs differ is not timed. With every head's weights: here one forced pass after the search
(`core.tracing`), in transformers `generate(output_attentions=True)`, which needs eager attention;
CTranslate2 has no such thing.
"""

import argparse
import statistics
from collections.abc import Callable, Sequence
from contextlib import ExitStack

import torch

from bench import layout
from bench.workers import Act, Worker, in_turn, median_ratio
from core.config import SearchConfig
from core.decoding import search
from core.model import Transformer
from core.tracing import capture

BATCHES, BEAMS = (1, 16, 64), (1, 4)
LIMIT = 96
"""No translation of the sentences used comes near so many pieces."""


def searching(beam_size: int) -> SearchConfig:
    """Without a length penalty, whose definitions differ between the toolkits."""
    return SearchConfig(
        method="beam" if beam_size > 1 else "greedy",
        beam_size=beam_size,
        alpha=0.0,
        max_extra_pieces=LIMIT,
        max_target_pieces=LIMIT,
    )


def sources(batch: int) -> list[list[int]]:
    return [source for source, _ in layout.pairs(batch, seed=3)]


def _ours(*, captured: bool) -> Callable[..., Act]:
    def make(size: str, batch: int, beam_size: int) -> Act:
        torch.set_num_threads(1)
        model, texts, config = layout.ours(size), sources(batch), searching(beam_size)

        def act() -> list[list[int]]:
            found = [list(each.best.tokens) for each in search(model, texts, config)]
            if captured:
                capture_batch(model, texts, found)
            return found

        return act

    return make


def capture_batch(
    model: Transformer, texts: Sequence[Sequence[int]], found: Sequence[Sequence[int]]
) -> None:
    """All weights of all heads for a batch of translations, in one forced pass."""
    pad, start, end = model.config.pad_id, model.config.start_id, model.config.end_id
    source = layout.padded([[*text, end] for text in texts], pad)
    consumed = layout.padded([[start, *tokens] for tokens in found], pad)
    capture(model, source, consumed, ["*.weights"])


def _marian(attention: str, *, captured: bool) -> Callable[..., Act]:
    def make(size: str, batch: int, beam_size: int) -> Act:
        from bench.marian import twin

        torch.set_num_threads(1)
        texts, model = sources(batch), twin(layout.ours(size), attention)
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
MAKERS: dict[str, Callable[..., Act]] = {
    OURS_CAPTURED: _ours(captured=True),
    OURS: _ours(captured=False),
    "Marian eager, every head": _marian("eager", captured=True),
    "Marian sdpa": _marian("sdpa", captured=False),
    "CTranslate2": _ctranslate2,
}
COMPARED = {OURS_CAPTURED: ("Marian eager, every head",), OURS: ("Marian sdpa", "CTranslate2")}
"""Which peers each of our two is compared with."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--sizes", nargs="+", choices=layout.SIZES, default=["tiny"])
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    for size in chosen.sizes:
        layout.weights(size)
        with ExitStack() as stack:
            workers = {name: stack.enter_context(Worker("bench.decoding", name)) for name in MAKERS}
            for beam_size in BEAMS:
                for batch in BATCHES:
                    _compare(workers, size, batch, beam_size, chosen.rounds)


def _compare(
    workers: dict[str, Worker], size: str, batch: int, beam_size: int, n_rounds: int
) -> None:
    what = {"size": size, "batch": batch, "beam_size": beam_size}
    found = {name: worker.make(**what) for name, worker in workers.items()}
    print(f"{size}, batch {batch}, {f'beam {beam_size}' if beam_size > 1 else 'greedy'}")
    different = [name for name in found if found[name] != found[OURS]]
    if different:
        print(f"  outputs differ from ours, so nothing is timed: {', '.join(different)}")
        return
    rounds = in_turn(workers, n_rounds=n_rounds)
    n_tokens = sum(len(tokens) + 1 for tokens in found[OURS])
    for name, own in rounds.items():
        speed = n_tokens / statistics.median(each.wall_s for each in own)
        ratios = (
            f"{median_ratio(rounds[peer], own):.2f} x {peer}" for peer in COMPARED.get(name, ())
        )
        print(f"  {name:26} {speed:7.0f} tokens/s  {'; '.join(ratios)}", flush=True)


if __name__ == "__main__":
    main()
