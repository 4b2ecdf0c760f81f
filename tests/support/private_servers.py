"""Servers that a test may kill and start again: PostgreSQL, MariaDB, Redis, NATS.

They are the programs of Debian's packages with durable settings: what they acknowledged survives
:meth:`PrivateServer.kill9`. They end with the process of the tests, even if that is killed.
Measured: the first start takes PostgreSQL 0.8 s and MariaDB 0.7 s, one after a kill 0.1 s.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from . import services
from .private_server import PrivateServer, find_program


class PrivatePostgres(PrivateServer):
    """PostgreSQL, role ``postgres`` without a password."""

    service = "postgres"
    program = "postgres"
    user = "postgres"
    scheme = "postgresql://postgres@"
    path = "/postgres"
    stop_signal = signal.SIGINT  # "fast": it does not wait until everybody has left

    def _prepare(self) -> None:
        initdb = str(Path(self._program).with_name("initdb"))
        options = ["-A", "trust", "-U", self.user, "-E", "UTF8", "--locale", "C", "--no-sync"]
        if self._launch([initdb, "-D", f"{self.folder}/data", *options]).wait():
            raise services.NoAnswerError(self.log)

    def _command(self) -> list[str]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "max_connections": 50,
            "shared_buffers": "32MB",
            "dynamic_shared_memory_type": "mmap",  # with its data, which is removed
        }
        given = [f"--{name}={value}" for name, value in settings.items()]
        return [self._program, "-D", f"{self.folder}/data", *given]


class PrivateMariaDb(PrivateServer):
    """MariaDB, ``root`` without a password."""

    service = "mariadb"
    program = "mariadbd"
    user = "mysql"
    scheme = "mysql://root@"
    # PyMySQL would read all certificates of the system for each connection, which takes 20 ms.
    path = "/?ssl_disabled=true"

    def _prepare(self) -> None:
        install = find_program("mariadb-install-db")
        command = [install, "--no-defaults", f"--datadir={self.folder}/data", "--skip-test-db"]
        if self._launch([*command, "--auth-root-authentication-method=normal"]).wait():
            raise services.NoAnswerError(self.log)

    def _command(self) -> list[str]:
        return [
            self._program,
            "--no-defaults",
            f"--datadir={self.folder}/data",
            f"--socket={self.folder}/socket",
            f"--port={self.port}",
            "--bind-address=127.0.0.1",
            "--skip-name-resolve",
            "--character-set-server=utf8mb4",  # as Debian has it
        ]


class PrivateRedis(PrivateServer):
    """Redis that writes each command to the disk before it answers."""

    service = "redis"
    program = "redis-server"
    user = "redis"
    scheme = "redis://"
    path = "/0"

    def _command(self) -> list[str]:
        durable = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""]
        where = ["--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.folder)]
        return [self._program, *where, *durable]


class PrivateNats(PrivateServer):
    """NATS with JetStream."""

    service = "nats"
    program = "nats-server"
    user = "nats"
    scheme = "nats://"

    def _command(self) -> list[str]:
        address = ["-a", "127.0.0.1", "-p", str(self.port)]
        return [self._program, *address, "-js", "-sd", f"{self.folder}/data"]


KINDS: Final = {
    kind.service: kind for kind in (PrivatePostgres, PrivateMariaDb, PrivateRedis, PrivateNats)
}


@pytest.fixture(scope="session")
def private_servers() -> Iterator[Callable[[str], PrivateServer]]:
    """Gives the running private server of a service; the same one to all tests of this process.

    A test may leave it stopped or killed: the next one finds it started again.
    """
    with contextlib.ExitStack() as stack:
        made: dict[str, PrivateServer] = {}

        def server(service: str) -> PrivateServer:
            if service not in made:
                try:
                    made[service] = KINDS[service]()
                except services.NoAnswerError as error:
                    services.missing(f"no {service} to kill: {error}")
                stack.callback(made[service].close)
            made[service].start()
            return made[service]

        yield server


@pytest.fixture
def private_postgres(private_servers: Callable[[str], PrivateServer]) -> PrivateServer:
    """A PostgreSQL server that the test may kill."""
    return private_servers("postgres")


@pytest.fixture
def private_mariadb(private_servers: Callable[[str], PrivateServer]) -> PrivateServer:
    """A MariaDB server that the test may kill."""
    return private_servers("mariadb")


@pytest.fixture
def private_redis(private_servers: Callable[[str], PrivateServer]) -> PrivateServer:
    """A Redis server that the test may kill."""
    return private_servers("redis")


@pytest.fixture
def private_nats(private_servers: Callable[[str], PrivateServer]) -> PrivateServer:
    """A NATS server that the test may kill."""
    return private_servers("nats")
