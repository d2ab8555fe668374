"""One address before several servers, which keeps each browser with the same one, by a cookie.

What a proxy in front of several processes of the app has to do (docs/scale.md), and no more.
"""

import asyncio
import itertools
import re
import threading
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from types import TracebackType
from typing import Self
from urllib.parse import urlparse

COOKIE = b"server"
HEAD_END = b"\r\n\r\n"


class StickyProxy:
    """Listens on a free port of this machine while the block runs; `url` is its address.

    Args:
        urls: of the servers; browsers without a cookie are given to them in turn.
    """

    def __init__(self, urls: Sequence[str]) -> None:
        self._ports = [int(urlparse(url).port or 0) for url in urls]
        self._turns = itertools.count()
        self._loop = asyncio.new_event_loop()
        self.url = ""
        self.served: Counter[int] = Counter()

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        starting = asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._listening = asyncio.run_coroutine_threadsafe(starting, self._loop).result()
        self.url = f"http://127.0.0.1:{self._listening.sockets[0].getsockname()[1]}"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        self._listening.close()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request, or one websocket."""
        async with _closed_at_the_end(writer):
            try:
                head = await reader.readuntil(HEAD_END)
            except asyncio.IncompleteReadError:  # a browser connects before it needs to
                return
            kept = re.search(rb"\b%s=(\d+)" % COOKIE, head)
            number = int(kept[1]) if kept else next(self._turns) % len(self._ports)
            self.served[number] += 1
            theirs, ours = await asyncio.open_connection("127.0.0.1", self._ports[number])
            async with _closed_at_the_end(ours):
                ours.write(_closing(head))
                answer = _closing(await theirs.readuntil(HEAD_END))
                if not kept:
                    cookie = b"\r\nSet-Cookie: %s=%d; Path=/" % (COOKIE, number)
                    answer = answer.replace(HEAD_END, cookie + HEAD_END)
                writer.write(answer)
                await asyncio.gather(_pass_on(reader, ours), _pass_on(theirs, writer))


@asynccontextmanager
async def _closed_at_the_end(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    """Nothing of a connection outlives the block, however it ends: a leak fails some later test."""
    try:
        yield
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def _closing(head: bytes) -> bytes:
    """A head that ends the connection after its request, unless it opens a websocket."""
    if b"upgrade: websocket" in head.lower():
        return head
    others = re.sub(rb"(?i)\r\n(connection|keep-alive):[^\r]*", b"", head)
    return others.replace(HEAD_END, b"\r\nConnection: close" + HEAD_END)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()
