"""A cable that is cut, frozen and mended, with a real database at its end."""

import socket
import threading
import time

import psycopg
import pytest

from .databases import fresh_database
from .outage import Outage, outage
from .servers import unused_port


@pytest.fixture
def echo():
    """A server that answers each line in capital letters."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        heard = []

        def serve(connection):
            with connection, connection.makefile("rwb") as lines:
                try:
                    for line in lines:
                        heard.append(line)
                        lines.write(line.upper())
                        lines.flush()
                except OSError:
                    pass

        def accept():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threads.append(threading.Thread(target=serve, args=(connection,)))
                threads[-1].start()

        threads = [threading.Thread(target=accept)]
        threads[0].start()
        cable = Outage(*listener.getsockname())
        yield cable, heard
        cable.close()
        listener.shutdown(socket.SHUT_RDWR)
    for thread in threads:
        thread.join(5)
        assert not thread.is_alive()


@pytest.fixture
def cable(echo):
    return echo[0]


@pytest.fixture
def heard(echo):
    return echo[1]


def connect(cable):
    return socket.create_connection(("127.0.0.1", cable.port), timeout=5)


def wait_until(condition):
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_a_good_cable_is_not_noticed(cable):
    large = b"x" * 2_000_000 + b"\n"
    with connect(cable) as client, connect(cable) as another:
        client.sendall(b"one\n")
        another.sendall(b"two\n")
        assert (client.recv(99), another.recv(99)) == (b"ONE\n", b"TWO\n")
        assert (cable.accepted, cable.open) == (2, 2)
        writer = threading.Thread(target=client.sendall, args=(large,))
        writer.start()
        assert client.makefile("rb").readline() == large.upper()
        writer.join()
    wait_until(lambda: cable.open == 0)


def test_it_refuses_as_a_server_that_does_not_run(cable):
    with connect(cable) as client:
        client.sendall(b"one\n")
        assert client.recv(99) == b"ONE\n"
        cable.refuse()
        with pytest.raises(ConnectionResetError):
            client.recv(99)
    with pytest.raises(ConnectionRefusedError):
        connect(cable)
    cable.resume()
    with connect(cable) as client:
        client.sendall(b"two\n")
        assert client.recv(99) == b"TWO\n"


def test_a_reset_ends_what_there_is_and_nothing_later(cable):
    with connect(cable) as client, connect(cable) as idle:
        client.sendall(b"one\n")
        assert client.recv(99) == b"ONE\n"
        cable.reset()
        for connection in (client, idle):
            with pytest.raises(ConnectionResetError):
                connection.recv(99)
    with connect(cable) as client:
        client.sendall(b"two\n")
        assert client.recv(99) == b"TWO\n"


def test_frozen_nothing_passes_until_it_is_mended(cable, heard):
    with connect(cable) as client:
        client.sendall(b"one\n")
        assert client.recv(99) == b"ONE\n"
        cable.freeze()
        client.sendall(b"two\n")
        with connect(cable) as another:
            another.sendall(b"three\n")
            for connection in (client, another):
                connection.settimeout(0.1)
                with pytest.raises(TimeoutError):
                    connection.recv(99)
            assert heard == [b"one\n"]
            cable.resume()
            for connection in (client, another):
                connection.settimeout(5)
            assert (client.recv(99), another.recv(99)) == (b"TWO\n", b"THREE\n")


def test_a_lost_answer_was_done(cable, heard):
    with connect(cable) as client:
        client.settimeout(0.2)
        cable.lose_answers()
        client.sendall(b"one\n")
        with pytest.raises(TimeoutError):
            client.recv(99)
        assert heard == [b"one\n"]
        cable.reset()
        with pytest.raises(ConnectionResetError):
            client.recv(99)


def test_where_no_server_is_the_client_is_reset():
    cable = Outage("127.0.0.1", unused_port())
    # On a busy machine it is reset while it connects.
    with pytest.raises(ConnectionResetError), connect(cable) as client:
        client.recv(99)
    cable.close()


@pytest.mark.parametrize(
    ("url", "through"),
    [
        ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:{port}/0"),
        ("amqp://guest:guest@localhost:5672/", "amqp://guest:guest@127.0.0.1:{port}/"),
        ("postgresql+psycopg://root@[::1]:1/x?a=b", "postgresql+psycopg://root@127.0.0.1:{port}/x?a=b"),
    ],
)  # fmt: skip
def test_the_url_leads_through_the_cable(url, through):
    with outage(url) as (cable, there):
        assert there == through.format(port=cable.port)


def test_a_url_without_an_address_is_refused():
    with pytest.raises(ValueError, match="a host and a port"), outage("postgresql:///x?host=/run"):
        pass


def test_a_commit_whose_answer_is_lost_is_in_the_database(tmp_path):
    with fresh_database("postgres-psycopg", folder=tmp_path) as database:
        url = database.replace("+psycopg", "")
        with psycopg.connect(url, autocommit=True) as direct, outage(url) as (cable, there):
            direct.execute("CREATE TABLE said (word text)")
            with psycopg.connect(there, autocommit=True) as client:
                client.execute("INSERT INTO said VALUES ('heard')")
                cable.lose_answers()
                threading.Timer(0.2, cable.reset).start()
                with pytest.raises(psycopg.OperationalError):
                    client.execute("INSERT INTO said VALUES ('lost')")
            assert direct.execute("SELECT word FROM said").fetchall() == [("heard",), ("lost",)]
