"""Who may know whom: inside core, a module imports only from strictly lower tiers."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

TIERS = (
    {"core.axes", "core.config", "core.schedule", "core.corpus", "core.jobs",
     "core.atomic", "core.kept"},
    {"core.presets", "core.recipes", "core.manifest", "core.tokenizer", "core.masks", "core.loss",
     "core.card", "core.device", "core.significance", "core.model.tap", "core.model.dropout"},
    {"core.records", "core.data", "core.weights", "core.model.attention", "core.model.feedforward",
     "core.model.embedding", "core.table3", "core.speeds"},
    {"core.ablation.parts", "core.report", "core.collect", "core.words",
     "core.attribution", "core.model.state", "core.hypotheses"},
    {"core.measures", "core.ablation.spec", "core.model.layers"},
    {"core.model.lean"},
    {"core.model.transformer"},
    {"core.ablation", "core.ablation.pruning", "core.ablation.measured", "core.model"},
    {"core.ablation.findings"},
    {"core.decoding", "core.checkpoint", "core.evaluation", "core.ablation.store"},
    {"core.tracing", "core.runs"},
    {"core.inspection"},
    {"core.alignment", "core.ablation.means", "core.training", "core.translator"},
    {"core", "core.ablation.edits"},
    {"core.ablation.forced", "core.corpus_effects"},
    {"core.effects", "core.importance"},
    {"core.sweeps"},
    {"core.cli.agreement", "core.cli.model_choice", "core.cli.corpus", "core.cli.translate",
     "core.cli.evaluate", "core.cli.info", "core.cli.ablate"},
    {"core.cli.texts"},
    {"core.cli.outcome", "core.cli.prune"},
    {"core.cli.train", "core.cli.average"},
    {"core.cli.table3_row"},
    {"core.cli.table3_speeds"},
    {"core.cli.table3"},
    {"core.cli"},
    {"core.__main__"},
)  # fmt: skip
TIER_OF = {module: number for number, tier in enumerate(TIERS) for module in tier}


def modules(package: str) -> dict[str, Path]:
    found = {}
    for file in sorted((ROOT / package).rglob("*.py")):
        parts = file.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts).removesuffix(".__init__")] = file
    return found


def imports(file: Path) -> Iterator[str]:
    """Modules that a file imports, at its top or inside a function."""
    return imports_of(ast.parse(file.read_text("utf-8")))


def imports_of(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import of {node.module}"
            assert node.module
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if (ROOT / f"{full.replace('.', '/')}.py").is_file() else node.module


@pytest.mark.parametrize(
    "folder", ["core", "core/ablation", "core/model", "core/cli", "explorer", "explorer/engine",
               "explorer/table3", "explorer/figures", "explorer/components", "explorer/app_pages"],
)  # fmt: skip
def test_the_house_stands(folder: str) -> None:
    assert any(file.stat().st_size for file in (ROOT / folder).glob("*.py")), (
        f"{folder} is empty or gone"
    )


def test_every_module_of_core_has_a_tier() -> None:
    assert set(modules("core")) == set(TIER_OF)


@pytest.mark.parametrize("module", sorted(TIER_OF))
def test_core_imports_only_downwards(module: str) -> None:
    for imported in imports(modules("core")[module]):
        if imported.split(".")[0] == "core":
            assert TIER_OF[imported] < TIER_OF[module], f"{module} imports {imported}"


@pytest.mark.parametrize("module", sorted(TIER_OF))
def test_core_knows_nothing_of_the_screen(module: str) -> None:
    tops = {imported.split(".")[0] for imported in imports(modules("core")[module])}
    assert not tops & {"streamlit", "plotly", "explorer", "tests", "bench"}


def test_the_model_knows_neither_text_nor_data() -> None:
    for module, file in modules("core").items():
        if module.startswith("core.model"):
            assert not set(imports(file)) & {"core.tokenizer", "core.data", "core.decoding"}


WITHOUT_TORCH = {
    "core.atomic", "core.config", "core.kept", "core.records", "core.ablation", "core.ablation.pruning",
    "core.ablation.measured", "core.ablation.findings", "core.table3", "core.report", "core.hypotheses",
    "core.manifest", "core.tokenizer", "core.words", "core.measures", "core.attribution",
}  # fmt: skip
"""What any part of the app may use: values, what is computed of them, and what files say."""


def when_run(file: Path) -> set[str]:
    """Modules that a file imports when it is run; types that it only names are left out."""
    tree = ast.parse(file.read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    return set(imports_of(tree))


def test_what_the_app_imports_is_without_torch() -> None:
    """Until the first model is loaded: a stored example does not wait for it."""
    ours = {name for name in modules("explorer") if not name.startswith("explorer.app")}  # scripts
    names = ", ".join(sorted(ours | WITHOUT_TORCH))
    check = f"import sys, {names}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False, cwd=ROOT).returncode == 0


def test_only_the_engine_runs_models() -> None:
    for module, file in modules("explorer").items():
        if not module.startswith("explorer.engine."):
            of_core = {name for name in when_run(file) if name.split(".")[0] == "core"}
            assert of_core <= WITHOUT_TORCH, module


ENGINE = (
    {"explorer.engine", "explorer.engine.kept", "explorer.engine.stamps"},
    {"explorer.engine.checkpoints", "explorer.engine.trainings", "explorer.engine.table3",
     "explorer.engine.models"},
    {"explorer.engine.traces", "explorer.engine.inspection", "explorer.engine.ablation",
     "explorer.engine.positions"},
)  # fmt: skip
"""Of the app, the engine knows the reader's choice and itself; itself only downwards."""


def test_the_engine_knows_no_pages() -> None:
    tier_of = {module: number for number, tier in enumerate(ENGINE) for module in tier}
    files = modules("explorer/engine")
    assert set(files) == set(tier_of)
    for module, file in files.items():
        for name in set(imports(file)) - {"explorer.state"}:
            if name.split(".")[0] == "explorer":
                assert tier_of.get(name, len(ENGINE)) < tier_of[module], f"{module} imports {name}"


def test_figures_also_work_in_a_notebook() -> None:
    allowed = {
        "collections",
        "html",
        "itertools",
        "re",
        "unicodedata",
        "typing",
        "math",
        "dataclasses",
        "numpy",
        "plotly",
        "explorer",
    }
    for module, file in modules("explorer/figures").items():
        names = list(imports(file))
        assert {name.split(".")[0] for name in names} <= allowed, module
        ours = {name for name in names if name.startswith("explorer")}
        assert all(name.startswith("explorer.figures") for name in ours), module


def test_nothing_is_unpickled() -> None:
    for package in ("core", "explorer"):
        for file in modules(package).values():
            text = file.read_text("utf-8")
            assert "import pickle" not in text, file
            assert "torch.load(" not in text, file
            assert "allow_pickle=True" not in text, file
