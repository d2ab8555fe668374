"""Every command of the README runs, but for a list of exceptions that must stay complete."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")

NOT_RUN = {
    "make app": "tests/e2e starts the same server",
    "make test": "this is it",
    "python3 -m venv .venv": "sets up what runs this test",
    ".venv/bin/pip install -r requirements.txt": "sets up what runs this test",
    ".venv/bin/pip install torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu": (
        "downloads from elsewhere"
    ),
    ".venv/bin/streamlit run explorer/app.py": "tests/e2e starts it",
    "pip install .": "tests/test_package.py builds and installs the wheel",
    "attention-explorer": "tests/test_package.py draws the installed app's first page",
    'attention-explorer translate --checkpoint en-de "A man is riding a bicycle."': (
        "tests/test_package.py runs it"
    ),
    ".venv/bin/streamlit run explorer/app.py -- --checkpoints runs/example": (
        "tests/e2e/test_own_checkpoints.py starts it with a folder it made"
    ),
    ".venv/bin/pip install -r requirements-hub.txt": "sets up what runs this test",
    ".venv/bin/streamlit run explorer/app.py -- --checkpoints Helsinki-NLP/opus-mt-en-de": (
        "fetches 300 MB; tests/core/checkpoint/test_hub.py fetches a small one from its own server"
    ),
    ".venv/bin/streamlit run explorer/app.py --server.address 0.0.0.0": "opens the network",
    "torchrun --nproc-per-node 8 -m core train --preset base --source train.en "
    "--target train.de --output checkpoints/mine": "needs eight GPUs",
    "python -m core table3 --width 1/4 --depth 1/2 --data data/en-de --output checkpoints/table3 "
    "--jobs 2": "takes hours; tests/core/experiments/table3/test_train_all.py runs it at toy size",
}


def blocks() -> list[list[str]]:
    """The commands of the README, block by block."""
    found = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    return [[line for line in block.splitlines() if line] for block in found]


def test_every_exception_is_still_in_the_readme() -> None:
    assert set(NOT_RUN) <= {command for block in blocks() for command in block}


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("readme")
    for name in ("checkpoints", "core", "explorer"):
        (folder / name).symlink_to(ROOT / name)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("block", [block for block in blocks() if not set(block) <= set(NOT_RUN)])
def test_the_commands_of_a_block_run_in_their_order(block: list[str], workplace: Path) -> None:
    for command in block:
        words = shlex.split(command)
        assert words[0] == "python"
        if words[3] == "train":  # in full it takes minutes
            words += ["--n-steps", "20", "--n-warmup-steps", "5"]
        result = subprocess.run(
            [sys.executable, *words[1:]], cwd=workplace, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stderr[-2000:]
        assert result.stdout


@pytest.mark.slow
def test_the_notebook_example_runs(workplace: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert blocks
    for block in blocks:
        subprocess.run([sys.executable, "-c", block], cwd=workplace, check=True)


def test_files_that_the_readme_names_are_there() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target


@pytest.mark.parametrize("pair", ["en-de", "en-fr"])
def test_the_readme_prints_the_cards_results(pair: str) -> None:
    card = (ROOT / "checkpoints" / pair / "card.md").read_text("utf-8")
    rows = [line for line in card.splitlines() if re.match(r"\| .*\[[\d.]+, [\d.]+\]", line)]
    assert len(rows) >= 3
    for row in rows:
        assert row in README
