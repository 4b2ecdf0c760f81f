"""Servers that are killed: what they acknowledged is there afterwards, and none outlives the tests."""

import asyncio
import contextlib
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import nats
import psycopg
import pymysql
import pytest
import redis
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from . import services
from .databases import empty, fresh_database
from .private_server import PrivateServer, remove_leftovers

ROOT = Path(__file__).parents[2]

_OUTLIVE = """
import time
from tests.support.private_servers import PrivateRedis
server = PrivateRedis()
server.start()
print(server._process.pid, server.port, server.folder, flush=True)
time.sleep(60)
"""


@contextlib.contextmanager
def another_server(port):
    """It listens there, and hangs up at once."""
    with socket.create_server(("127.0.0.1", port)) as listener:

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    listener.accept()[0].close()

        thread = threading.Thread(target=serve)
        thread.start()
        yield
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.mark.parametrize("end", [PrivateServer.kill9, PrivateServer.stop])
@pytest.mark.parametrize("kind", ["postgres-psycopg", "mariadb"])
def test_what_was_committed_survives(private_servers, tmp_path, kind, end):
    server = private_servers(kind.partition("-")[0])
    with fresh_database(kind, folder=tmp_path, at=server.url) as url:
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE orders (id int)"))
            connection.execute(text("INSERT INTO orders VALUES (1)"))
        holder = engine.connect()
        holder.execute(text("INSERT INTO orders VALUES (2)"))
        end(server)
        with pytest.raises(OperationalError):
            holder.execute(text("SELECT 1"))
        holder.invalidate()
        holder.close()
        with pytest.raises(services.NoAnswerError):
            services.probe(server.service, server.url)
        port = server.port
        started = time.monotonic()
        server.start()
        assert time.monotonic() - started < 10
        assert server.port == port
        with engine.connect() as connection:
            assert connection.execute(text("SELECT id FROM orders")).scalars().all() == [1]
        empty(url)  # over a connection that was kept since before the end
        with engine.connect() as connection:
            assert connection.execute(text("SELECT id FROM orders")).all() == []
        engine.dispose()


def test_postgres_writes_to_the_disk(private_postgres):
    with psycopg.connect(private_postgres.url) as connection:
        names = ("fsync", "synchronous_commit", "full_page_writes", "server_encoding")
        said = [connection.execute(f"SHOW {name}").fetchone()[0] for name in names]
    assert said == ["on", "on", "on", "UTF8"]


def test_mariadb_writes_to_the_disk(private_mariadb):
    with pymysql.connect(host="127.0.0.1", port=private_mariadb.port, user="root") as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT @@innodb_flush_log_at_trx_commit, @@innodb_doublewrite")
        assert cursor.fetchone() == (1, 1)


def test_redis_keeps_what_it_acknowledged(private_redis):
    with redis.Redis.from_url(private_redis.url) as client:
        client.xadd("events", {"id": "e-1"})
        private_redis.kill9()
        with pytest.raises(redis.ConnectionError):
            client.xlen("events")
        private_redis.start()
        assert client.xlen("events") == 1


def test_jetstream_keeps_what_it_acknowledged(private_nats):
    async def publish():
        async with await nats.connect(private_nats.url) as client:
            await client.jetstream().add_stream(name="events", subjects=["events.>"])
            await client.jetstream().publish("events.1", b"e-1")

    async def read():
        async with await nats.connect(private_nats.url) as client:
            message = await client.jetstream().get_msg("events", 1)
            return message.data

    asyncio.run(publish())
    private_nats.kill9()
    private_nats.start()
    assert asyncio.run(read()) == b"e-1"


def test_the_next_test_finds_a_killed_server_running(private_servers):
    server = private_servers("redis")
    server.kill9()
    assert private_servers("redis") is server
    services.probe("redis", server.url)


def test_a_server_that_cannot_start_says_why(private_servers):
    server = private_servers("redis")
    server.stop()
    with (
        another_server(server.port),
        pytest.raises(services.NoAnswerError, match="Address already in use"),
    ):
        server.start()
    server.start()


def test_a_server_dies_with_killed_tests():
    services.require("redis")
    tests = subprocess.Popen(
        [sys.executable, "-c", _OUTLIVE], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    pid, port, folder = tests.stdout.readline().split()
    services.probe("redis", f"redis://127.0.0.1:{port}")
    tests.send_signal(signal.SIGKILL)
    tests.wait()
    tests.stdout.close()
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert Path(folder).exists()
    remove_leftovers()
    assert not Path(folder).exists()
