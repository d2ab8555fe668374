"""A reader without a browser: a session of the app over the websocket that browsers use."""

import hashlib
import math
from collections.abc import Mapping
from types import TracebackType
from typing import Self
from urllib.parse import urlencode

from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Delta_pb2 import Delta
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect

PATIENCE_S = 600.0


class Reader:
    """One browser's session, as far as the server can tell.

    Args:
        url: of the server.
        link: the part of the address behind the question mark.
        page: the path of a page; by default, the first.
        largest_read: longer messages, which hold pictures, are received, and read only by `shown`.
    """

    def __init__(
        self, url: str, link: Mapping[str, str], page: str = "", *, largest_read: float = math.inf
    ) -> None:
        self.url, self.link, self.page = url, dict(link), page
        self.largest_read = largest_read
        self._shown: dict[tuple[int, ...], bytes] = {}
        self._unread: list[bytes] = []

    def __enter__(self) -> Self:
        self._connecting = connect(
            self.url.replace("http", "ws") + "/_stcore/stream",
            subprotocols=["streamlit"],
            origin=self.url,
            max_size=None,
        )
        self._socket = self._connecting.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connecting.__exit__(kind, error, trace)

    def open(self, link: Mapping[str, str] | None = None, page: str | None = None) -> None:
        """Open the page, or go to another link and page; return when all of it is there.

        Raises:
            AssertionError: if the page shows an error.
        """
        self.link = self.link if link is None else dict(link)
        self.page = self.page if page is None else page
        self.ask(BackMsg())

    def ask(self, message: BackMsg) -> None:
        message.rerun_script.query_string = urlencode(self.link)
        message.rerun_script.page_name = self.page
        self._socket.send(message.SerializeToString())
        self._begin()
        while True:
            message_bytes = self._socket.recv(timeout=PATIENCE_S)
            if len(message_bytes) > self.largest_read:
                self._unread.append(message_bytes)
                continue
            received = ForwardMsg()
            received.ParseFromString(message_bytes)
            kind = received.WhichOneof("type")
            if kind == "delta":
                self.take(received.delta.new_element)
                self._show(tuple(received.metadata.delta_path), received.delta)
            if kind == "page_not_found":
                raise AssertionError(f"there is no page {self.page!r}")
            if kind == "script_finished":
                if received.script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                    self._begin()
                    continue  # the page corrects its link, and is drawn once more
                assert received.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY
                return

    def _begin(self) -> None:
        self._shown.clear()
        self._unread.clear()

    def _show(self, path: tuple[int, ...], delta: Delta) -> None:
        if delta.WhichOneof("type") == "new_transient":  # a spinner, and what stands under it stays
            return
        if delta.WhichOneof("type") == "new_element":
            element = delta.new_element
            kind = element.WhichOneof("type")
            for inside in [other for other in self._shown if other[: len(path)] == path]:
                del self._shown[inside]  # an element takes the place of a container and all in it
            if kind == "empty":  # such as where a visitor had to wait
                return
            if kind == "download_button":  # to clear a field of another kind would make it this one
                element.download_button.ClearField("deferred_file_id")  # random
            element.ClearField("has_one_shot_effect")  # told of the first time alone
        self._shown[path] = delta.SerializeToString()

    def shown(self) -> list[bytes]:
        """All that the page shows, from top to bottom."""
        for message_bytes in self._unread:
            message = ForwardMsg.FromString(message_bytes)
            if message.WhichOneof("type") == "delta":
                self._show(tuple(message.metadata.delta_path), message.delta)
        self._unread.clear()
        return [shown for _, shown in sorted(self._shown.items())]

    def shown_hash(self) -> str:
        """A hash of all that the page shows, in its order."""
        return hashlib.sha256(repr(self.shown()).encode()).hexdigest()[:16]

    def take(self, element: Element) -> None:
        kind = element.WhichOneof("type")
        assert kind != "exception", element.exception.message
        if kind == "alert" and element.alert.format == Alert.ERROR:
            raise AssertionError(element.alert.body)
