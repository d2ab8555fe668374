"""`align`: what it prints and writes, and what it refuses."""

import json
from pathlib import Path

import pytest

from core.analysis.alignment.links import links_of, pharaoh
from core.checkpoint.folder import load_checkpoint
from core.cli import main
from tests.checkpoints import write_checkpoint
from tests.core.analysis.alignment.matrices import word_matrices

SOURCES = ["the old man sees a house", "", "a man", "the woman sees the old red house"]
TARGETS = ["der alte Mann sieht ein Haus", "x", "ein Mann", "die Frau sieht das alte rote Haus"]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("align") / "tiny"
    write_checkpoint(folder)
    return folder


@pytest.fixture
def asked(checkpoint: Path, tmp_path: Path) -> list[str]:
    for name, lines in (("a.en", SOURCES), ("a.de", TARGETS)):
        (tmp_path / name).write_text("\n".join(lines), "utf-8")
    (tmp_path / "gold").write_text("1-1 2-2\n\n1-1\n1-1 7p7\n")
    files = ["--source", str(tmp_path / "a.en"), "--target", str(tmp_path / "a.de")]
    return ["align", "--checkpoint", str(checkpoint), *files]


def test_links_have_a_line_a_sentence(
    asked: list[str], checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pair that is left out keeps its empty line, so that files stay parallel."""
    before = (checkpoint / "metrics.json").read_bytes()
    output = tmp_path / "links"
    choice = ["--by", "L2H3", "--values", "norms", "--step", "AWI"]
    main([*asked, *choice, "--max-words", "6", "--output", str(output)])
    said = capsys.readouterr()
    assert said.out == ""
    assert "2 sentence pairs" in said.err
    assert "L2H3, norms, AWI: " in said.err
    loaded = load_checkpoint(checkpoint)
    matrices = {
        pair.index: pair.of["norms", "consumed"][1, 2]
        for pair in word_matrices(loaded.model, loaded.vocabulary, SOURCES, TARGETS)
    }
    expected = [pharaoh(links_of(matrices[n])) if n in (0, 2) else "" for n in range(4)]
    assert output.read_text("utf-8") == "\n".join(expected) + "\n"
    assert (checkpoint / "metrics.json").read_bytes() == before


def test_details_say_what_each_link_is_worth(
    asked: list[str], checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main([*asked, "--by", "L1", "--step", "AWO", "--form", "details"])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    loaded = load_checkpoint(checkpoint)
    for pair in word_matrices(loaded.model, loaded.vocabulary, SOURCES, TARGETS):
        links = links_of(pair.of["weights", "produced"][0, -1])
        assert lines[pair.index]["links"] == [
            [link.source, link.target, round(link.confidence, 4), link.is_mutual] for link in links
        ]
        mean = sum(link.is_mutual for link in links) / len(links)
        assert lines[pair.index]["agreement"] == pytest.approx(mean, abs=1e-4)
    assert lines[1] == {"links": [], "confidence": None, "agreement": None}


def test_with_gold_the_table_stands_beside_published_ones(
    asked: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main([*asked, "--gold", str(tmp_path / "gold")])
    table = capsys.readouterr().out
    assert table.startswith("alignment error rate, % (lower is better)")
    main([*asked, "--gold", str(tmp_path / "gold"), "--form", "json"])
    said = json.loads(capsys.readouterr().out)
    first = next(line for line in table.splitlines() if line.startswith("1 "))
    cells = [
        said["layers"][v][s][0] for v in ("weights", "norms") for s in ("produced", "consumed")
    ]
    for value, low, high in cells:
        assert f"{100 * value:.1f} [{100 * low:.1f}, {100 * high:.1f}]" in first
    assert "Kobayashi" in table
    main([*asked, "--form", "table"])
    table = capsys.readouterr().out
    assert table.startswith("bidirectional agreement")
    assert "Kobayashi" not in table


@pytest.mark.parametrize("by", ["L9H1", "L1H9", "H1", "L0", "l1h1", "L1H", "all"])
def test_a_head_that_is_not_there_is_named(
    asked: list[str], by: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([*asked, "--by", by])
    assert f"--by {by} is no cross-attention head of this model, which has 3 layers" in (
        capsys.readouterr().err
    )
