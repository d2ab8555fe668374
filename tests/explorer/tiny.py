"""A tiny checkpoint for the tests of the engine, and empty caches before each."""

from pathlib import Path

import pytest
import streamlit as st

from tests.checkpoints import write_checkpoint


@pytest.fixture(autouse=True)
def empty_caches() -> None:
    st.cache_resource.clear()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoints") / "tiny"
    write_checkpoint(folder)
    return folder
