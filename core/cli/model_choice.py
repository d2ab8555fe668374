"""The options that say which model is trained."""

import dataclasses
from dataclasses import dataclass

from core.config import ModelConfig, Positions
from core.experiments.table3.presets import model_config
from core.training.recipes import Recipe


@dataclass(frozen=True, kw_only=True)
class ModelChoice:
    """The model's shape; a preset, or else the size of the corpus, decides what is not given."""

    preset: str | None = None
    """A variant of Table 3: base, A-h1 .. E-learned, big (`info --presets` lists them)."""
    width: str = "1"
    """With a preset: factor on d_model, d_ff, d_k and d_v, such as 1/4."""
    depth: str = "1"
    """With a preset: factor on the number of layers, such as 1/2."""
    n_encoder_layers: int | None = None
    n_decoder_layers: int | None = None
    d_model: int | None = None
    d_ff: int | None = None
    n_heads: int | None = None
    d_k: int | None = None
    d_v: int | None = None
    p_dropout: float | None = None
    positions: Positions | None = None
    n_fixed_heads: int | None = None
    """How many heads of each encoder layer attend by a fixed pattern of positions (0 to 7)."""

    def of_start(self, config: ModelConfig) -> ModelConfig:
        """The shape of the model that a training starts from; only its dropout may be another.

        Raises:
            ValueError: if another size is asked for; the message names the options.
        """
        given = dataclasses.asdict(self)
        others = [
            f"--{field.name.replace('_', '-')}"
            for field in dataclasses.fields(self)
            if given[field.name] != field.default and field.name != "p_dropout"
        ]
        if others:
            raise ValueError(
                f"--start-from brings the shape of its model; leave out {', '.join(others)}"
            )
        return config if self.p_dropout is None else config.replace(p_dropout=self.p_dropout)

    def config(self, recipe: Recipe, vocabulary_size: int) -> ModelConfig:
        scaled = {"preset", "width", "depth"}
        changes = {
            name: value
            for name, value in dataclasses.asdict(self).items()
            if name not in scaled and value is not None
        }
        if self.preset:
            return model_config(
                self.preset,
                vocabulary_size=vocabulary_size,
                width=self.width,
                depth=self.depth,
                **changes,
            )
        config = recipe.model(vocabulary_size)
        if "d_k" not in changes and {"d_model", "n_heads"} & set(changes):
            d_model = changes.get("d_model", config.d_model)
            n_heads = changes.get("n_heads", config.n_heads)
            if d_model % n_heads:
                raise ValueError(
                    f"d_model={d_model} does not split into n_heads={n_heads} equal heads; "
                    f"the remainder is {d_model % n_heads}; name --d-k and --d-v, or other sizes"
                )
            changes = {"d_k": d_model // n_heads, "d_v": d_model // n_heads} | changes
        return config.replace(**changes)
