"""Connections to database servers end when the other machine has fallen silent."""

import os
import socket
import sys

import pytest

from paykit.service.database import connect, parse

SET = {
    "TCP_KEEPIDLE": 10,
    "TCP_KEEPINTVL": 5,
    "TCP_KEEPCNT": 3,
    "TCP_USER_TIMEOUT": 20_000,
}


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other options")
@pytest.mark.parametrize("database_kind", ["postgres-psycopg", "postgres-asyncpg", "mariadb"])
def test_each_driver_is_told(any_database):
    heard = []
    connector = connect(parse(any_database))
    connector.run(lambda conn: heard.append(options(conn)), writes=False)
    connector.close()
    assert heard == [{"SO_KEEPALIVE": 1, **SET}]


def options(connection):
    """What the socket of a connection is set to."""
    driver = connection.connection.driver_connection
    if hasattr(driver, "fileno"):
        found = driver.fileno()
    elif hasattr(driver, "_sock"):
        found = driver._sock.fileno()
    else:
        found = driver._transport.get_extra_info("socket").fileno()
    with socket.socket(fileno=os.dup(found)) as ours:
        set_ = {name: ours.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name in SET}
        return {"SO_KEEPALIVE": ours.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE), **set_}
