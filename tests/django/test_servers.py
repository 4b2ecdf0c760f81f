"""The whole project behind real servers, in processes of their own, on real databases."""

import threading
import time

import pytest

from paykit import ConfigurationError
from tests.service.shop import notice, request

from ..mounts.test_waiting import frames
from ..mounts.wire import Connection, Sent, exchange
from .notices import encoded, momo_body
from .project.settings import PAYKIT
from .running import PATIENCE, SERVERS, UVICORN, serving

LIMIT = PAYKIT["OPTIONS"]["max_body"]
STREAM = (("accept", "text/event-stream"), ("accept-encoding", "gzip"))


def ipn(name="ORDER-1"):
    return Sent("GET", "/webhooks/vnpay?" + notice(name, number=name).query.decode())


def create(name="ORDER-1"):
    from paykit.django import service

    return service().create(request(name), provider="vnpay").payment_id


def status(url, payment_id):
    return exchange(url, Sent("GET", f"/payments/{payment_id}/status")).body


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("database_kind", ["sqlite", "postgres-psycopg", "mariadb"])
def test_a_payment_on_a_real_server(djangos, server):
    """With several processes, that were forked from one, and this one beside them."""
    payment_id = create()
    with serving(SERVERS[server], djangos) as root:
        for prefix in ("/shop/pay", "/async/pay"):
            url = root + prefix
            assert b'"requires_action"' in status(url, payment_id)
            body = encoded(momo_body(orderId=prefix, requestId=prefix))
            assert exchange(url, Sent("POST", "/webhooks/momo", body)).status == 204
            chunked = Sent("POST", "/webhooks/momo", body, chunked=True)
            assert exchange(url, chunked).status == 204
        notices = []
        threads = [
            threading.Thread(target=lambda: notices.append(exchange(url, ipn()).body))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(body[12:14] for body in notices) == [b"00", *[b"02"] * 7]
        deadline = time.monotonic() + PATIENCE
        while b'"succeeded"' not in status(url, payment_id):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    from paykit.django import service

    told = [entry.reference for entry in service().inbox().items if entry.source == "webhook"]
    assert sorted(told) == ["/async/pay", "/shop/pay", "ORDER-1"]


@pytest.fixture(scope="module")
def uvicorn(tmp_path_factory):
    """One server for several tests, and this process on the same file."""
    from paykit.service import upgrade_database

    from . import configuring

    url = f"sqlite:///{tmp_path_factory.mktemp('site')}/site.db"
    upgrade_database(url)
    with serving(UVICORN, url) as root:
        configuring.use(url)
        yield root
        configuring.leave()


@pytest.mark.parametrize("prefix", ["/shop/pay", "/async/pay", "/beside/pay"])
def test_a_stream_is_told_at_once(uvicorn, prefix):
    """Whatever compresses responses on the way."""
    payment_id = create(f"LIVE-{prefix[1:5]}")
    url = uvicorn + prefix
    with Connection(url) as connection:
        connection.send(Sent("GET", f"/payments/{payment_id}/status", headers=STREAM).wire(url))
        with connection.begun() as response:
            assert response.getheader("content-type") == "text/event-stream; charset=utf-8"
            told = frames(response)
            assert next(told) == [b"retry: 3000"]
            assert b'"requires_action"' in next(told)[2]
            exchange(url, ipn(f"LIVE-{prefix[1:5]}"))
            assert b'"succeeded"' in next(told)[2]
            assert list(told) == []


def test_a_stream_hears_of_other_processes(uvicorn):
    from paykit.django import service

    payment_id = create("ELSEWHERE")
    url = f"{uvicorn}/async/pay"
    with Connection(url) as connection:
        connection.send(Sent("GET", f"/payments/{payment_id}/status", headers=STREAM).wire(url))
        with connection.begun() as response:
            told = frames(response)
            assert b'"requires_action"' in [*next(told), *next(told)][3]
            service().receive(notice("ELSEWHERE", number="7"), provider="vnpay")
            assert b'"succeeded"' in next(told)[2]


@pytest.mark.parametrize("prefix", ["/async/pay", "/beside/pay"])
def test_who_waits_is_answered_when_something_happens(uvicorn, prefix):
    name = f"WAIT-{prefix[1:5]}"
    payment_id = create(name)
    url = uvicorn + prefix
    tag = exchange(url, Sent("GET", f"/payments/{payment_id}/status")).headers["etag"]
    waiting = (("if-none-match", tag), ("prefer", "wait=30"))
    with Connection(url) as connection:
        path = f"/payments/{payment_id}/status"
        connection.send(Sent("GET", path, headers=waiting).wire(url))
        exchange(url, ipn(name))
        answer = connection.answer()
    assert (answer.status, answer.headers["preference-applied"]) == (200, "wait=30")
    assert b'"succeeded"' in answer.body


def test_beside_django_nothing_is_read_beyond_the_limit(uvicorn):
    """Whoever announces too much is not even waited for; Django waits for all of it."""
    announced = Sent("POST", "/webhooks/momo", b"{}", (("content-length", str(LIMIT + 1)),))
    answer = exchange(f"{uvicorn}/beside/pay", announced)
    assert (answer.status, answer.body) == (413, b'{"error": "at most 65536 bytes"}')
    with Connection(uvicorn) as connection:
        connection.send(announced.wire(f"{uvicorn}/shop/pay"))
        connection.socket.settimeout(0.5)
        with pytest.raises(TimeoutError):
            connection.answer("POST")


def test_beside_django_who_is_slow_is_given_up(file):
    with serving(UVICORN, file, PROJECT_BODY_SECONDS="0.3") as root:
        slow = Sent("POST", "/webhooks/momo", b"{", (("content-length", "2"),))
        answer = exchange(f"{root}/beside/pay", slow)
    assert (answer.status, answer.body) == (408, b'{"error": "the body took too long"}')


def test_what_is_not_below_the_prefix_is_djangos(uvicorn):
    assert exchange(uvicorn, Sent("GET", "/beside/pays/health")).status == 404
    assert exchange(uvicorn, Sent("GET", "/admin/login/")).status == 200


def test_below_the_prefix_the_shops_own_views_are_djangos_too(uvicorn):
    """The endpoints are few; what stands beside them belongs to the shop."""
    assert exchange(f"{uvicorn}/beside/pay", Sent("GET", "/checkout")).body == b"the shop's own"
    nowhere = exchange(f"{uvicorn}/beside/pay", Sent("GET", "/nowhere"))
    assert (nowhere.status, b"<h1>Not Found</h1>" in nowhere.body) == (404, True)
    nobody = exchange(f"{uvicorn}/beside/pay", Sent("POST", "/webhooks/nobody", b"{}"))
    assert nobody.body == b'{"error": "there is no such account"}'


def test_a_prefix_of_what_is_beside_django_begins_with_a_slash():
    from paykit.django.asgi import beside

    with pytest.raises(ConfigurationError, match="slash"):
        beside(None, prefix="pay")
