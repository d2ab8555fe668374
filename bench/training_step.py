"""One training step of the bundled size: as written naively, as it is, and torch.nn.Transformer.

    python -m bench.training_step [--rounds 5] [--json FILE]

Each variant is a process of its own (memory settings belong to a process), all run one thread, and
the rounds are interleaved: A B C A B C .. The figure is the median over rounds, in source + target
tokens a second; a round is the best of three steps.
"""

import argparse
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

VARIANTS = {
    "before": "this model: fused attention, torch's dropout, glibc's memory defaults",
    "after": "this model as it trains here",
    "torch.nn.Transformer": "same sizes, same data, same optimiser",
}
N_PAIRS, N_SOURCE, N_TARGET = 100, 11, 12
VOCABULARY_SIZE, N_LAYERS, D_MODEL, D_FF, N_HEADS, P_DROPOUT = 8_000, 4, 256, 1_024, 8, 0.1


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--variant", choices=VARIANTS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.variant:
        _serve(options.variant)
        return
    speeds = _measure(options.rounds)
    base = statistics.median(speeds["torch.nn.Transformer"])
    for name, values in speeds.items():
        median = statistics.median(values)
        print(
            f"{name:22} {median:7.0f} tokens/s  {median / base:5.2f} x nn.Transformer  ({VARIANTS[name]})"
        )
    if options.json:
        result = {"tokens_per_s": speeds, "machine": platform.processor() or platform.machine()}
        options.json.write_text(json.dumps(result, indent=2) + "\n")


def _measure(n_rounds: int) -> dict[str, list[float]]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    servers = {
        name: subprocess.Popen(
            [sys.executable, "-m", "bench.training_step", "--variant", name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for name in VARIANTS
    }
    speeds: dict[str, list[float]] = {name: [] for name in VARIANTS}
    for _ in range(n_rounds + 1):
        for name, server in servers.items():
            assert server.stdin
            assert server.stdout
            server.stdin.write("go\n")
            server.stdin.flush()
            speeds[name].append(float(server.stdout.readline()))
    for server in servers.values():
        server.communicate("")
    return {name: values[1:] for name, values in speeds.items()}  # the first round warms up


def _serve(variant: str) -> None:
    """Run a round whenever a line comes in; print its tokens a second."""
    if variant != "before":
        from core.device import keep_freed_memory

        if variant == "after":
            keep_freed_memory()
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(1)
    step = (
        _peer_step() if variant == "torch.nn.Transformer" else _our_step(naive=variant == "before")
    )
    n_tokens = N_PAIRS * (N_SOURCE + N_TARGET)
    for _ in sys.stdin:
        times = []
        for _ in range(3):
            started_s = time.perf_counter()
            step()
            times.append(time.perf_counter() - started_s)
        print(n_tokens / min(times), flush=True)


def _our_step(*, naive: bool) -> Callable[[], None]:
    import torch
    from torch.nn import functional

    from core.config import ModelConfig
    from core.model import build
    from core.model.attention import MultiHeadAttention
    from core.model.dropout import Dropout
    from core.training import Objective

    if naive:
        MultiHeadAttention._explicit = lambda self, query: False  # type: ignore[method-assign]
        Dropout.forward = lambda self, tensor: functional.dropout(  # type: ignore[method-assign]
            tensor, self.p_dropout, self.training
        )
    model = build(
        ModelConfig(
            vocabulary_size=VOCABULARY_SIZE,
            n_encoder_layers=N_LAYERS,
            n_decoder_layers=N_LAYERS,
            d_model=D_MODEL,
            d_ff=D_FF,
            n_heads=N_HEADS,
            d_k=D_MODEL // N_HEADS,
            d_v=D_MODEL // N_HEADS,
            p_dropout=P_DROPOUT,
        )
    )
    objective = Objective(model, label_smoothing=0.1).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4, fused=not naive)
    source = torch.randint(4, VOCABULARY_SIZE, (N_PAIRS, N_SOURCE))
    target = torch.randint(4, VOCABULARY_SIZE, (N_PAIRS, N_TARGET + 1))

    def step() -> None:
        (objective(source, target) / (N_PAIRS * N_TARGET)).backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def _peer_step() -> Callable[[], None]:
    """torch.nn.Transformer with tied, scaled embeddings: the tutorial everybody starts from."""
    import torch
    from torch import nn
    from torch.nn import functional

    table = nn.Embedding(VOCABULARY_SIZE, D_MODEL)
    model = nn.Transformer(
        D_MODEL, N_HEADS, N_LAYERS, N_LAYERS, D_FF, P_DROPOUT, batch_first=True
    ).train()
    parameters = [*model.parameters(), *table.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=1e-4)
    source = torch.randint(4, VOCABULARY_SIZE, (N_PAIRS, N_SOURCE))
    target = torch.randint(4, VOCABULARY_SIZE, (N_PAIRS, N_TARGET + 1))
    causal = nn.Transformer.generate_square_subsequent_mask(N_TARGET)
    scale = math.sqrt(D_MODEL)

    def step() -> None:
        consumed = table(target[:, :-1]) * scale
        stream = model(table(source) * scale, consumed, tgt_mask=causal, tgt_is_causal=True)
        logits = functional.linear(stream, table.weight).flatten(0, 1)
        loss = functional.cross_entropy(logits, target[:, 1:].flatten(), label_smoothing=0.1)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


if __name__ == "__main__":
    main()
