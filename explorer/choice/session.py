"""The choice of one visitor: read from the link, changed by widgets, written back to the link.

Widgets do not own what they show: before each run they are set from the choice, and when the
reader moves one, the choice changes. So link, widgets and pictures cannot disagree.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core.analysis.head_place import HeadPlace
from explorer.choice.choice import Choice, Run, View, read_query, without_lost_models
from explorer.choice.url_fields import UrlFields

_CHOICE, _NOTICES, _PAST, _TOUCHED = "choice", "notices", "past", "touched"
_TEXT_IS_OURS = "text_is_ours"
"""Whether the sentence is the program's: neither a link nor the reader named one."""
MOST_UNDONE = 50


def begin() -> None:
    """Read the link: on the first run of a session, and when the reader goes back or forward to it."""
    is_first = _CHOICE not in st.session_state
    if is_first or _is_another_link():
        open_link(st.query_params)
    if is_first:
        st.session_state[_PAST] = ()


def open_link(query: Mapping[str, str]) -> None:
    """Choose what a link says, and forget what was chosen before."""
    reading = read_query(query)
    st.session_state[_CHOICE] = reading.choice
    st.session_state[_NOTICES] = reading.notices
    st.session_state[_TOUCHED] = False
    st.session_state[_TEXT_IS_OURS] = "text" not in query


def _is_another_link() -> bool:
    """Whether the browser's Back or Forward led here.

    Links may not be compared for that: a reader who is quicker than the server sends an old one. A
    page opened from the menu has none at first, and shows what was chosen before.
    """
    context = get_script_run_ctx()
    return bool(context and context.is_history_navigation and st.query_params)


def page() -> str:
    """The name of the page on screen."""
    context = get_script_run_ctx()
    return context.page_script_hash if context else ""


def page_folder() -> str:
    """The name of the folder whose script draws the page on screen; empty outside of a page."""
    context = get_script_run_ctx()
    known = context.pages_manager.get_pages().get(context.page_script_hash) if context else None
    return Path(known["script_path"]).parent.name if known else ""


def choice() -> Choice:
    return st.session_state[_CHOICE]  # type: ignore[no-any-return]


def link_notices() -> tuple[str, ...]:
    """Notices on invalid fields and missing models; empty once the reader has changed a choice."""
    return st.session_state[_NOTICES]  # type: ignore[no-any-return]


def suggest(text: str) -> None:
    """Show this sentence, unless a link or the reader named one."""
    if st.session_state[_TEXT_IS_OURS] and choice().run.text != text:
        st.session_state[_CHOICE] = choice().without_dependents(["text"]).with_run(text=text)


def is_from_link() -> bool:
    """Whether the choice is still the link's: the reader has changed nothing yet."""
    return not st.session_state[_TOUCHED]


def leave_lost_models(problem: Callable[[str], str | None]) -> None:
    """Drop models that cannot be shown, and what depends on them; see `without_lost_models`."""
    reading = without_lost_models(choice(), problem)
    st.session_state[_CHOICE] = reading.choice
    st.session_state[_NOTICES] = (*link_notices(), *reading.notices)


def write_link(shown: Choice) -> None:
    """Write all choices into the link, the program's included, as one entry of the history."""
    query = shown.to_query()
    if st.query_params.to_dict() != query:
        st.query_params.from_dict(query)


def change_run(**values: Any) -> None:
    """Change fields of the run; fields that depend on them are reset."""
    before = choice()
    after = before.without_dependents(values).with_run(**values)
    if after.run == before.run:
        return
    if values.keys() & {"text", "prefix", "target"}:
        st.session_state[_TEXT_IS_OURS] = False
    _remember(before)
    _set(after)


def keep_sentence(text: str) -> None:
    """Make the sentence on show the reader's own, so that another page shows it too."""
    change_run(text=text)
    st.session_state[_TEXT_IS_OURS] = False


def change(fields: type[UrlFields], **values: Any) -> None:
    """Choose other values of a class of fields: `View`, or a page's own."""
    now = choice()
    _set(now.with_fields(now.of(fields).replace(**values)))


def show_head(place: HeadPlace) -> None:
    """Show one head of the sentence on screen."""
    change(View, kind=place.kind, layer=place.layer_number, head=place.head_number)


def set_beside(run: Run | None) -> None:
    _set(choice().with_beside(run))


def undo() -> None:
    """Go back to the run before this one."""
    past = _past()
    if past:
        st.session_state[_PAST] = past[:-1]
        _set(past[-1])


def reset() -> None:
    """Forget tokens chosen by hand and a typed translation."""
    change_run(prefix=(), target="")


def can_undo() -> bool:
    return bool(_past())


def earlier() -> Run | None:
    """The latest other run of the sentence on screen, to compare with."""
    now = choice().run
    return next(
        (past.run for past in reversed(_past()) if past.run.text == now.text and past.run != now),
        None,
    )


def recent_sentences(n: int = 8) -> list[str]:
    """Sentences of this session, newest first, without the one on show."""
    texts = [past.run.text for past in reversed(_past()) if past.run.text != choice().run.text]
    return list(dict.fromkeys(texts))[:n]


def bind(fields: type[UrlFields], name: str, shown: Any = None) -> dict[str, Any]:
    """Arguments that tie a widget to a field; `shown` is its settled value."""
    value = getattr(choice().of(fields), name) if shown is None else shown
    return _bind(name, value, lambda chosen: change(fields, **{name: chosen}))


def bind_run(name: str) -> dict[str, Any]:
    return _bind(name, getattr(choice().run, name), lambda value: change_run(**{name: value}))


def _bind(name: str, value: Any, take: Callable[[Any], None]) -> dict[str, Any]:
    key = f"choose_{name}"
    st.session_state[key] = value

    def on_change() -> None:
        chosen = st.session_state[key]
        if chosen is not None:
            take(tuple(chosen) if isinstance(chosen, list) else chosen)

    return {"key": key, "on_change": on_change}


def _past() -> tuple[Choice, ...]:
    return st.session_state[_PAST]  # type: ignore[no-any-return]


def _remember(before: Choice) -> None:
    st.session_state[_PAST] = (*_past(), before)[-MOST_UNDONE:]


def _set(after: Choice) -> None:
    st.session_state[_CHOICE] = after
    st.session_state[_NOTICES] = ()
    st.session_state[_TOUCHED] = True
