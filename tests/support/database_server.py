"""Making, clearing and dropping databases on a server, quickly.

A connection costs up to 20 ms, so those of a process are kept, one for each database.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import secrets
import threading
import time
from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import URL

_PREFIX: Final = "paykit_test_"
#: No run takes that long, so what is older was left behind by one that was killed.
_OLD_SECONDS: Final = 3600
#: So long somebody else's lock is waited for.
LOCK_SECONDS: Final = 10
#: A larger table is truncated; a smaller one is emptied faster by deleting.
SMALL_BYTES: Final = 1 << 20


def new_name() -> str:
    """A name of ours, with the time in it by which leftovers are known."""
    return f"{_PREFIX}{int(time.time()):x}_{secrets.token_hex(4)}"


def leftovers(names: Iterable[str], *, now: float) -> list[str]:
    """Which of these databases are ours and too old to be in use."""
    return [name for name in names if name.startswith(_PREFIX) and now - _made(name) > _OLD_SECONDS]


def _made(name: str) -> float:
    try:
        return int(name.removeprefix(_PREFIX).partition("_")[0], 16)
    except ValueError:
        return 0


class Server:
    """One server. The kinds differ in their SQL."""

    def __init__(self, url: URL) -> None:
        self._base = url
        self._kept: dict[str, Any] = {}
        self._pid = os.getpid()
        self._lock = threading.RLock()
        atexit.register(self.close)

    def drop_leftovers(self) -> None:
        """Drop what killed runs left behind."""
        for name in leftovers(self.names(), now=time.time()):
            with contextlib.suppress(Exception):  # another run drops it, or it is another user's
                self.drop(name)

    def url(self, name: str, *, driver: str) -> str:
        """The URL of a database by SQLAlchemy's name of dialect and driver."""
        url = self._base.set(drivername=driver, database=name)
        return url.render_as_string(hide_password=False)

    def names(self) -> list[str]:
        """All databases, ours and others'."""
        raise NotImplementedError

    def create(self, name: str) -> None:
        """Make a database without tables."""
        raise NotImplementedError

    def drop(self, name: str) -> None:
        """Drop a database though it be in use; one that is gone is fine."""
        raise NotImplementedError

    def leave(self, name: str) -> None:
        """End the connections to a database, but that of our own."""
        raise NotImplementedError

    def blank(self, name: str) -> None:
        """Drop all that is in a database, and end the connections to it."""
        raise NotImplementedError

    def empty(self, name: str, keep: Sequence[str]) -> None:
        """Delete the rows of all tables but those to ``keep``, and count from 1 again."""
        raise NotImplementedError

    def close(self) -> None:
        """Close what is kept."""
        for name in list(self._kept):
            self._forget(name)

    def _connect(self, name: str) -> Any:
        raise NotImplementedError

    def _run(self, name: str, statement: str, values: Sequence[object] = ()) -> list[Any]:
        with self._lock:
            if self._pid != os.getpid():  # forked: the connections are the parent's
                self._kept, self._pid = {}, os.getpid()
            was_kept = name in self._kept
            try:
                return self._run_once(name, statement, values)
            except Exception:
                if name in self._kept and not self._is_broken(self._kept[name]):
                    raise
                self._forget(name)
                if not was_kept:
                    raise
            # The server was started again since.
            return self._run_once(name, statement, values)

    def _run_once(self, name: str, statement: str, values: Sequence[object]) -> list[Any]:
        if name not in self._kept:
            self._kept[name] = self._connect(name)
        with contextlib.closing(self._kept[name].cursor()) as cursor:
            cursor.execute(statement, values or None)
            return list(cursor.fetchall()) if cursor.description else []

    def _is_broken(self, connection: Any) -> bool:
        raise NotImplementedError

    def _forget(self, name: str) -> None:
        with self._lock:
            connection = self._kept.pop(name, None)
            if connection is not None and self._pid == os.getpid():
                with contextlib.suppress(Exception):  # it may be broken already
                    connection.close()
