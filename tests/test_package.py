"""The built wheel, installed elsewhere, is the whole product: app, command, checkpoint, notebook."""

import os
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT))
    (found,) = folder.glob("attention_explorer-*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds nothing but the installed wheel."""
    folder = tmp_path_factory.mktemp("site-packages")
    pip("install", "--no-deps", "--no-index", "--target", str(folder), str(wheel))
    return folder


def pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def run(installed: Path, elsewhere: Path, *command: str) -> str:
    """What a command prints, run in another folder with the installed package alone."""
    environment = {**os.environ, "PYTHONPATH": str(installed), "PYTHONSAFEPATH": "1"}
    environment.pop("ATTENTION_EXPLORER_CHECKPOINTS", None)
    done = subprocess.run(
        command, cwd=elsewhere, env=environment, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_holds_what_the_sources_hold(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for package in ("core", "explorer"):
        for file in (ROOT / package).rglob("*"):
            if file.is_file() and "__pycache__" not in file.parts:
                assert file.relative_to(ROOT).as_posix() in names
    for file in (ROOT / "checkpoints" / "en-de").iterdir():
        assert f"core/bundled/en-de/{file.name}" in names


def test_the_command_translates(installed: Path, tmp_path: Path) -> None:
    command = str(installed / "bin" / "attention-explorer")
    out = run(
        installed,
        tmp_path,
        command,
        "translate",
        "--checkpoint",
        "en-de",
        "A man is riding a bicycle.",
    )
    assert out.strip() == "Ein Mann fährt Fahrrad."


def test_a_notebook_shows_a_picture(installed: Path, tmp_path: Path) -> None:
    code = """
        import core
        from explorer import notebook
        assert core.__file__.startswith(SITE), core.__file__
        model = core.load("en-de")
        trace = model.trace("A man is riding a bicycle.")
        notebook.heads(trace, layer=1, head=6).save("heads.html")
        print(notebook.translation(trace)._repr_html_()[:20])
    """
    code = f"SITE = {str(installed)!r}\n{textwrap.dedent(code)}"
    run(installed, tmp_path, sys.executable, "-c", code)
    assert "Cross-attention" in (tmp_path / "heads.html").read_text("utf-8")


def test_the_apps_first_page_is_drawn(installed: Path, tmp_path: Path) -> None:
    code = f"""
        from streamlit.testing.v1 import AppTest
        app = AppTest.from_file({str(installed / "explorer" / "app.py")!r}, default_timeout=60).run()
        assert not app.exception, app.exception
        assert not app.error, app.error
        print(app.text_input[0].value)
        print(app.expander[-1].label)
    """
    out = run(installed, tmp_path, sys.executable, "-c", textwrap.dedent(code))
    assert "The woman who lives next door has three dogs." in out
    assert "6 of 6 checks of this sentence passed" in out


def test_the_command_opens_the_app_with_both_kinds_of_options() -> None:
    from explorer.command import APP, streamlit_arguments

    assert streamlit_arguments([]) == ["streamlit", "run", str(APP), "--"]
    given = ["--checkpoints", "mine", "--server.port", "8600", "--runs=there"]
    assert streamlit_arguments(given) == [
        "streamlit", "run", str(APP), "--server.port", "8600",
        "--", "--checkpoints", "mine", "--runs=there",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "is_command"),
    [
        ([], False),
        (["--checkpoints", "mine"], False),
        (["--server.port=8600"], False),
        (["-h"], True),
        (["--help"], True),
        (["translate", "--checkpoint", "en-de"], True),
    ],
)
def test_the_command_runs_the_app_unless_it_is_given_a_command(
    words: list[str], is_command: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from explorer.command import main, streamlit_arguments

    ran: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(sys, "argv", ["attention-explorer", *words])
    monkeypatch.setattr("streamlit.web.cli.main", lambda: ran.append(("app", sys.argv)))
    monkeypatch.setattr("core.cli.main", lambda words, prog: ran.append((prog, words)))
    main()
    expected = ("attention-explorer", words) if is_command else ("app", streamlit_arguments(words))
    assert ran == [expected]
