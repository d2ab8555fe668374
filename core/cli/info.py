"""`info`: describe a checkpoint, or list the variants of Table 3."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.cli.opening import open_checkpoint
from core.config import ModelConfig
from core.experiments.table3.presets import PRESETS, model_config
from core.system.text_tables import aligned


def costs_of(config: ModelConfig, n_source: int, n_target: int) -> dict[str, Any]:
    """Operations in 10^9 for a pair, bytes in 10^6."""
    from core.model.costs import (
        cache_bytes,
        search_operations,
        training_bytes,
        training_operations,
        weight_bytes,
    )

    return {
        "G_operations_trained": round(training_operations(config, n_source, n_target) / 1e9, 3),
        "G_operations_greedy": round(search_operations(config, n_source, n_target) / 1e9, 3),
        "G_operations_beam_4": round(
            search_operations(config, n_source, n_target, beam_size=4) / 1e9, 3
        ),
        "MB_weights": round(weight_bytes(config) / 1e6, 1),
        "MB_training": round(training_bytes(config) / 1e6, 1),
        "MB_cache": round(cache_bytes(config, n_source, n_target) / 1e6, 3),
    }


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
    costs: bool = False
    """Print what the model, or each variant, costs: operations and bytes, by formula."""
    n_source: int = 25
    """With --costs: tokens of a source, the end token among them."""
    n_target: int = 25
    """With --costs: tokens of a translation."""
    json: bool = False
    """Print JSON."""

    def execute(self, arguments: Sequence[str]) -> None:
        if self.presets == bool(self.checkpoint):
            raise ValueError("name either --checkpoint DIR or --presets")
        if min(self.n_source, self.n_target) < 1:
            raise ValueError(
                f"n_source={self.n_source} and n_target={self.n_target} must be at least 1 token"
            )
        if self.costs:
            print(self._costs())
        else:
            print(self._presets() if self.presets else self._checkpoint())

    def _costs(self) -> str:
        configs = (
            {
                name: model_config(
                    name, vocabulary_size=self.vocabulary_size, width=self.width, depth=self.depth
                )
                for name in PRESETS
            }
            if self.presets
            else {str(self.checkpoint): self._config()}
        )
        rows = [
            {"model": name, **costs_of(config, self.n_source, self.n_target)}
            for name, config in configs.items()
        ]
        if self.json:
            return json.dumps(rows)
        lines = [tuple(rows[0]), *(tuple(map(str, row.values())) for row in rows)]
        return aligned([tuple(heading.replace("_", " ") for heading in lines[0]), *lines[1:]])

    def _config(self) -> ModelConfig:
        from core.checkpoint.bundled import resolve
        from core.checkpoint.required import model_config_of

        assert self.checkpoint
        return model_config_of(resolve(self.checkpoint))

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
