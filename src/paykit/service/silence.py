"""Noticing that a database server is gone although nothing says so.

A machine that lost its power, and a firewall that forgot a connection, say nothing. The system
would send again for a quarter of an hour, and whoever waits for an answer with it. With these
settings a connection ends half a minute after the other machine has fallen silent, however long a
statement takes on a machine that is there.
"""

from __future__ import annotations

import contextlib
import os
import socket
from typing import Any, Final

#: A question after so many seconds without a word, again after so many, and so many in all.
_IDLE, _AGAIN, _TIMES = 10, 5, 3
#: Milliseconds that what was sent may stay unacknowledged.
_UNHEARD: Final = 20_000
#: Not every system has all of them.
_OPTIONS: Final = {
    "TCP_KEEPIDLE": _IDLE,
    "TCP_KEEPALIVE": _IDLE,  # macOS has this name for it
    "TCP_KEEPINTVL": _AGAIN,
    "TCP_KEEPCNT": _TIMES,
    "TCP_USER_TIMEOUT": _UNHEARD,
}


def end_in_silence(connection: Any, _record: object = None) -> None:
    """Set this for a new connection of a driver; one that is no TCP connection needs none of it."""
    descriptor = _descriptor_of(connection)
    if descriptor is None:
        return
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as ours:
        if ours.family not in {socket.AF_INET, socket.AF_INET6}:
            return
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _OPTIONS.items():
            if (option := getattr(socket, name, None)) is not None:
                ours.setsockopt(socket.IPPROTO_TCP, option, value)


def _descriptor_of(connection: Any) -> int | None:
    """The file descriptor of a connection of psycopg, asyncpg or PyMySQL."""
    driver = getattr(connection, "driver_connection", connection)
    try:
        if hasattr(driver, "fileno"):
            return int(driver.fileno())
        if hasattr(driver, "_sock"):
            return int(driver._sock.fileno())  # noqa: SLF001 - there is no other way to it
        return int(driver._transport.get_extra_info("socket").fileno())  # noqa: SLF001
    except (AttributeError, TypeError):  # pragma: no cover - another release of the driver
        return None
