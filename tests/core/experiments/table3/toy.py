"""Table 3 at toy size: texts of the project's own grammar, and how far a row's training is."""

from pathlib import Path

from core.experiments.table3.rows import TEST, TRAIN, VALIDATION
from core.text.toy_grammar import sentence_pairs

SIZES = {TRAIN: 300, VALIDATION: 24, TEST: 24}


def write_texts(folder: Path, seed: int = 3) -> None:
    pairs = iter(sentence_pairs(sum(SIZES.values()), seed))
    for name, n in SIZES.items():
        part = [next(pairs) for _ in range(n)]
        for side, language in enumerate(("en", "de")):
            lines = "".join(pair[side] + "\n" for pair in part)
            (folder / f"{name}.{language}").write_text(lines, "utf-8")


def saved_step(run_folder: Path) -> int:
    latest = run_folder / "latest"
    return int(latest.read_text().strip().removeprefix("step-")) if latest.is_file() else 0
