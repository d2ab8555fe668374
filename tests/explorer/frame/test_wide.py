"""Wide pictures: a frame that scrolls them, and says so where the screen is narrow."""

from streamlit.testing.v1 import AppTest


def _page() -> None:
    import streamlit as st

    from explorer.frame.wide import wide

    with wide("picture", 640):
        st.write("a picture")


def test_a_narrow_screen_is_told_to_scroll() -> None:
    page = AppTest.from_function(_page, default_timeout=60).run()
    assert not page.exception
    hint, style = sorted(element.proto.body for element in page.get("html"))
    assert "min-width: 640px" in style
    assert "@container (max-width: 639px) {.st-key-picture .hint {display: block}}" in style
    assert hint == '<div class="hint" tabindex="0">Scroll sideways for the rest →</div>'
