"""Databases on a MariaDB or MySQL server."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

from sqlalchemy import URL, make_url

from .database_server import LOCK_SECONDS, SMALL_BYTES, Server


class MariaDb(Server):
    """A MariaDB or MySQL server."""

    def names(self) -> list[str]:
        return [name for (name,) in self._run("", "SHOW DATABASES")]

    def create(self, name: str) -> None:
        self._run("", f"CREATE DATABASE `{name}`")

    def leave(self, name: str) -> None:
        for (number,) in self._run(
            "", "SELECT id FROM information_schema.processlist WHERE db = %s", (name,)
        ):
            with contextlib.suppress(Exception):  # it has ended by itself
                self._run("", f"KILL {number}")

    def drop(self, name: str) -> None:
        self.leave(name)
        self._run("", f"DROP DATABASE IF EXISTS `{name}`")

    def blank(self, name: str) -> None:
        self.drop(name)
        self.create(name)

    def empty(self, name: str, keep: Sequence[str]) -> None:
        tables = self._run(
            "",
            "SELECT table_name, data_length, auto_increment FROM information_schema.tables"
            " WHERE table_schema = %s AND table_type = 'BASE TABLE' ORDER BY table_name",
            (name,),
        )
        for table, size, following in tables:
            if table in keep:
                continue
            large = size > SMALL_BYTES
            self._run("", f"{'TRUNCATE' if large else 'DELETE FROM'} `{name}`.`{table}`")
            if not large and following is not None and following > 1:
                self._run("", f"ALTER TABLE `{name}`.`{table}` AUTO_INCREMENT = 1")

    def _connect(self, name: str) -> Any:
        import pymysql

        connection = pymysql.connect(
            **mysql_settings(self._base), database=name or None, autocommit=True
        )
        with connection.cursor() as cursor:
            cursor.execute(
                f"SET lock_wait_timeout = {LOCK_SECONDS},"
                f" innodb_lock_wait_timeout = {LOCK_SECONDS}, foreign_key_checks = 0"
            )
        return connection

    def _is_broken(self, connection: Any) -> bool:
        return not connection.open


def mysql_settings(url: str | URL) -> dict[str, Any]:
    """What PyMySQL wants to know of a server, from its URL."""
    parsed = make_url(url)
    settings = {
        "host": parsed.host,
        "port": parsed.port,
        "user": parsed.username,
        "password": parsed.password,
        "unix_socket": parsed.query.get("unix_socket"),
        "ssl_disabled": True,
    }
    return {name: value for name, value in settings.items() if value is not None}
