"""`corpus`: write English-German sentence pairs from the project's own grammar."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """Write a small English-German corpus from the project's own grammar, for a first training."""

    output: Path
    """Folder for train.en, train.de, test.en and test.de."""
    n_pairs: int = 5_000
    n_test: int = 200
    seed: int = 1

    def execute(self, arguments: Sequence[str]) -> None:
        from core.system.files import prepare_folder
        from core.text.toy_grammar import sentence_pairs

        prepare_folder(self.output)
        self.output.mkdir(parents=True, exist_ok=True)
        pairs = list(sentence_pairs(self.n_pairs + self.n_test, self.seed))
        for name, part in (("train", pairs[: self.n_pairs]), ("test", pairs[self.n_pairs :])):
            for side, language in enumerate(("en", "de")):
                lines = "".join(pair[side] + "\n" for pair in part)
                (self.output / f"{name}.{language}").write_text(lines, "utf-8")
        print(f"{self.output}: {self.n_pairs} training and {self.n_test} test pairs")
