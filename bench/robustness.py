"""Sentences as people type them: does a translator still get them right?

    python -m bench.robustness en-de runs/other

`robustness.tsv` holds sentences of the project's own making, each with the translations that are
accepted, as a regular expression: KIND, SOURCE, ACCEPTED. Everyday sentences are also typed without
capitals, in capitals, without the mark at the end, and with two spaces; contractions also in full
and with a typographic apostrophe. A number or a name only has to arrive.
"""

import argparse
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import core
from core.config import SearchConfig
from core.text.rough import in_haste, without_end
from core.translator import Translator

FILE = Path(__file__).with_suffix(".tsv")

FULL_FORMS = {
    "don't": "do not", "doesn't": "does not", "can't": "cannot", "shouldn't": "should not",
    "isn't": "is not", "didn't": "did not", "'m ": " am ", "'re ": " are ", "'ve ": " have ",
    "'ll ": " will ", "'s ": " is ",
}  # fmt: skip


def in_full(sentence: str) -> str:
    """Without contractions."""
    for short, full in FULL_FORMS.items():
        sentence = sentence.replace(short, full)
    return sentence


Ways = Mapping[str, Callable[[str], str]]

WAYS: Mapping[str, Ways] = {
    "everyday": {
        "as written": str,
        "without capitals": str.lower,
        "in capitals": str.upper,
        "without the mark at the end": without_end,
        "without both": in_haste,
        "with two spaces": lambda sentence: sentence.replace(" ", "  "),
    },
    "contraction": {
        "contractions": str,
        "contractions, typographic": lambda sentence: sentence.replace("'", "’"),
        "contractions in full": in_full,
    },
    "number": {"numbers": str},
    "name": {"names": str},
}
"""Kind -> what a row of the table is called -> how its sentences are typed."""


@dataclass(frozen=True, slots=True)
class Case:
    """One sentence, typed one way."""

    way: str
    source: str
    accepted: str

    def is_right(self, translation: str) -> bool:
        """Whether this is an accepted translation; capitals and the end mark do not count."""
        given = without_end(translation).casefold()
        return bool(re.fullmatch(self.accepted.replace("ß", "ss"), given))


def read_cases(file: Path = FILE) -> Iterator[Case]:
    """The sentences of each row, row by row."""
    lines = [line.split("\t") for line in file.read_text("utf-8").splitlines()]
    for kind, ways in WAYS.items():
        for way, typed in ways.items():
            for line_kind, source, accepted in lines:
                if line_kind == kind:
                    yield Case(way, typed(source), accepted)


def judged(translator: Translator) -> dict[str, list[tuple[Case, str]]]:
    """Each row's sentences, each with its translation by the paper's search."""
    cases = list(read_cases())
    translations = translator.translate([case.source for case in cases], SearchConfig())
    rows: dict[str, list[tuple[Case, str]]] = {}
    for case, translation in zip(cases, translations, strict=True):
        rows.setdefault(case.way, []).append((case, translation))
    return rows


def n_right(row: list[tuple[Case, str]]) -> int:
    return sum(case.is_right(translation) for case, translation in row)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoints", nargs="+", help="folders, or names of bundled checkpoints")
    parser.add_argument("--wrong", action="store_true", help="also print what was not accepted")
    arguments = parser.parse_args()
    found = {name: judged(core.load(name)) for name in arguments.checkpoints}
    first = next(iter(found.values()))
    print("| sentences | " + " | ".join(found) + " |", "|---" * (len(found) + 1) + "|", sep="\n")
    for way, row in first.items():
        counts = (f"{n_right(rows[way])} of {len(row)}" for rows in found.values())
        print(f"| {way} | " + " | ".join(counts) + " |")
    if arguments.wrong:
        for name, rows in found.items():
            for case, translation in (one for row in rows.values() for one in row):
                if not case.is_right(translation):
                    print(f"{name}, {case.way}: {case.source} -> {translation}")


if __name__ == "__main__":
    main()
