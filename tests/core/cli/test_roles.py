"""`roles` and `contributions`: what they print, store and refuse."""

import json
from pathlib import Path

import pytest

from core.analysis.contributions.results import CONTRIBUTIONS, read_source_shares
from core.analysis.roles.examples import FILE, example_sentences
from core.analysis.roles.measure import measure_roles
from core.analysis.roles.roles import Roles, read_roles
from core.cli import main
from core.config import KINDS
from core.text.toy_grammar import sentence_pairs
from tests.checkpoints import write_checkpoint, write_timeline


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("roles")
    checkpoint = write_checkpoint(root / "tiny", metrics={"languages": ["English", "German"]})
    write_timeline(checkpoint, 4, 9)
    for side, lines in zip(("en", "de"), zip(*sentence_pairs(12), strict=True), strict=True):
        (root / f"a.{side}").write_text("\n".join(lines), "utf-8")
    (root / "gold").write_text("1-1\n" * 12)
    return root


def asked(folder: Path, command: str, *more: str | Path) -> list[str]:
    files = ["--source", folder / "a.en", "--target", folder / "a.de"]
    return [str(each) for each in (command, "--checkpoint", folder / "tiny", *files, *more)]


def test_roles_are_stored_and_printed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gold = [
        "--gold-source",
        folder / "a.en",
        "--gold-target",
        folder / "a.de",
        "--gold",
        folder / "gold",
    ]
    main(asked(folder, "roles", "--treebank", FILE, *gold, "--most-sentences", "9"))
    printed = capsys.readouterr().out
    found = read_roles(folder / "tiny")
    assert found
    assert list(found.texts.values()) == [9, 9, 9]
    held = [
        (place, score) for place in found.scores for score in found.scores[place] if score.is_held
    ]
    lines = printed.splitlines()
    assert len([line for line in lines if line.startswith(("enc.", "dec.", "cross."))]) == len(held)
    for place, score in held:
        assert any(
            line.startswith(place.label) and f"{score.score.value:.2f} [" in line for line in lines
        )
    assert "each word to its neighbour" in printed
    n_held = {kind: len({place for place, _ in held if place.kind == kind}) for kind in KINDS}
    n_heads = {"encoder": 2 * 5, "decoder": 3 * 5, "cross": 3 * 5}
    counts = [f"{kind} {n} of {n_heads[kind]}" for kind, n in n_held.items()]
    assert f"heads with a role: {'; '.join(counts)}\n" in printed
    assert {score.name for scores in found.scores.values() for score in scores} >= {
        "positional",
        "sink",
    }


def test_the_examples_are_the_projects_own_or_the_texts(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = []

    def measured(*arguments: object, examples: object = None, **more: object) -> Roles:
        given.append(examples)
        return measure_roles(*arguments, examples=examples, **more)  # type: ignore[arg-type]

    monkeypatch.setattr("core.analysis.roles.measure.measure_roles", measured)
    for keep in ("auto", "own", "text"):
        main(asked(folder, "roles", "--keep", keep, "--output", tmp_path / "roles.json"))
    own = example_sentences()
    assert given == [own, own, None]


def test_without_a_translation_the_model_translates(folder: Path, tmp_path: Path) -> None:
    words = asked(folder, "roles", "--output", tmp_path / "roles.json", "--most-sentences", "3")
    del words[words.index("--target") : words.index("--target") + 2]
    main(words)
    assert json.loads((tmp_path / "roles.json").read_text())["texts"] == {"a": 3}


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--gold", "gold"], "give --gold, --gold-source and --gold-target together"),
        (["--keep", "all"], "--keep all is unknown; write own, text or auto"),
        (["--most-sentences", "1"], "--most-sentences must be 2 or more, not 1"),
        (["--treebank", "nowhere"], "nowhere: No such file"),
        (
            [
                "--gold-source",
                "FOLDER/a.en",
                "--gold-target",
                "FOLDER/a.de",
                "--gold",
                "FOLDER/few",
            ],
            "a.en has 12 lines, FOLDER/few has 5; give one line of gold links for each sentence",
        ),
    ],
)
def test_mistakes_are_named_before_the_work(
    folder: Path, more: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "few").write_text("1-1\n" * 5)
    more, message = (
        [word.replace("FOLDER", str(folder)) for word in words] for words in (more, [message])
    )
    with pytest.raises(SystemExit, match="2"):
        main(asked(folder, "roles", *more))
    assert message[0] in capsys.readouterr().err


def test_contributions_are_stored_and_printed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(asked(folder, "contributions", "--snapshots"))
    printed = capsys.readouterr().out
    found = read_source_shares(folder / "tiny")
    assert found
    assert list(found.snapshots) == [4, 9]
    for each in (
        found.mean,
        found.at_end,
        found.exchanged,
        *found.along,
        *found.snapshots.values(),
    ):
        low, high = each.interval_95
        assert f"{each.value:.3f} [{low:.3f}, {high:.3f}]" in printed
    assert (folder / "tiny" / CONTRIBUTIONS).exists()


def test_a_model_without_snapshots_is_told(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_checkpoint(tmp_path / "tiny")
    words = asked(folder, "contributions", "--snapshots")
    words[words.index("--checkpoint") + 1] = str(tmp_path / "tiny")
    with pytest.raises(SystemExit, match="2"):
        main(words)
    assert "has no snapshots; leave --snapshots out" in capsys.readouterr().err
