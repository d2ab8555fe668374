"""A page that was drawn before its model was loaded is drawn once more."""

import streamlit as st

from explorer.choice.page_context import PageContext

_LACKS, _AGAIN = "drawn_without_model", "drawn_again"


def lacks_model(shown: PageContext, *, lacks: bool) -> None:
    """Say whether something on the page could not be drawn, as the model was not in memory."""
    st.session_state[_LACKS] = (shown.folder, shown.choice.run) if lacks else None
    if not lacks:
        st.session_state.pop(_AGAIN, None)


def draw_again() -> None:
    """At the end of a page: draw it anew if it lacked a model that is loaded by now.

    If it lacks the model then too, it is left so: other visitors' models have taken its place, and
    would again.
    """
    lacks = st.session_state.pop(_LACKS, None)
    if lacks and lacks != st.session_state.get(_AGAIN):
        st.session_state[_AGAIN] = lacks
        st.rerun()
