"""The plain apps as objects: what they are made of, and what no server would pass on to them."""

import asyncio
import io
from unittest.mock import Mock

import pytest
from aiohttp import StreamReader, web
from aiohttp.http_exceptions import TransferEncodingError
from aiohttp.test_utils import make_mocked_request

from paykit import ConfigurationError, Delivery
from paykit.webhooks import EventReceiver, MountOptions, Sources
from paykit.webhooks.aiohttp import paykit_routes
from paykit.webhooks.asgi import PaykitApp
from paykit.webhooks.receiver import path_below
from paykit.webhooks.wsgi import PaykitWsgi
from tests.service.shop import Answers, momo

RETURN_TO = "https://shop.example/thanks"


@pytest.fixture
def receiver():
    with EventReceiver([momo()], on_event=print, transport=Answers()) as opened:
        yield opened


async def drive(app, messages, **scope):
    """Call an ASGI app with these messages; returns what it sent."""
    sent, waiting = [], list(messages)

    async def receive():
        return waiting.pop(0)

    async def send(message):
        sent.append(message)

    await app({"headers": [], "path": "/webhooks/momo", "method": "POST", **scope}, receive, send)
    return sent


def test_lifespan(receiver):
    messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    app = PaykitApp(receiver, return_to=RETURN_TO)
    assert asyncio.run(drive(app, messages, type="lifespan")) == [
        {"type": "lifespan.startup.complete"},
        {"type": "lifespan.shutdown.complete"},
    ]


def test_it_speaks_http_only(receiver):
    app = PaykitApp(receiver, return_to=RETURN_TO)
    with pytest.raises(ConfigurationError):
        asyncio.run(drive(app, [], type="websocket"))


@pytest.mark.parametrize(
    "messages",
    [
        [{"type": "http.disconnect"}],
        [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}],
    ],
)
def test_who_has_gone_gets_an_answer_that_nobody_reads(receiver, messages):
    """Middleware that waits for one would raise an error, and anybody could make it do so."""
    app = PaykitApp(receiver, return_to=RETURN_TO)
    start, body = asyncio.run(drive(app, messages, type="http"))
    assert (start["status"], body["body"]) == (400, b"")


def test_a_server_may_refuse_to_send_to_who_has_gone(receiver):
    """As an ASGI server may from version 2.4 of the specification on."""

    async def receive():
        return {"type": "http.disconnect"}

    async def send(message):
        raise OSError("the connection is closed")

    app = PaykitApp(receiver, return_to=RETURN_TO)
    scope = {"type": "http", "method": "POST", "path": "/webhooks/momo", "headers": []}
    assert asyncio.run(app(scope, receive, send)) is None


@pytest.mark.parametrize(
    ("path", "root", "prefix", "status"),
    [
        ("/pay/health", "", "/pay", 200),
        ("/pay/health", "/pay", "", 200),
        ("/pay/health", "/pay", "/pay", 200),
        ("/health", "/pay", "", 200),  # taken off already
        ("/health", "", "/pay/", 200),
        ("/pay/health", "/p", "/pay", 200),
        ("/shop/pay/health", "/shop", "/pay", 200),
        ("/payments/x/status", "/pay", "", "payment"),
        ("/payments/x/status", "", "/pay", "payment"),
        ("/pay/payments/x/status", "/pay", "", "payment"),
        ("/payhealth", "", "/pay", 404),
        ("/pay", "", "/pay", 404),
    ],
)
def test_a_prefix_is_a_whole_part_of_the_path(receiver, path, root, prefix, status):
    app = PaykitApp(receiver, return_to=RETURN_TO, prefix=prefix)
    scope = {"type": "http", "method": "GET", "path": path, "root_path": root}
    start, body = asyncio.run(drive(app, [], **scope))
    if status == "payment":
        assert b"no such payment" in body["body"]
    else:
        assert start["status"] == status


def test_wsgi_has_a_prefix_too(receiver):
    app = PaykitWsgi(receiver, return_to=RETURN_TO, prefix="/pay/")
    told = {
        path: call(app, PATH_INFO=path, REQUEST_METHOD="GET")[0]
        for path in ("/pay/health", "/health", "/payhealth")
    }
    assert told == {"/pay/health": "200 OK", "/health": "200 OK", "/payhealth": "404 Not Found"}


def test_wsgi_sends_no_body_to_who_asks_for_none(receiver):
    app = PaykitWsgi(receiver, return_to=RETURN_TO)
    status, headers, body = call(app, PATH_INFO="/health", REQUEST_METHOD="HEAD")
    assert (status, body) == ("405 Method Not Allowed", b"")
    assert dict(headers)["allow"] == "GET"


@pytest.mark.parametrize("make", [PaykitApp, PaykitWsgi, paykit_routes])
def test_what_cannot_be_mounted_is_refused_at_once(receiver, make):
    for wrong in ({"prefix": "pay"}, {"return_to": None}, {"return_to": "/a#b"}):
        with pytest.raises(ConfigurationError):
            make(receiver, **{"return_to": RETURN_TO, **wrong})
    with pytest.raises(ConfigurationError, match="an event receiver, not \\[\\]"):
        make([], return_to=RETURN_TO)
    for name in ("momoo", "VNPay", ""):
        options = MountOptions(sources=Sources({name: ["203.0.113.0/24"]}))
        with pytest.raises(ConfigurationError, match="no account that is here"):
            make(receiver, return_to=RETURN_TO, options=options)


def call(app, **environ):
    """Call a WSGI app; returns its status, headers and body."""
    begun = []

    def start_response(status, headers):
        begun.extend([status, headers])

    body = app(
        {"REQUEST_METHOD": "POST", "PATH_INFO": "/webhooks/momo", "wsgi.input": None, **environ},
        start_response,
    )
    return *begun, b"".join(body)


class Torn:
    """A connection that breaks."""

    def read(self, _size):
        raise OSError("the client has gone")


@pytest.mark.parametrize("source", [Torn(), io.BytesIO(b"{")], ids=["torn", "too short"])
def test_a_body_that_does_not_come_is_none(receiver, source):
    app = PaykitWsgi(receiver, return_to=RETURN_TO)
    answer = call(app, **{"wsgi.input": source, "CONTENT_LENGTH": "5"})
    assert answer == ("400 Bad Request", [("content-length", "0")], b"")


def test_chunks_that_the_server_leaves_alone_are_not_read(receiver):
    """Without an end they could be read for ever; it is as if nothing was sent."""
    app = PaykitWsgi(receiver, return_to=RETURN_TO)
    raw = io.BytesIO(b"2\r\n{}\r\n0\r\n\r\n")
    answer = call(app, **{"wsgi.input": raw, "HTTP_TRANSFER_ENCODING": "chunked"})
    assert answer == ("400 Bad Request", [("content-length", "0")], b"")
    assert raw.tell() == 0


def test_text_that_is_not_what_wsgi_says_it_is(receiver):
    app = PaykitWsgi(receiver, return_to=RETURN_TO)
    assert call(app, PATH_INFO="/webhooks/\xff")[0] == "404 Not Found"


@pytest.mark.parametrize(
    "error", [TransferEncodingError("zz"), web.RequestPayloadError("cut")], ids=repr
)
def test_what_a_parser_of_aiohttp_cannot_read(receiver, error):
    """One parser tells of broken chunks in the middle of a body, the other waits for better ones."""
    (route,) = [one for one in paykit_routes(receiver, return_to=RETURN_TO) if "hook" in one.path]

    async def scenario():
        body = StreamReader(Mock(), limit=100)
        body.feed_data(b"{")
        body.set_exception(error)
        request = make_mocked_request(
            "POST", "/pay/webhooks/momo", match_info={"account": "momo"}, payload=body
        )
        return await route.handler(request)

    answer = asyncio.run(scenario())
    assert (answer.status, answer.body) == (400, b'{"error": "the body cannot be read"}')


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "//evil.example", "shop", "/thanks#x", "/a\\b", "/a\nb", ""]
)
@pytest.mark.parametrize("mount", [PaykitApp, PaykitWsgi])
def test_where_browsers_go_is_checked_at_once(receiver, mount, url):
    with pytest.raises(ConfigurationError):
        mount(receiver, return_to=url)


@pytest.mark.parametrize(
    "settings",
    [
        {"max_body": 0},
        {"max_body": -1},
        {"body_seconds": 0},
        {"longest_wait": -1},
        {"stream_seconds": 0},
        {"ping_seconds": 0},
        {"most_held": -1},
    ],
    ids=str,
)
def test_options_are_checked_at_once(settings):
    with pytest.raises(ConfigurationError):
        MountOptions(**settings)


@pytest.mark.parametrize("name", ["max_body", "body_seconds"])
def test_limits_in_short_are_checked_as_well(receiver, name):
    with pytest.raises(ConfigurationError):
        PaykitApp(receiver, return_to=RETURN_TO, **{name: 0})


@pytest.mark.parametrize(
    ("whole", "routed", "below"),
    [
        ("/pay/webhooks/momo", "/webhooks/momo", "/webhooks/momo"),
        ("/webhooks/momo", "/webhooks/momo", "/webhooks/momo"),
        ("/pay//webhooks/momo", "/webhooks/momo", "/pay//webhooks/momo"),
        ("/pay/webhooks/momo/", "/webhooks/momo", "/pay/webhooks/momo/"),
        ("/pay/webhooks/momo\n", "/webhooks/momo", "/pay/webhooks/momo\n"),
        ("/pay/webhooks//momo", "/webhooks/momo", "/pay/webhooks//momo"),
    ],
)
def test_what_a_router_overlooked_counts(whole, routed, below):
    assert path_below(whole, routed) == below


def test_a_delivery_keeps_the_exact_bytes():
    delivery = Delivery.get("/x?a=%C3%A1+b")
    assert (delivery.query, delivery.query_fields()) == (b"a=%C3%A1+b", {"a": "á b"})
