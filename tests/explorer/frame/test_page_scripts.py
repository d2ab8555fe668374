"""Scripts of the whole window."""

import re

import pytest

from explorer.frame.page_scripts import SCRIPTS


@pytest.mark.parametrize("file", SCRIPTS, ids=lambda file: file.name)
def test_nothing_in_a_script_looks_like_a_tag(file) -> None:
    """Or else Streamlit drops the script."""
    assert not re.search("<[A-Za-z/!]", file.read_text("utf-8"))
