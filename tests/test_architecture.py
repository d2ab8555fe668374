"""Who may know whom. The rooms and their order are contracts of import-linter, in pyproject.toml."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def modules(package: str) -> dict[str, Path]:
    """Name -> file of every module below a package."""
    found = {}
    for file in sorted((ROOT / package).rglob("*.py")):
        parts = file.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts).removesuffix(".__init__")] = file
    return found


def test_every_room_keeps_its_contract() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint], cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def imports_when_run(file: Path) -> Iterator[str]:
    """Modules that a file imports, at its top or inside a function; types that it only names are not."""
    tree = ast.parse(file.read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import of {node.module}"
            assert node.module
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if (ROOT / f"{full.replace('.', '/')}.py").is_file() else node.module


def is_script(module: str) -> bool:
    """Streamlit runs the app and its pages; importing them would run them."""
    return module == "explorer.app" or module.endswith(".page")


def test_a_stored_example_does_not_wait_for_torch() -> None:
    """All that the app imports at its start, and all of core that its pages use, comes without torch.

    A notebook has a loaded model in its hand already.
    """
    ours = {name for name in modules("explorer") if not is_script(name)}
    used = {
        name
        for module, file in modules("explorer").items()
        if not module.startswith("explorer.engine") and module != "explorer.notebook"
        for name in imports_when_run(file)
        if name.split(".")[0] == "core"
    }
    check = f"import sys, {', '.join(sorted(ours | used))}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False, cwd=ROOT).returncode == 0


def test_help_and_lists_do_not_wait_for_torch() -> None:
    check = "import sys, core, core.cli; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False, cwd=ROOT).returncode == 0


FORBIDDEN = {
    "eval", "exec", "__import__", "os.system", "os.popen", "pickle", "marshal", "shelve",
    "dill", "joblib", "subprocess", "pty", "np.load", "numpy.load", "tarfile", "yaml", "xmlrpc",
}  # fmt: skip
"""What runs what it reads, starts programs, or unpacks archives of any size."""
READS_ARCHIVES = "core/system/arrays.py"


def names_used(tree: ast.AST) -> set[str]:
    """Modules that are imported, and functions that are called or handed on by their plain name."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
        elif isinstance(node, ast.Attribute | ast.Name):
            found.add(ast.unparse(node))
    return found


@pytest.mark.parametrize("package", ["core", "explorer"])
def test_nothing_that_is_read_is_run(package: str) -> None:
    for file in modules(package).values():
        text = file.read_text("utf-8")
        used = names_used(ast.parse(text))
        assert not used & FORBIDDEN, file
        assert "zipfile" not in used or file == ROOT / READS_ARCHIVES, file
        for options in re.findall(r"torch\.load\(([^)]*)\)", text):
            assert "weights_only=True" in options, file
        assert "allow_pickle=True" not in text, file
        assert "unsafe_allow_html=True" not in text, file


@pytest.mark.parametrize(
    "text",
    ["eval('1')", "map(eval, texts)", "import pickle as p", "from os import system; import subprocess",
     "import os\nos.system('ls')", "np.load(file)"],
)  # fmt: skip
def test_what_would_run_it_is_seen(text: str) -> None:
    assert names_used(ast.parse(text)) & FORBIDDEN


@pytest.mark.parametrize("package", ["core", "explorer"])
def test_every_room_says_what_it_is(package: str) -> None:
    for module, file in modules(package).items():
        assert ast.get_docstring(ast.parse(file.read_text("utf-8"))), f"{module} has no docstring"


def test_the_lock_has_every_package_that_is_asked_for_in_its_version() -> None:
    asked = re.findall(r"^([\w.-]+)==([\w.]+)", (ROOT / "requirements.txt").read_text(), re.M)
    locked = dict(
        re.findall(r"^([\w.-]+)==([\w.+]+)", (ROOT / "requirements.lock").read_text(), re.M)
    )
    assert asked
    for name, version in asked:
        assert locked[name.lower()].partition("+")[0] == version, name
