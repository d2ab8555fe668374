"""`info`: describe a checkpoint, or list the variants of Table 3."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.cli.opening import open_checkpoint
from core.experiments.table3.presets import PRESETS, model_config
from core.system.text_tables import aligned


@dataclass(frozen=True, kw_only=True)
class Info:
    """Describe a checkpoint, or list the variants of Table 3 with their parameter counts."""

    checkpoint: Path | None = None
    """A checkpoint folder, such as checkpoints/en-de."""
    presets: bool = False
    """List the variants of Table 3 instead."""
    width: str = "1"
    """With --presets: factor on all widths, such as 1/4."""
    depth: str = "1"
    """With --presets: factor on the number of layers, such as 1/2."""
    vocabulary_size: int = 37_000
    """With --presets: number of pieces in the vocabulary; the paper's has about 37,000."""
    json: bool = False
    """Print JSON."""

    def execute(self, arguments: Sequence[str]) -> None:
        if self.presets == bool(self.checkpoint):
            raise ValueError("name either --checkpoint DIR or --presets")
        print(self._presets() if self.presets else self._checkpoint())

    def _presets(self) -> str:
        rows: list[dict[str, Any]] = []
        for preset in PRESETS.values():
            config = model_config(
                preset.name,
                vocabulary_size=self.vocabulary_size,
                width=self.width,
                depth=self.depth,
            )
            rows.append(
                {
                    "row": preset.name,
                    "n_encoder_layers": config.n_encoder_layers,
                    "d_model": config.d_model,
                    "d_ff": config.d_ff,
                    "n_heads": config.n_heads,
                    "d_k": config.d_k,
                    "d_v": config.d_v,
                    "parameters_millions": round(config.n_parameters / 1e6, 2),
                    "paper_parameters_millions": preset.paper.parameters_millions,
                }
            )
        if self.json:
            return json.dumps(rows)
        header = ("row", "N", "d_model", "d_ff", "h", "d_k", "d_v", "M parameters", "paper")
        lines = [
            header,
            *(tuple("" if v is None else str(v) for v in row.values()) for row in rows),
        ]
        return aligned(lines)

    def _checkpoint(self) -> str:

        assert self.checkpoint
        checkpoint = open_checkpoint(self.checkpoint)
        config = checkpoint.config
        results = checkpoint.metrics.get("results", {})
        if self.json:
            values = {
                "model": config.to_json(),
                "parameters": config.n_parameters,
                "training": checkpoint.training.to_json() if checkpoint.training else None,
                "results": results,
            }
            return json.dumps(values)
        lines = [
            f"{self.checkpoint}: {config.n_parameters:,} parameters",
            f"  encoder   {config.n_encoder_layers} layers",
            f"  decoder   {config.n_decoder_layers} layers",
            f"  widths    d_model {config.d_model}, d_ff {config.d_ff}, {config.n_heads} heads, "
            f"d_k {config.d_k}, d_v {config.d_v}",
            f"  positions {config.positions}",
            f"  activation {config.activation}",
            f"  pieces    {config.vocabulary_size:,}",
        ]
        languages = checkpoint.vocabulary.source.languages
        if languages:
            lines.append(f"  translates into {', '.join(languages)}")
        lines += [
            f"  {name}: BLEU {result['bleu']}, lowercased {result['bleu_lc']}, "
            f"chrF {result['chrf']}, perplexity {result['perplexity']}"
            for name, result in results.items()
        ]
        return "\n".join(lines)
