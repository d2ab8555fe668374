"""Clicks in views that answer from the browser, as their scripts send them."""

import json
from typing import Any

from streamlit.components.v2.bidi_component.main import _make_trigger_id
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.testing.v1 import AppTest


def answer(page: AppTest, component: str, event: str, value: Any) -> AppTest:
    """The page after a component's script called `setTriggerValue(event, value)`."""
    id_ = _make_trigger_id(_id_of(page, component), "events")
    sent = json.dumps([{"event": event, "value": value}])
    return _run(page, WidgetState(id=id_, json_trigger_value=sent))


def set_state(page: AppTest, component: str, name: str, value: Any) -> AppTest:
    """The page after a component's script called `setStateValue(name, value)`."""
    return _run(page, WidgetState(id=_id_of(page, component), json_value=json.dumps({name: value})))


def click_row(
    page: AppTest,
    row: int,
    column: int = 0,
    customdata: list[Any] | None = None,
    *,
    chart: int = 0,
) -> AppTest:
    """The page after a click on a cell of one of its charts; all count from 0."""
    point = {"curve_number": 1, "point_index": 0, "x": column, "y": row, "customdata": customdata}
    selection = {"points": [point], "point_indices": [0], "box": [], "lasso": []}
    id_ = page.get("plotly_chart")[chart].proto.id
    return _run(page, WidgetState(id=id_, string_value=json.dumps({"selection": selection})))


def click_line(page: AppTest, line: int) -> AppTest:
    """The page after a tick at a line of the table that takes ticks; lines count from 0."""
    (id_,) = (table.proto.id for table in page.dataframe if table.proto.id)
    selection = {"rows": [line], "columns": [], "cells": []}
    return _run(page, WidgetState(id=id_, string_value=json.dumps({"selection": selection})))


def _id_of(page: AppTest, component: str) -> str:
    found = [part.proto for part in page.get("bidi_component")]
    return str(next(proto.id for proto in found if proto.component_name == component))


def _run(page: AppTest, state: WidgetState) -> AppTest:
    states = page._tree.get_widget_states()
    states.widgets.append(state)
    after = page._run(states)
    assert not after.exception
    return after
