"""The services that tests talk to, and what happens where one is missing.

Where one listens is told by a variable of the environment, ``PAYKIT_TEST_POSTGRES`` and so on, as a
URL. Without it a database is a server of this process's own, with its data in memory, where a commit
takes 0.1 ms and not 2 to 4 as on a disk. A broker is looked for where it usually is.
``scripts/services start`` installs and starts them.
"""

from __future__ import annotations

import atexit
import functools
import getpass
import os
import socket
from collections.abc import Callable
from typing import Final, NoReturn
from urllib.parse import urlsplit

import pytest

_SECONDS: Final = 3
#: A server that the tests start for themselves.
_OWN: Final = "of our own"

#: Tried in turn. ``{user}`` is whoever runs the tests; ``scripts/services`` makes ``paykit_test``.
_USUAL: Final = {
    "postgres": (
        "postgresql://postgres@127.0.0.1:5432/postgres",
        "postgresql://{user}@127.0.0.1:5432/postgres",
        "postgresql://paykit_test:paykit_test@127.0.0.1:5432/postgres",
        "postgresql://{user}@/postgres?host=/var/run/postgresql",
    ),
    "mariadb": (
        "mysql://root@127.0.0.1:3306/",
        "mysql://paykit_test:paykit_test@127.0.0.1:3306/",
        "mysql://{user}@localhost/?unix_socket=/run/mysqld/mysqld.sock",
    ),
    "redis": ("redis://127.0.0.1:6379/0",),
    "rabbitmq": ("amqp://guest:guest@127.0.0.1:5672/",),
    "nats": ("nats://127.0.0.1:4222",),
}


class NoAnswerError(Exception):
    """Nobody answers there, or not as that service does."""


def in_ci() -> bool:
    """Whether nothing may be missing."""
    return os.environ.get("CI", "").lower() not in {"", "0", "false"}


def missing(reason: str) -> NoReturn:
    """Skip the test with the reason; in CI, where nothing may be missing, fail it."""
    if in_ci():
        pytest.fail(reason)
    pytest.skip(reason)


def require(name: str) -> str:
    """The URL at which a service answers (``postgres``, ``mariadb``, ``redis`` …), or no test."""
    found = look_for(name)
    if isinstance(found, NoAnswerError):
        missing(str(found))
    return found


@functools.cache
def look_for(name: str) -> str | NoAnswerError:
    """What :func:`find` finds or raises. Asked once in a process."""
    try:
        return find(name)
    except NoAnswerError as error:
        return error


def find(name: str) -> str:
    """The first URL that answers; raises :class:`NoAnswerError`, which says what was tried."""
    variable = f"PAYKIT_TEST_{name.upper()}"
    said = []
    for url in [given] if (given := os.environ.get(variable)) else _places(name):
        try:
            if url == _OWN:
                return _own_server(name)
            probe(name, url)
        except NoAnswerError as error:
            said.append(f"{where(url)}: {error}")
        else:
            return url
    raise NoAnswerError(
        f"no {name} ({'; '.join(said)}): try `scripts/services start`, or set {variable}"
    )


def _places(name: str) -> list[str]:
    usual = [url.format(user=getpass.getuser()) for url in _USUAL[name]]
    if name in {"postgres", "mariadb"}:
        return [_OWN, *usual]
    return [*usual, _OWN] if name != "rabbitmq" else usual


def _own_server(name: str) -> str:
    """Start a server that ends with this process."""
    from .private_servers import KINDS

    server = KINDS[name]()
    server.start()
    atexit.register(server.close)
    return server.url


def probe(name: str, url: str) -> None:
    """Ask a service whether it is there; raises :class:`NoAnswerError` when it is not."""
    _PROBES[name](url)


def where(url: str) -> str:
    """A URL without its password, to be shown."""
    parts = urlsplit(url)
    secret = f":{parts.password}@" if parts.password else "@"
    return url.replace(secret, "@", 1)


def _ask_postgres(url: str) -> None:
    psycopg = _import("psycopg")
    try:
        with psycopg.connect(url, connect_timeout=_SECONDS) as connection:
            (may,) = connection.execute(
                "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
            ).fetchone()
    except psycopg.Error as error:
        raise NoAnswerError(str(error).strip().splitlines()[-1]) from error
    if not may:
        raise NoAnswerError("the role may not create databases")


def _ask_mariadb(url: str) -> None:
    pymysql = _import("pymysql")
    from .mariadb import mysql_settings

    try:
        pymysql.connect(**mysql_settings(url), connect_timeout=_SECONDS).close()
    except pymysql.MySQLError as error:
        raise NoAnswerError(str(error.args[-1])) from error


def _greet(hello: bytes, *expected: bytes, until: bytes = b"\r\n") -> Callable[[str], None]:
    """Whether one of ``expected`` is in what a server answers to ``hello``, ``until`` that."""

    def ask(url: str) -> None:
        parts = urlsplit(url)
        said = b""
        try:
            with socket.create_connection((parts.hostname, parts.port), _SECONDS) as connection:
                connection.sendall(hello)
                while until not in said and (piece := connection.recv(65536)):
                    said += piece
        except OSError as error:
            raise NoAnswerError(error.strerror or str(error)) from error
        if not any(word in said for word in expected):
            raise NoAnswerError(f"it says {said[:60]!r} and nothing of {expected[0]!r}")

    return ask


def _import(name: str):
    import importlib

    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise NoAnswerError(f"the Python package {name} is not installed") from error


_PROBES: Final[dict[str, Callable[[str], None]]] = {
    "postgres": _ask_postgres,
    "mariadb": _ask_mariadb,
    # One that wants a password is ready too, and one that loads its data is not.
    "redis": _greet(b"PING\r\n", b"+PONG", b"-NOAUTH"),
    "rabbitmq": _greet(b"AMQP\x00\x00\x09\x01", b"RabbitMQ", until=b"RabbitMQ"),
    "nats": _greet(b"", b'"jetstream":true'),
}
