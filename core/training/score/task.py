"""What is learnt and measured: texts for warm-up, prompts for both stages, and tests.

Nothing here imports torch.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from core.config import ModelConfig
from core.evaluation.rewards import REWARDS
from core.system.files import write_whole
from core.text.addition import addition_pairs
from core.text.parallel import ParallelFiles


@dataclass(frozen=True, kw_only=True)
class Task:
    """Prompts are sentences that warm-up never saw: on others, first attempts are too good."""

    name: str
    reward: str
    """Trained on; a name of `REWARDS`."""
    is_right: float
    """Rewards from here on count as right in the accuracies; fixed before anything is trained."""
    warm_up: ParallelFiles
    prompts: ParallelFiles
    tests: Mapping[str, ParallelFiles]
    max_extra_tokens: int
    """An attempt may be so many tokens longer than the longest reference of its batch."""

    def __post_init__(self) -> None:
        if self.reward not in REWARDS:
            raise ValueError(f"reward {self.reward!r} is none of {', '.join(REWARDS)}")
        if not 0 < self.is_right <= 1:
            raise ValueError(f"is_right={self.is_right} must be above 0 and at most 1")
        for name, files in {"warm-up": self.warm_up, "prompts": self.prompts, **self.tests}.items():
            if next(files.pairs(), None) is None:
                raise ValueError(
                    f"the text {name} ({files.sources[0]}) is empty; give it some lines"
                )

    def absolute(self) -> "Task":
        """The same, for a process with another current folder."""
        return dataclasses.replace(
            self,
            warm_up=self.warm_up.absolute(),
            prompts=self.prompts.absolute(),
            tests={name: files.absolute() for name, files in self.tests.items()},
        )


ADDITION_MODEL = ModelConfig(
    vocabulary_size=272,
    n_encoder_layers=2,
    n_decoder_layers=2,
    d_model=96,
    d_ff=384,
    n_heads=4,
    d_k=24,
    d_v=24,
    p_dropout=0.0,
    max_positions=64,
)
"""For additions: half a million parameters, and a piece for each digit."""


def addition_task(
    folder: Path, *, n_warm_up: int = 40_000, n_prompts: int = 20_000, n_test: int = 1_000
) -> Task:
    """Four-digit additions, written into a folder; no sum is in two of the texts."""
    wanted = {"warm-up": n_warm_up, "prompts": n_prompts, "test": n_test}
    files = {
        name: ParallelFiles((folder / f"{name}.sum",), (folder / f"{name}.result",))
        for name in wanted
    }
    if not all(
        path.is_file() for each in files.values() for path in (*each.sources, *each.targets)
    ):
        folder.mkdir(parents=True, exist_ok=True)
        pairs = _unlike(sum(wanted.values()))
        for name, n in wanted.items():
            part = [next(pairs) for _ in range(n)]
            for side, path in enumerate((files[name].sources[0], files[name].targets[0])):
                write_whole(path, "".join(pair[side] + "\n" for pair in part))
    return Task(
        name="addition",
        reward="exact",
        is_right=1.0,
        warm_up=files["warm-up"],
        prompts=files["prompts"],
        tests={"additions": files["test"]},
        max_extra_tokens=2,
    )


def _unlike(n: int) -> Iterator[tuple[str, str]]:
    """Sums without repeats; about twice as many are drawn as are needed."""
    return iter(list(dict.fromkeys(addition_pairs(2 * n)))[:n])
