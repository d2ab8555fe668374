"""Downloads: the link to a view, its pictures in a file, the trace as data."""

import functools
import re
from collections.abc import Callable, Sequence
from urllib.parse import urlencode, urlsplit

import streamlit as st

from core.analysis.trace.trace import Trace
from explorer.choice.choice import Choice
from explorer.figures.standalone import Picture, standalone_html

Pictures = Callable[[], Sequence[Picture]]
"""Makes the pictures of a page without its controls, when they are asked for."""


def address_of(choice: Choice) -> str:
    """The link to a view of the page on screen."""
    address = urlsplit(st.context.url or "")
    link = address._replace(path=address.path or "/", query=urlencode(choice.to_query()))
    return link.geturl()


def share(choice: Choice, title: str, pictures: Pictures, *, caption: Sequence[str] = ()) -> None:
    """The link to a view, and its pictures in a file.

    Args:
        caption: the lines below every picture that is saved from the file.
    """
    st.caption("Link to this view")
    st.code(address_of(choice), language=None, wrap_lines=True)
    st.caption("This page's pictures in one file that opens without a network")
    st.download_button(
        "View as HTML",
        lambda: standalone_html(f"{title} {choice.run.text}", pictures(), caption=caption),
        file_name="attention.html",
        mime="text/html",
        on_click="ignore",
    )


def file_name(title: str) -> str:
    """A title as the name of a file: lower case, hyphens, no other characters."""
    return re.sub("[^a-z0-9]+", "-", title.lower()).strip("-")[:60] or "picture"


def save_svg(label: str, make: Callable[[], str], file_name: str) -> None:
    """A download button below a picture; a click makes the file."""
    st.download_button(
        label,
        make,
        file_name=file_name,
        mime="image/svg+xml",
        help="A vector graphic for print, with every label and a colour bar",
        on_click="ignore",
    )


def save_table(name: str, *, csv: Callable[[], str], latex: Callable[[], str]) -> None:
    """Two download buttons for a table; a click makes the file.

    Args:
        name: of the file, without its ending.
    """
    for label, make, ending, mime in (
        ("CSV", csv, "csv", "text/csv"),
        ("LaTeX", latex, "tex", "application/x-tex"),
    ):
        st.download_button(
            label,
            make,
            file_name=f"{name}.{ending}",
            mime=mime,
            icon=":material/download:",
            key=f"{name}-{ending}",
            help=f"The table as {label}",
            on_click="ignore",
            type="tertiary",
        )


def save_trace(trace: Trace, name: str = "") -> None:
    """Two download buttons for a trace.

    Args:
        name: of what is traced, where a page has several; part of the files' names.
    """
    of = f" of {name}" if name else ""
    st.caption(f"The trace{of}: tokens, candidates, beam tree, every head's weights")
    for suffix, mime in ((".json", "application/json"), (".npz", "application/octet-stream")):
        st.download_button(
            f"Data as {suffix[1:].upper()}",
            functools.partial(trace.to_bytes, suffix),
            file_name=f"{file_name(f'trace {name}')}{suffix}",
            mime=mime,
            key=f"trace-{name}{suffix}",
            on_click="ignore",
        )
