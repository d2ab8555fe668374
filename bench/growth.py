"""What a longer sentence and a larger batch cost, every head captured, beside transformers.

The models are those of the other parts but for one number: `</s>` is so improbable that every
translation is as long as its limit, here as long as its source.
"""

from collections.abc import Sequence
from contextlib import ExitStack

import torch

from bench import layout
from bench.comparison import Report, Say
from bench.decoding import searching
from bench.workers import Act, Worker, in_turn
from core.analysis.trace.capture import search_and_capture
from core.model import Transformer

PART = "growth"
LENGTHS, BATCHES = (8, 32, 128, 512), (1, 4, 16)
LENGTH_OF_BATCHES = 32
NEVER = -1e4
OURS, MARIAN = "ours, every head", "transformers eager, every head"


def endless(size: str) -> Transformer:
    """A model that never ends by itself."""
    model = layout.ours(size)
    with torch.no_grad():
        model.embedding.output_bias[layout.END] = NEVER
    return model


def sources(length: int, batch: int) -> list[list[int]]:
    """Sentences of the project's own grammar one after another, cut to a length."""
    text = [piece for source, _ in layout.pairs(40 * batch, seed=6) for piece in source]
    return [text[number * length :][:length] for number in range(batch)]


def _ours(size: str, length: int, batch: int) -> Act:
    torch.set_num_threads(1)
    model, texts, config = endless(size), sources(length, batch), searching(1, limit=length)

    def act() -> list[list[int]]:
        found, _ = search_and_capture(model, texts, config)
        return [list(each.best.tokens) for each in found]

    return act


def _marian(size: str, length: int, batch: int) -> Act:
    from bench.marian import twin

    torch.set_num_threads(1)
    model = twin(endless(size), "eager")
    source = torch.tensor([[*text, layout.END] for text in sources(length, batch)])

    def act() -> list[list[int]]:
        with torch.inference_mode():
            made = model.generate(
                source,
                do_sample=False,
                num_beams=1,
                max_new_tokens=length + 1,
                output_attentions=True,
                return_dict_in_generate=True,
            )
        return made.sequences[:, 1:-1].tolist()

    return act


MAKERS = {OURS: _ours, MARIAN: _marian}


def measure(
    report: Report, say: Say, *, sizes: Sequence[str], n_rounds: int, enough_s: float
) -> None:
    """Rows for each length of one sentence, and for each batch; of the first size alone."""
    size = sizes[0]
    layout.weights(size)
    cases = [(length, 1) for length in (LENGTHS if size != "toy" else LENGTHS[:2])]
    cases += [(LENGTH_OF_BATCHES, batch) for batch in BATCHES if batch > 1]
    with ExitStack() as stack:
        workers = {name: stack.enter_context(Worker(__name__, name)) for name in MAKERS}
        for length, batch in cases:
            case = f"{size}, greedy, {length} pieces in and out, batch {batch}"
            say(f"{PART}: {case}")
            what = {"size": size, "length": length, "batch": batch}
            found = {name: each.make(**what) for name, each in workers.items()}
            if found[OURS] != found[MARIAN]:
                report.remarks.append(f"{PART}, {case}: other translations, so it is not timed")
                continue
            rounds = in_turn(workers, n_rounds=n_rounds, enough_s=enough_s)
            report.compare(PART, case, rounds, OURS, {MARIAN: None})
