"""HttpPublisher against real servers on loopback, read by the libraries of others."""

import asyncio
import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta

import attrs
import pytest
from cloudevents.core.bindings import http as binding
from standardwebhooks import Webhook, WebhookVerificationError

from paykit import BrokerUnavailable, ConfigurationError, MessageRefused, NotPublished
from paykit.publishing import HttpPublisher
from paykit.transport import AsyncHttpxTransport

from ..support.servers import answer, hang, hang_up, loopback, reset, truncate, unused_port
from .events import ATTRIBUTES, EVENT, JSON, MESSAGE, SOURCE, STRUCTURED, foreign, ours, some

SECRET = "whsec_" + b64encode(bytes(range(32))).decode()
OLD = "whsec_" + b64encode(bytes(range(32, 56))).decode()


def publish(publisher, messages):
    """The results, or the error that was raised."""

    async def main():
        try:
            return await publisher.publish(messages)
        except BrokerUnavailable as error:
            return error
        finally:
            await publisher.close()

    return asyncio.run(main())


def publisher_for(url, **settings):
    return HttpPublisher(url, **{"secrets": [SECRET], "source": SOURCE, **settings})


def read_by_the_sdk(seen):
    return foreign(binding.from_http_event(binding.HTTPMessage(seen.headers, seen.body)))


def test_structured_mode_is_the_default():
    with loopback(answer(204)) as server:
        assert publish(publisher_for(f"{server.url}/hooks?shop=1"), [MESSAGE]) == [None]
        (seen,) = server.requests
    assert seen.line == "POST /hooks?shop=1 HTTP/1.1"
    assert seen.headers["content-type"] == STRUCTURED
    assert [name for name in seen.headers if name.startswith("ce-")] == []
    assert json.loads(seen.body) == EVENT.to_cloudevent(source=SOURCE)
    assert read_by_the_sdk(seen) == ours()


def test_binary_mode():
    with loopback(answer(200)) as server:
        assert publish(publisher_for(server.url, mode="binary"), [MESSAGE]) == [None]
        (seen,) = server.requests
    assert seen.body == MESSAGE.payload.encode()
    assert seen.headers["content-type"] == JSON
    assert {name: text for name, text in seen.headers.items() if name.startswith("ce-")} == {
        f"ce-{name}": value for name, value in ATTRIBUTES.items()
    }
    assert read_by_the_sdk(seen) == ours()


def test_headers_are_percent_encoded():
    odd = attrs.evolve(MESSAGE, id='sự kiện. "1"%', key="thanh toán 💳\r\nX: y")
    with loopback(answer(200)) as server:
        assert publish(publisher_for(server.url, mode="binary"), [odd]) == [None]
        (seen,) = server.requests
    assert seen.headers["ce-id"] == "s%E1%BB%B1%20ki%E1%BB%87n.%20%221%22%25"
    # Without a stop, which would make it unclear where the id ends in what is signed.
    assert seen.headers["webhook-id"] == "s%E1%BB%B1%20ki%E1%BB%87n%2E%20%221%22%25"
    attributes, _ = read_by_the_sdk(seen)
    assert (attributes["id"], attributes["subject"]) == (odd.id, odd.key)
    Webhook(SECRET).verify(seen.body, seen.headers)


def test_the_signature_is_that_of_standard_webhooks():
    """Against the digest of the specification's own library, with the time given."""
    moment = datetime(2026, 3, 1, 9, 10, 11, 900_000, tzinfo=UTC)
    publisher = publisher_for("https://shop.example/hooks", clock=lambda: moment)
    request = publisher.request(MESSAGE)
    assert (request.header("webhook-id"), request.header("webhook-timestamp")) == (
        EVENT.event_id,
        "1772356211",
    )
    expected = Webhook(SECRET).sign(EVENT.event_id, moment, request.body.decode())
    assert request.header("webhook-signature") == expected


@pytest.mark.parametrize("mode", ["structured", "binary"])
def test_both_secrets_verify_while_they_are_changed(mode):
    with loopback(answer(200)) as server:
        publisher = publisher_for(server.url, secrets=[SECRET, OLD], mode=mode)
        assert publish(publisher, [MESSAGE]) == [None]
        (seen,) = server.requests
    for secret in (SECRET, OLD):
        Webhook(secret).verify(seen.body, seen.headers)
    other = "whsec_" + b64encode(bytes(32)).decode()
    with pytest.raises(WebhookVerificationError):
        Webhook(other).verify(seen.body, seen.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(seen.body.replace(b"150000", b"950000"), seen.headers)


def test_a_repeat_has_the_same_id_and_a_time_of_its_own():
    moments = iter([datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 1, 1, tzinfo=UTC)])
    publisher = publisher_for("https://shop.example/", clock=lambda: next(moments))
    first, second = publisher.request(MESSAGE), publisher.request(MESSAGE)
    assert first.header("webhook-id") == second.header("webhook-id")
    later = int(second.header("webhook-timestamp")) - int(first.header("webhook-timestamp"))
    assert later == timedelta(hours=1).total_seconds()
    assert first.header("webhook-signature") != second.header("webhook-signature")


# Results.

TAKEN = [200, 201, 202, 204, 299]
REFUSED = [400, 410, 413, 415, 422]
AGAIN = [301, 302, 308, 401, 403, 404, 405, 409, 500, 501, 505]
BUSY = [408, 425, 429, 502, 503, 504]


@pytest.mark.parametrize("status", TAKEN)
def test_a_2xx_is_published(status):
    with loopback(answer(status)) as server:
        assert publish(publisher_for(server.url), [MESSAGE]) == [None]


@pytest.mark.parametrize(
    ("status", "kind"),
    [(status, MessageRefused) for status in REFUSED] + [(status, NotPublished) for status in AGAIN],
)
def test_what_says_something_about_the_message(status, kind):
    # A redirect is not followed, wherever it leads.
    away = answer(status, headers={"Location": "http://127.0.0.1:1/"})
    with loopback(away) as server:
        (result,) = publish(publisher_for(f"{server.url}/hooks?key=SECRET-1"), [MESSAGE])
        assert server.lines == ["POST /hooks?key=SECRET-1 HTTP/1.1"]
    assert type(result) is kind
    assert str(result) == f"{server.url}/hooks answered {status}"


@pytest.mark.parametrize("status", BUSY)
def test_what_says_something_about_the_endpoint(status):
    with loopback(answer(status)) as server:
        result = publish(publisher_for(server.url), [MESSAGE])
        assert len(server.requests) == 1
    assert type(result) is BrokerUnavailable
    assert str(result) == f"{server.url} answered {status}"


@pytest.mark.parametrize("behaviour", [reset, hang_up, truncate()], ids=["reset", "hang_up", "cut"])
def test_no_complete_answer_is_no_success(behaviour):
    """Not even a 2xx whose body broke off. It goes out once: the relay repeats, not the transport."""
    with loopback(behaviour) as server:
        result = publish(publisher_for(server.url), [MESSAGE])
        assert (type(result), len(server.requests)) == (BrokerUnavailable, 1)


def test_an_answer_that_never_comes():
    with loopback(hang) as server:
        result = publish(publisher_for(server.url, timeout=0.2), [MESSAGE])
    assert type(result) is BrokerUnavailable
    assert str(result) == f"{server.url}: no answer within 0.2 seconds"


def test_an_answer_that_cannot_be_read():
    with loopback(answer(200, b"no gzip", headers={"Content-Encoding": "gzip"})) as server:
        (result,) = publish(publisher_for(server.url), [MESSAGE])
    assert type(result) is NotPublished


def test_nobody_there():
    result = publish(publisher_for(f"http://127.0.0.1:{unused_port()}/"), some(40))
    assert type(result) is BrokerUnavailable


def test_each_message_has_its_own_result():
    with loopback(answer(200), answer(422), answer(500), answer(204)) as server:
        results = publish(publisher_for(server.url, at_once=1), some(4))
        ids = [seen.headers["webhook-id"] for seen in server.requests]
    assert [type(result) for result in results] == [
        type(None), MessageRefused, NotPublished, type(None),
    ]  # fmt: skip
    assert ids == ["event-0", "event-1", "event-2", "event-3"]


def test_a_busy_endpoint_is_left_alone():
    """What was taken before it asked for a pause stays taken; the rest is not sent at all."""
    with loopback(answer(200), answer(429)) as server:
        results = publish(publisher_for(server.url, at_once=1), some(10))
        assert len(server.requests) == 2
    assert [type(result) for result in results] == [type(None)] + [BrokerUnavailable] * 9


def test_many_are_under_way_at_a_time():
    with loopback(answer(200)) as server:
        assert publish(publisher_for(server.url, at_once=8), some(100)) == [None] * 100
        ids = [seen.headers["webhook-id"] for seen in server.requests]
        assert sorted(ids) == sorted(f"event-{number}" for number in range(100))
        assert server.connections <= 8


def test_a_transport_of_the_caller_is_used_and_left_open():
    async def main():
        async with AsyncHttpxTransport() as transport:
            with loopback(answer(200)) as server:
                publisher = publisher_for(server.url, transport=transport)
                for _ in range(2):
                    assert await publisher.publish([MESSAGE]) == [None]
                    await publisher.close()
                assert server.connections == 1

    asyncio.run(main())


# Settings.


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8000/x", "http://localhost/x", "http://[::1]/x", "https://shop.example/x"],
)
def test_where_it_may_go(url):
    assert repr(publisher_for(url)) == f"HttpPublisher({url!r})"


def test_plain_http_only_when_told():
    assert publisher_for("http://shop.example/x?key=SECRET", allow_http=True)
    with pytest.raises(ConfigurationError, match="must be https; or set allow_http"):
        publisher_for("http://shop.example/x")
    # Private, but not this machine.
    with pytest.raises(ConfigurationError, match="must be https"):
        publisher_for("http://10.0.0.1/x")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"url": "ftp://shop.example/"}, "must be http or https"),
        ({"url": "https:///x"}, "must be http or https, with a host"),
        ({"url": "https://[::1/x"}, "is not valid"),
        ({"url": "https://user:pass@shop.example/"}, "must not hold credentials"),
        ({"secrets": []}, "at least one signing secret"),
        ({"secrets": SECRET}, "a list of at least one signing secret"),
        ({"secrets": [""]}, "24 to 64 bytes"),
        ({"secrets": ["whsec_"]}, "24 to 64 bytes"),
        ({"secrets": [SECRET, "whsec_" + b64encode(bytes(23)).decode()]}, "24 to 64 bytes"),
        ({"secrets": ["whsec_" + b64encode(bytes(65)).decode()]}, "24 to 64 bytes"),
        ({"secrets": ["whsec_not base64!"]}, "must be base64"),
        ({"source": ""}, "source names the service"),
        ({"mode": "batched"}, "mode is binary or structured"),
    ],
)
def test_settings_that_cannot_be(settings, said):
    settings = {"url": "https://shop.example/x", **settings}
    with pytest.raises(ConfigurationError, match=said) as caught:
        publisher_for(settings.pop("url"), **settings)
    assert SECRET not in str(caught.value)
