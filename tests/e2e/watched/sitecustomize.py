"""Python runs this before a server that the tests start: it notes whom the server talks to.

Each line of the file $WATCHED_LOG is an address that is not this machine's.
"""

import os
import sys
from pathlib import Path
from typing import Any

EVENTS = ("socket.connect", "socket.bind", "socket.sendto", "socket.getaddrinfo")
OWN = ("127.0.0.1", "::1", "localhost", None)


def note(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in EVENTS:
        return
    address = arguments[0] if event == "socket.getaddrinfo" else arguments[1]
    host = address[0] if isinstance(address, tuple) else address
    is_of_the_disk = isinstance(address, str | bytes) and event != "socket.getaddrinfo"
    if host not in OWN and not is_of_the_disk:
        with Path(os.environ["WATCHED_LOG"]).open("a") as log:
            log.write(f"{event} {host}\n")


if "WATCHED_LOG" in os.environ:
    sys.addaudithook(note)
