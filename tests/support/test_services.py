"""A missing service skips a test visibly, and fails it in CI."""

import socket
import threading

import pytest

from .servers import unused_port
from .services import NoAnswerError, find, missing, probe, require


@pytest.mark.parametrize(
    ("ci", "outcome"),
    [
        (None, pytest.skip.Exception),
        ("", pytest.skip.Exception),
        ("false", pytest.skip.Exception),
        ("true", pytest.fail.Exception),
        ("1", pytest.fail.Exception),
    ],
)
def test_what_is_missing_skips_here_and_fails_in_ci(monkeypatch, ci, outcome):
    monkeypatch.delenv("CI", raising=False)
    if ci is not None:
        monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match=r"no browser is installed"):
        missing("no browser is installed")


@pytest.mark.parametrize("name", ["postgres", "mariadb", "redis", "rabbitmq", "nats"])
def test_a_service_that_answers_is_found(name):
    url = require(name)
    probe(name, url)
    assert require(name) is url


def test_one_that_is_given_is_taken_where_it_is(monkeypatch, private_redis):
    monkeypatch.setenv("PAYKIT_TEST_REDIS", private_redis.url)
    assert find("redis") == private_redis.url


@pytest.mark.parametrize(
    ("name", "scheme"),
    [
        ("postgres", "postgresql"),
        ("mariadb", "mysql"),
        ("redis", "redis"),
        ("rabbitmq", "amqp"),
        ("nats", "nats"),
    ],
)
def test_one_that_does_not_answer_is_named_without_its_password(monkeypatch, name, scheme):
    port = unused_port()
    variable = f"PAYKIT_TEST_{name.upper()}"
    monkeypatch.setenv(variable, f"{scheme}://root:s3cret@127.0.0.1:{port}/x")
    with pytest.raises(NoAnswerError) as caught:
        find(name)
    said = str(caught.value)
    assert said.startswith(f"no {name} ({scheme}://root@127.0.0.1:{port}/x: ")
    assert said.endswith(f"try `scripts/services start`, or set {variable}")
    assert "s3cret" not in said


@pytest.mark.parametrize("name", ["redis", "rabbitmq", "nats"])
def test_another_server_at_that_port_is_not_the_service(monkeypatch, name):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            connection, _ = listener.accept()
            with connection:
                connection.recv(4 if name != "nats" else 0)
                connection.sendall(b"SSH-2.0-paykit")

        thread = threading.Thread(target=serve)
        thread.start()
        port = listener.getsockname()[1]
        monkeypatch.setenv(f"PAYKIT_TEST_{name.upper()}", f"tcp://127.0.0.1:{port}")
        with pytest.raises(NoAnswerError, match=f"no {name} .*SSH-2|no {name} .*reset"):
            find(name)
        thread.join()
