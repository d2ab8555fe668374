"""The variants of Table 3: which models are trained, on which texts, with which settings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.config import ModelConfig, TrainConfig
from core.experiments.table3.presets import PRESETS, PaperResult, model_config, preset
from core.training.recipes import early_steps

# How every row is trained. A row's own settings, where it has any, stand beside its name in ROWS.

TRAINING = TrainConfig(
    tokens_per_update=750,
    tokens_per_microbatch=750,
    n_steps=9_000,
    n_warmup_steps=1_500,
    rate_scale=0.6,
    validate_every=500,
    n_validation_translations=200,
    snapshot_every=9_000,
    n_snapshots=1,
    save_every_s=120.0,
    precision="float32",
)
"""The final weights are the plain last ones (`n_snapshots=1`): Table 3 is without averaging."""
VOCABULARY_SIZE = 4_000
TRAIN, VALIDATION, TEST = "multi30k-train", "multi30k-val", "multi30k-test2016"
LANGUAGES = ("en", "de")
N_TIMELINE = 5
METRICS, SENTENCES = "metrics.json", "sentences.npz"


@dataclass(frozen=True, slots=True)
class Variant:
    """One variant: a model to train."""

    name: str
    preset: str
    """The name of the paper's variant that it follows."""
    depth: str | None = None
    """A factor on the number of layers, for this variant instead of the family's."""
    model_changes: Mapping[str, Any] = field(default_factory=dict)
    """The settings of the model in which it differs from the preset, unscaled."""
    training: Mapping[str, Any] = field(default_factory=dict)
    """The training settings in which it differs from the common ones."""
    keeps_weights: bool = True

    @property
    def paper(self) -> PaperResult | None:
        """The paper's numbers for this variant; None if the paper's table does not have it."""
        return preset(self.preset).paper if self.name == self.preset else None

    def model(self, *, vocabulary_size: int, width: str, depth: str) -> ModelConfig:
        """Raises ValueError if a scaled size is not a whole number of at least 1."""
        return model_config(
            self.preset,
            vocabulary_size=vocabulary_size,
            width=width,
            depth=self.depth or depth,
            **self.model_changes,
        )

    def settings(self, common: TrainConfig = TRAINING) -> TrainConfig:
        changes = {"label_smoothing": preset(self.preset).label_smoothing, **self.training}
        settings = common.replace(**changes)
        if self is not BASE:
            return settings
        return settings.replace(keep_steps=early_steps(settings.n_steps, N_TIMELINE))


SEEDS = ("base", "base-seed2", "base-seed3")
VARIANTS = {
    row.name: row
    for row in (
        *(Variant(name, name) for name in PRESETS),
        Variant("base-N6", "base", depth="1"),
        Variant("fixed-heads", "base", model_changes={"n_fixed_heads": 7}),
        Variant("base-seed2", "base", training={"seed": 2}, keeps_weights=False),
        Variant("base-seed3", "base", training={"seed": 3}, keeps_weights=False),
    )
}
"""In the order in which they are trained; the paper's twenty first."""
BASE = VARIANTS["base"]


def chosen_variants(names: str) -> list[Variant]:
    """The variants in a list such as `base,A-h1`, in the table's order; an empty list means all.

    Raises:
        ValueError: if a name is not a variant's.
    """
    wanted = {name.strip() for name in names.split(",") if name.strip()}
    unknown = sorted(wanted - set(VARIANTS))
    if unknown:
        raise ValueError(
            f"there is no variant {', '.join(unknown)}; the variants are {', '.join(VARIANTS)}"
        )
    return [row for row in VARIANTS.values() if row.name in wanted or not wanted]


def is_finished(folder: Path) -> bool:
    """Whether a variant's folder is finished: it is written in one rename, so one file shows it."""
    return (folder / METRICS).is_file()
