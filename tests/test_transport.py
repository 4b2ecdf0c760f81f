"""The transports: what is sent, how often, and what each way to fail is called."""

from __future__ import annotations

import asyncio
import gzip
import inspect
import logging
import ssl
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address

import attrs
import httpx
import pytest
import respx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from paykit.errors import (
    ConfigurationError,
    InvalidRequest,
    MalformedResponse,
    NoAnswer,
    NotSent,
    OutcomeUnknown,
    PaykitError,
)
from paykit.http import HttpRequest, HttpResponse
from paykit.transport import (
    DEFAULT_RETRIES,
    DEFAULT_TIMEOUTS,
    AsyncHttpxTransport,
    AsyncTransport,
    HttpxTransport,
    RetryPolicy,
    Timeouts,
    Transport,
)
from tests.support.servers import (
    answer,
    drip,
    hang,
    hang_up,
    loopback,
    raw,
    reset,
    truncate,
    unused_port,
)

KINDS = ("sync", "async", "aiohttp")
PATIENT = Timeouts(connect=2.0, read=2.0, total=5.0)


def charge(url: str, **options) -> HttpRequest:
    """Moves money; the provider deduplicates it, which must not matter."""
    return HttpRequest.post_json(
        url, {"amount": 1}, **{"moves_money": True, "replay_safe": True, **options}
    )


def question(url: str) -> HttpRequest:
    return HttpRequest.get(url)


def one_time(url: str) -> HttpRequest:
    """Moves no money, but is not to be repeated either."""
    return HttpRequest.post_json(url, {"amount": 1})


@attrs.frozen
class Caller:
    """Performs requests through one of the transports, blocking or not, with the same words."""

    kind: str
    #: Every pause before another attempt, in seconds; none is really waited for.
    pauses: list[float] = attrs.field(factory=list)
    on_pause: Callable[[], object] = lambda: None

    def send(self, *requests: HttpRequest, **options) -> list[HttpResponse]:
        options = {"timeouts": PATIENT, "random": lambda: 0.5, **options}
        if self.kind == "sync":
            with HttpxTransport(sleep=self.pause, **options) as transport:
                return [transport.send(request) for request in requests]
        return asyncio.run(self._send(requests, options))

    async def _send(self, requests, options) -> list[HttpResponse]:
        make = AsyncHttpxTransport.with_aiohttp if self.kind == "aiohttp" else AsyncHttpxTransport

        async def sleep(seconds: float) -> None:
            self.pause(seconds)

        async with make(sleep=sleep, **options) as transport:
            return [await transport.send(request) for request in requests]

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.on_pause()

    def failure(self, request: HttpRequest, **options) -> PaykitError:
        with pytest.raises(PaykitError) as caught:
            self.send(request, **options)
        return caught.value


@pytest.fixture(params=KINDS)
def caller(request) -> Caller:
    return Caller(request.param)


# --- What is sent and what comes back ------------------------------------------------------------


def test_the_request_goes_out_as_it_was_written(caller):
    request = HttpRequest.post_json(
        "http://ignored/", {"tên": "Phở"}, headers={"X-Key": "k", "ACCEPT": "application/json"}
    )
    with loopback(answer()) as server:
        caller.send(attrs.evolve(request, url=f"{server.url}/v1%2Fpay?a=1&b=%2F"))
    (seen,) = server.requests
    query = "a=1&b=/" if caller.kind == "aiohttp" else "a=1&b=%2F"
    assert (seen.line, seen.body) == (f"POST /v1%2Fpay?{query} HTTP/1.1", '{"tên":"Phở"}'.encode())
    assert seen.headers == {
        "host": f"127.0.0.1:{server.port}",
        "content-type": "application/json; charset=UTF-8",
        "x-key": "k",
        "accept": "application/json",
        "accept-encoding": "gzip, deflate",
        "user-agent": "paykit",
        "content-length": str(len(seen.body)),
    }


def test_the_answer_is_complete_and_decompressed(caller):
    packed = gzip.compress(b'{"ok":true}')
    head = {"Content-Encoding": "gzip", "Set-Cookie": "a=1", "X-Latin": "caf\xe9"}
    with loopback(answer(402, packed, headers=head)) as server:
        (response,) = caller.send(question(server.url))
    assert (response.status, response.body) == (402, b'{"ok":true}')
    assert response.header("set-cookie") == "a=1"
    # The server writes its head as UTF-8; a header is bytes, and one byte is one character.
    assert response.header("x-latin") == "caf\xc3\xa9"


def test_repeated_response_headers_stay_apart(caller):
    data = b"HTTP/1.1 200 OK\r\nX-A: 1\r\nX-A: 2\r\nContent-Length: 0\r\n\r\n"
    with loopback(raw(data)) as server:
        (response,) = caller.send(question(server.url))
    pairs = [(name.lower(), value) for name, value in response.headers]
    assert pairs == [("x-a", "1"), ("x-a", "2"), ("content-length", "0")]


def test_connections_are_kept_and_cookies_are_not(caller):
    with loopback(answer(headers={"Set-Cookie": "session=payer-1"})) as server:
        # By name, since cookies are not kept for an address in any case.
        caller.send(*[question(f"http://localhost:{server.port}")] * 3)
    assert server.connections == 1
    assert [seen.headers.get("cookie") for seen in server.requests] == [None] * 3


@pytest.mark.parametrize("location", ["/elsewhere", "http://[", "momo://app?x=1"])
def test_a_redirect_is_not_followed(caller, location):
    with loopback(answer(302, headers={"Location": location})) as server:
        try:
            (response,) = caller.send(question(server.url), retries=RetryPolicy(attempts=1))
        except NoAnswer:  # httpx reads the location even where it does not follow it
            assert location == "http://["
        else:
            assert (response.status, response.header("location")) == (302, location)
    assert server.lines == ["GET / HTTP/1.1"]


def test_the_environment_names_no_proxy(caller, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{unused_port()}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with loopback(answer(body=b'{"direct":1}')) as server:
        (response,) = caller.send(question(server.url))
    assert response.body == b'{"direct":1}'


# --- How it fails --------------------------------------------------------------------------------


def test_refused_connections_are_tried_again_even_for_money(caller):
    error = caller.failure(charge(f"http://127.0.0.1:{unused_port()}/pay"))
    assert type(error) is NotSent
    assert caller.pauses == [0.125, 0.25]


def test_a_server_that_comes_back_gets_the_request_once(caller):
    port = unused_port()
    servers = []
    with ExitStack() as stack:

        def start() -> None:
            servers.append(stack.enter_context(loopback(answer(), port=port)))

        (response,) = attrs.evolve(caller, on_pause=start).send(
            charge(f"http://127.0.0.1:{port}/pay")
        )
        assert (response.status, caller.pauses) == (200, [0.125])
        assert servers[0].lines == ["POST /pay HTTP/1.1"]


GARBAGE = raw(b"SPAM s3cret\r\n\r\n")
#: What the server does after it has read the request, and what is left of the time.
SILENCES = {
    "no answer": (hang, attrs.evolve(PATIENT, read=0.05)),
    "reset": (reset, PATIENT),
    "hung up": (hang_up, PATIENT),
    "truncated": (truncate(), PATIENT),
    "hung up in the head": (raw(b"HTTP/1.1 200 OK\r\nContent-Le"), PATIENT),
    "not HTTP": (GARBAGE, PATIENT),
}


@pytest.fixture(params=SILENCES)
def silence(request):
    return SILENCES[request.param]


def test_silence_about_money_is_unknown_and_the_request_arrived_once(caller, silence):
    behaviour, timeouts = silence
    with loopback(behaviour) as server:
        error = caller.failure(charge(f"{server.url}/pay"), timeouts=timeouts)
    assert type(error) is OutcomeUnknown
    assert (server.lines, caller.pauses) == (["POST /pay HTTP/1.1"], [])


def test_silence_about_a_question_is_asked_again(caller, silence):
    behaviour, timeouts = silence
    with loopback(behaviour) as server:
        error = caller.failure(question(f"{server.url}/state"), timeouts=timeouts)
    assert type(error) is NoAnswer
    assert (server.lines, caller.pauses) == (["GET /state HTTP/1.1"] * 3, [0.125, 0.25])


def test_silence_about_what_is_not_replay_safe_is_told_at_once(caller, silence):
    behaviour, timeouts = silence
    with loopback(behaviour) as server:
        error = caller.failure(one_time(f"{server.url}/new"), timeouts=timeouts)
    assert type(error) is NoAnswer
    assert (server.lines, caller.pauses) == (["POST /new HTTP/1.1"], [])


@pytest.mark.parametrize("lost", [reset, hang_up])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_kept_connection_that_breaks_does_not_charge_twice(caller, method, lost):
    with loopback(answer(), lost, answer()) as server:
        first = question(server.url)
        error = None
        try:
            caller.send(
                first,
                charge(server.url, moves_money=True)
                if method == "POST"
                else HttpRequest(method, server.url, body=b"{}", moves_money=True),
            )
        except PaykitError as caught:
            error = caught
    assert type(error) is OutcomeUnknown
    assert server.lines == ["GET / HTTP/1.1", f"{method} / HTTP/1.1"]


@pytest.mark.parametrize(("make", "expected"), [(question, NoAnswer), (charge, OutcomeUnknown)])
@pytest.mark.parametrize("behaviour", [drip(), hang])
def test_the_total_time_bounds_everything(caller, behaviour, make, expected):
    """Neither a slow drip nor a long ``read`` outlasts it, and no attempt starts after it."""
    with loopback(behaviour) as server:
        error = caller.failure(make(server.url), timeouts=attrs.evolve(PATIENT, total=0.12))
    assert type(error) is expected
    assert (len(server.requests), caller.pauses) == (1, [])


@pytest.mark.parametrize("kind", ["async", "aiohttp"])
def test_the_total_time_bounds_a_dripping_head_too(kind):
    with loopback(drip(b"HTTP/1.1 200 OK\r\nX-Long: ")) as server:
        started = time.monotonic()
        error = Caller(kind).failure(charge(server.url), timeouts=attrs.evolve(PATIENT, total=0.12))
        assert time.monotonic() - started < 3
    assert (type(error), len(server.requests)) == (OutcomeUnknown, 1)


def test_a_response_that_is_given_up_is_closed():
    class Endless(httpx.SyncByteStream):
        closed = False

        def __iter__(self):
            while True:
                yield b"x" * 1024

        def close(self) -> None:
            self.closed = True

    stream = Endless()
    answers = httpx.MockTransport(lambda _: httpx.Response(200, stream=stream))
    with httpx.Client(transport=answers) as client, pytest.raises(MalformedResponse):
        HttpxTransport(client=client).send(question("https://provider.example/"))
    assert stream.closed


TOO_LARGE = answer(200, b"x" * 5000)
BROKEN = {
    "too large": TOO_LARGE,
    "too large when unpacked": answer(
        200, gzip.compress(b"x" * 5000), headers={"Content-Encoding": "gzip"}
    ),
    "no gzip": answer(200, b"not gzip", headers={"Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("behaviour", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize(
    ("make", "expected"),
    [(question, MalformedResponse), (one_time, MalformedResponse), (charge, OutcomeUnknown)],
)
def test_an_answer_that_cannot_be_read_is_not_asked_for_again(caller, behaviour, make, expected):
    with loopback(behaviour) as server:
        error = caller.failure(make(server.url), max_response_bytes=4999)
    assert type(error) is expected
    assert (len(server.requests), caller.pauses) == (1, [])


def test_an_answer_of_exactly_the_allowed_size_is_read(caller):
    with loopback(TOO_LARGE) as server:
        (response,) = caller.send(question(server.url), max_response_bytes=5000)
    assert response.body == b"x" * 5000


def test_the_connection_pool_survives_a_failure(caller):
    with loopback(hang_up, answer(body=b"later")) as server:
        (response,) = caller.send(question(server.url))
    assert (response.body, len(server.requests)) == (b"later", 2)


# --- Answers that say "not now" ------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_server_is_asked_again_and_its_last_answer_counts(caller, status):
    with loopback(answer(status, b"busy")) as server:
        (response,) = caller.send(question(server.url))
    assert (response.status, response.body) == (status, b"busy")
    assert (len(server.requests), caller.pauses) == (3, [0.125, 0.25])


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_not_sent_money_twice(caller, status):
    with loopback(answer(status), answer(200)) as server:
        (response,) = caller.send(charge(server.url))
    assert (response.status, len(server.requests), caller.pauses) == (status, 1, [])


def test_the_server_may_name_the_pause(caller):
    headers = {"Retry-After": "3"}
    with loopback(answer(429, headers=headers), answer(200)) as server:
        (response,) = caller.send(question(server.url))
    assert (response.status, len(server.requests), caller.pauses) == (200, 2, [3.0])


def test_no_pause_outlasts_the_total_time(caller):
    with loopback(answer(429, headers={"Retry-After": "6"})) as server:
        (response,) = caller.send(question(server.url))  # PATIENT ends after five seconds
    assert (response.status, len(server.requests), caller.pauses) == (429, 1, [])


MONDAY = "Mon, 05 Jan 2026 10:00:00 GMT"


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (429, {}, 0.125),
        (429, {"Retry-After": "0"}, 0.125),
        (429, {"Retry-After": " 2 "}, 2.0),
        (503, {"retry-after": "8"}, 8.0),
        (429, {"Retry-After": "9"}, None),
        (429, {"Retry-After": "9" * 5000}, None),
        (429, {"Retry-After": "-5"}, 0.125),
        (429, {"Retry-After": "1.5"}, 0.125),
        (429, {"Retry-After": "\u0663"}, 0.125),
        (429, {"Retry-After": "soon"}, 0.125),
        (429, {"Retry-After": "Mon, 05 Jan 2026 10:00:04 GMT", "Date": MONDAY}, 4.0),
        (429, {"Retry-After": "Mon, 05 Jan 2026 11:00:00 +0059", "Date": MONDAY}, 0.125 + 59.875),
        (429, {"Retry-After": "Mon, 05 Jan 2026 09:59:00 GMT", "Date": MONDAY}, 0.125),
        (429, {"Retry-After": "Tue, 06 Jan 2026 10:00:00 GMT", "Date": MONDAY}, None),
        (429, {"Retry-After": "Mon, 05 Jan 2026 10:00:04 GMT"}, 0.125),
        (429, {"Retry-After": "Mon, 05 Jan 2026 10:00:04 -0000", "Date": MONDAY}, 0.125),
        (429, {"X-RateLimit-Reset": "1767607204", "Date": MONDAY}, 4.0),
        (429, {"X-RateLimit-Reset": "1767607204", "Retry-After": "2", "Date": MONDAY}, 2.0),
        (429, {"X-RateLimit-Reset": "1767693600", "Date": MONDAY}, None),
        (429, {"X-RateLimit-Reset": "1767607199", "Date": MONDAY}, 0.125),
        (429, {"X-RateLimit-Reset": "4", "Date": MONDAY}, 0.125),
        (429, {"X-RateLimit-Reset": "9" * 5000, "Date": MONDAY}, None),
        (429, {"X-RateLimit-Reset": "soon", "Date": MONDAY}, 0.125),
        (429, {"X-RateLimit-Reset": "1767607204"}, 0.125),
        (200, {"Retry-After": "2"}, None),
        (408, {"Retry-After": "2"}, None),
        (500, {}, None),
    ],
)
def test_how_long_a_busy_server_is_left_alone(status, headers, expected):
    response = HttpResponse(status, headers)
    policy = RetryPolicy(max_backoff=60.0) if expected == 60.0 else RetryPolicy()
    delay = policy.delay(question("https://a/"), attempt=1, outcome=response, fraction=0.5)
    assert delay == expected


# --- The policy ----------------------------------------------------------------------------------


def test_pauses_grow_from_attempt_to_attempt_up_to_a_bound():
    policy = RetryPolicy(attempts=2000, backoff=0.5, max_backoff=3.0)
    request = question("https://a/")
    delays = [
        policy.delay(request, attempt=attempt, outcome=NotSent("x"), fraction=0.5)
        for attempt in (1, 2, 3, 4, 5, 1999, 2000)
    ]
    assert delays == [0.25, 0.5, 1.0, 1.5, 1.5, 1.5, None]


OUTCOMES = st.one_of(
    st.builds(
        HttpResponse,
        st.sampled_from([200, 404, 429, 500, 502, 503, 504]),
        st.dictionaries(
            st.sampled_from(["Retry-After", "Date"]), st.one_of(st.text(), st.just(MONDAY))
        ),
    ),
    st.sampled_from(
        [
            NotSent("x"),
            NoAnswer("x"),
            OutcomeUnknown("x"),
            MalformedResponse("x"),
            InvalidRequest("x"),
        ]
    ),
)


@settings(deadline=None)  # a busy machine is no failure
@given(
    outcome=OUTCOMES,
    attempt=st.integers(1, 12),
    fraction=st.floats(0, 1, exclude_max=True),
    moves_money=st.booleans(),
    replay_safe=st.booleans(),
)
def test_the_policy_never_sends_twice_what_may_do_harm(
    outcome, attempt, fraction, moves_money, replay_safe
):
    request = HttpRequest("POST", "https://a/", moves_money=moves_money, replay_safe=replay_safe)
    policy = RetryPolicy(attempts=10)
    delay = policy.delay(request, attempt=attempt, outcome=outcome, fraction=fraction)
    if delay is None:
        # Nothing that could be repeated is given up while attempts are left, except that a server
        # may ask for more patience than there is.
        assert attempt >= 10 or not isinstance(outcome, NotSent)
    else:
        assert attempt < 10
        assert 0 <= delay <= policy.max_backoff
        assert isinstance(outcome, NotSent) or (replay_safe and not moves_money)


@pytest.mark.parametrize("field", ["connect", "read", "total"])
@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), "5", None, True])
def test_timeouts_must_be_positive_numbers(field, value):
    with pytest.raises(ConfigurationError, match=f"^{field} must be a number greater than 0$"):
        Timeouts(**{field: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [("attempts", 0), ("attempts", 1.5), ("attempts", True), ("backoff", 0), ("max_backoff", -1)],
)
def test_a_retry_policy_must_make_sense(field, value):
    with pytest.raises(ConfigurationError, match=f"^{field} must be "):
        RetryPolicy(**{field: value})


def test_the_defaults():
    assert Timeouts(connect=5, read=30, total=60) == DEFAULT_TIMEOUTS
    assert RetryPolicy(attempts=3, backoff=0.25, max_backoff=8) == DEFAULT_RETRIES


def test_each_attempt_waits_no_longer_than_what_is_left_in_total():
    seen = []

    def refuse(request: httpx.Request) -> httpx.Response:
        seen.append(request.extensions["timeout"])
        raise httpx.ConnectError("refused")

    now = [1000.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    def tick() -> float:
        return now[0]

    policy = RetryPolicy(attempts=9, backoff=40.0, max_backoff=40.0)
    with httpx.Client(transport=httpx.MockTransport(refuse)) as client:
        transport = HttpxTransport(
            client=client, retries=policy, sleep=sleep, random=lambda: 0.7, clock=tick
        )
        with pytest.raises(NotSent):
            transport.send(question("https://provider.example/"))
        transport = HttpxTransport(
            client=client,
            timeouts=Timeouts(total=58.0),
            retries=policy,
            sleep=sleep,
            random=lambda: 0.7,
            clock=tick,
        )
        with pytest.raises(NotSent):
            transport.send(question("https://provider.example/"))
    assert seen == [
        {"connect": 5.0, "pool": 5.0, "read": 30.0, "write": 30.0},
        {"connect": 5.0, "pool": 5.0, "read": 30.0, "write": 30.0},
        {"connect": 4.0, "pool": 4.0, "read": 4.0, "write": 4.0},
        {"connect": 5.0, "pool": 5.0, "read": 30.0, "write": 30.0},
        {"connect": 5.0, "pool": 5.0, "read": 30.0, "write": 30.0},
        {"connect": 2.0, "pool": 2.0, "read": 2.0, "write": 2.0},
    ]


# --- Each exception of httpx, one class of ours --------------------------------------------------

CLASSIFIED = {
    httpx.ConnectError: NotSent,
    httpx.ConnectTimeout: NotSent,
    httpx.PoolTimeout: NotSent,
    httpx.ProxyError: NotSent,
    httpx.ReadTimeout: NoAnswer,
    httpx.WriteTimeout: NoAnswer,
    httpx.ReadError: NoAnswer,
    httpx.WriteError: NoAnswer,
    httpx.CloseError: NoAnswer,
    httpx.RemoteProtocolError: NoAnswer,
    # By then the URL and the headers have been checked, so it is no longer clear what it means.
    httpx.LocalProtocolError: NoAnswer,
    httpx.UnsupportedProtocol: NoAnswer,
    httpx.DecodingError: MalformedResponse,
    httpx.TooManyRedirects: NoAnswer,
    # What httpx lets through: a TLS record that does not verify, a hook of the caller's client.
    OSError: NoAnswer,
    ValueError: NoAnswer,
}
ONCE = RetryPolicy(attempts=1)


def concrete(base: type[Exception]) -> set[type[Exception]]:
    below = {kind for child in base.__subclasses__() for kind in concrete(child)}
    return (below or {base}) if base.__module__.startswith("httpx") else set()


def test_no_exception_of_httpx_is_forgotten():
    assert concrete(httpx.HTTPError) - {httpx.HTTPStatusError} <= set(CLASSIFIED)


@respx.mock
@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize(("raised", "expected"), CLASSIFIED.items(), ids=lambda kind: kind.__name__)
def test_what_each_exception_means(kind, raised, expected):
    cause = raised("reason")
    respx.route(host="provider.example").mock(side_effect=cause)
    caller = Caller(kind)
    error = caller.failure(question("https://provider.example/v1/pay?k=1"), retries=ONCE)
    assert type(error) is expected
    assert str(error).startswith("GET https://provider.example/v1/pay: ")

    about_money = caller.failure(charge("https://provider.example/v1/pay"), retries=ONCE)
    assert type(about_money) is (NotSent if expected is NotSent else OutcomeUnknown)


def test_a_broken_connection_under_an_injected_aiohttp_client_was_sent():
    """httpx-aiohttp calls it a connection timeout, after which anyone would send again."""
    import httpx_aiohttp

    async def main(url: str) -> None:
        async with httpx_aiohttp.HttpxAiohttpClient() as client:
            transport = AsyncHttpxTransport(client=client)
            with pytest.raises(httpx.ConnectTimeout):
                await client.post(url)
            with pytest.raises(OutcomeUnknown):
                await transport.send(charge(url))

    with loopback(reset) as server:
        asyncio.run(main(server.url))
    assert len(server.requests) == 2


# --- Secrets -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "behaviour",
    [hang, reset, GARBAGE, truncate(sent=b"s3cret"), BROKEN["no gzip"]],
    ids=["hang", "reset", "garbage", "truncated", "no gzip"],
)
@pytest.mark.parametrize("moves_money", [True, False])
def test_no_error_and_no_log_line_shows_a_secret(caller, behaviour, moves_money, caplog):
    caplog.set_level(logging.INFO)
    caplog.handler.setFormatter(logging.Formatter("%(name)s %(message)s"))
    with loopback(behaviour) as server:
        request = HttpRequest.post_json(
            f"{server.url}/v1/pay?token=s3cret",
            {"key": "s3cret"},
            headers={"Authorization": "s3cret"},
            moves_money=moves_money,
        )
        error = caller.failure(request, timeouts=attrs.evolve(PATIENT, read=0.05))
    shown = "".join(traceback.format_exception(error))
    assert f"POST {server.url}/v1/pay: " in shown
    assert "s3cret" not in shown + caplog.text


def test_refusals_show_no_secret_either(caller):
    error = caller.failure(
        HttpRequest.get(f"http://127.0.0.1:{unused_port()}/v1?token=s3cret"), retries=ONCE
    )
    shown = "".join(traceback.format_exception(error))
    assert "s3cret" not in shown
    kind = "ClientConnectorError" if caller.kind == "aiohttp" else "ConnectError"
    assert str(error).endswith(f": no connection, nothing was sent ({kind})")


def test_httpx_logs_our_requests_without_their_query(caplog):
    caplog.set_level(logging.INFO, logger="httpx")
    with loopback(answer()) as server, httpx.Client(trust_env=False) as client:
        HttpxTransport(client=client).send(question(f"{server.url}/ours?email=a"))
        client.get(f"{server.url}/theirs?email=a")
    assert caplog.messages == [
        f'HTTP Request: GET {server.url}/ours "HTTP/1.1 200 Whatever"',
        f'HTTP Request: GET {server.url}/theirs?email=a "HTTP/1.1 200 Whatever"',
    ]
    logging.getLogger("httpx").info("a line by %(who)s", {"who": "name"})
    assert caplog.messages[2:] == ["a line by name"]


# --- Requests that are refused -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (HttpRequest("", "https://a/"), "method: not an HTTP method"),
        (HttpRequest("GET /", "https://a/"), "method: not an HTTP method"),
        *[
            (HttpRequest("GET", url), "url: not an absolute http or https URL")
            for url in ("", "/pay", "a.example/pay", "ftp://a/", "https://", "file:///etc/passwd")
        ],
        *[
            (HttpRequest("GET", url), "url: not a valid URL")
            for url in ("https://a:s3cret/", "https://a/\n", "https://a/\ud800")
        ],
        (
            HttpRequest("GET", "https://user:s3cret@a/"),
            "url: credentials belong in a header, not in the URL",
        ),
        *[
            (
                HttpRequest("GET", "https://a/", {name: "s3cret"}),
                "headers: a header name has characters that HTTP forbids",
            )
            for name in ("", "X Y", "X:", "X\n", "Ké")
        ],
        *[
            (
                HttpRequest("GET", "https://a/", {"X-Key": value}),
                "headers: the value of X-Key is not plain ASCII text",
            )
            for value in ("s3cret\r\nX: y", "s3cret\n", " s3cret", "s3cret\x00", "é")
        ],
        *[
            (
                HttpRequest("POST", "https://a/", {name: "5"}),
                "headers: the length of the body is not the provider's to say",
            )
            for name in ("Content-Length", "TRANSFER-ENCODING")
        ],
    ],
)
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_what_cannot_be_sent_is_refused_without_being_quoted(kind, request_, message):
    error = Caller(kind).failure(attrs.evolve(request_, moves_money=True))
    assert (type(error), str(error)) == (InvalidRequest, message)
    assert "s3cret" not in "".join(traceback.format_exception(error))


def test_an_empty_header_value_is_fine():
    with loopback(answer()) as server:
        Caller("sync").send(HttpRequest.get(server.url, headers={"X-Empty": ""}))
    assert server.requests[0].headers["x-empty"] == ""


# --- Clients, proxies, closing -------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for the loopback address that no authority vouches for, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback")])
    start = datetime(2020, 1, 1, tzinfo=UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=36500))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def server_tls(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_a_server_with_an_unknown_certificate_gets_nothing(
    caller, server_tls, certificate, monkeypatch
):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))  # not even if the environment says so
    with loopback(answer(), tls=server_tls) as server:
        error = caller.failure(charge(server.url))
    assert type(error) is NotSent
    assert (server.requests, len(caller.pauses)) == ([], 2)


def test_a_private_authority_comes_with_the_client(server_tls, certificate):
    context = ssl.create_default_context(cafile=certificate)
    with loopback(answer(), tls=server_tls) as server, httpx.Client(verify=context) as client:
        response = HttpxTransport(client=client).send(charge(server.url))
    assert (response.status, server.lines) == (200, ["POST / HTTP/1.1"])


def test_a_proxy_is_used_and_authenticated_to(caller):
    with loopback(answer(body=b"by proxy")) as proxy:
        (response,) = caller.send(
            question("http://provider.example/state?a=1"),
            proxy=f"http://me:pw@127.0.0.1:{proxy.port}",
        )
    assert (response.body, proxy.lines) == (
        b"by proxy",
        ["GET http://provider.example/state?a=1 HTTP/1.1"],
    )
    assert proxy.requests[0].headers["proxy-authorization"] == "Basic bWU6cHc="


def test_a_proxy_that_refuses_the_tunnel_never_saw_the_request(caller):
    with loopback(answer(407)) as proxy:
        error = caller.failure(
            charge("https://provider.example/pay?token=s3cret"),
            proxy=f"http://me:s3cret@127.0.0.1:{proxy.port}",
        )
    assert type(error) is NotSent
    assert proxy.lines == ["CONNECT provider.example:443 HTTP/1.1"] * 3
    assert [seen.body for seen in proxy.requests] == [b""] * 3
    assert "s3cret" not in "".join(traceback.format_exception(error))


def test_a_proxy_that_is_not_there_never_saw_the_request(caller):
    error = caller.failure(
        charge("https://provider.example/pay"), proxy=f"http://127.0.0.1:{unused_port()}"
    )
    assert (type(error), len(caller.pauses)) == (NotSent, 2)


@pytest.mark.parametrize(
    "make", [HttpxTransport, AsyncHttpxTransport, AsyncHttpxTransport.with_aiohttp]
)
@pytest.mark.parametrize(
    "proxy", ["", "nonsense", "ftp://s3cret", "http://", "http://u:s3cret@h:x"]
)
def test_a_proxy_must_be_a_url(make, proxy):
    with pytest.raises(ConfigurationError, match=r"^proxy is not a valid proxy URL$") as caught:
        make(proxy=proxy)
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))


def test_socks_proxies_need_their_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "socksio", None)
    for make in (HttpxTransport, AsyncHttpxTransport):
        with pytest.raises(ConfigurationError, match="needs the package socksio"):
            make(proxy="socks5://127.0.0.1:1")
    with pytest.raises(ConfigurationError, match="only use an http or https proxy"):
        AsyncHttpxTransport.with_aiohttp(proxy="socks5://127.0.0.1:1")


def test_a_proxy_beside_a_client_is_a_contradiction():
    with httpx.Client() as client, pytest.raises(ConfigurationError, match="belongs to the client"):
        HttpxTransport(client=client, proxy="http://127.0.0.1:1")


def test_the_size_limit_must_make_sense():
    with pytest.raises(ConfigurationError, match="max_response_bytes must be a whole number"):
        HttpxTransport(max_response_bytes=0)


def test_the_aiohttp_transport_names_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "httpx_aiohttp", None)
    with pytest.raises(ConfigurationError, match=r"paykit-adapters\[httpx-aiohttp\]"):
        AsyncHttpxTransport.with_aiohttp()


def test_an_injected_client_is_used_as_it_is_and_left_open():
    seen = []

    def note(request: httpx.Request) -> httpx.Response:
        seen.append((request.method, str(request.url), request.headers.get("authorization")))
        return httpx.Response(302, headers={"Location": "/again"})

    options = {
        "transport": httpx.MockTransport(note),
        "auth": ("someone", "else"),
        "params": {"added": "1"},
        "follow_redirects": True,
    }

    async def main() -> None:
        async with httpx.AsyncClient(**options) as client:
            async with AsyncHttpxTransport(client=client) as transport:
                assert (await transport.send(question("https://a/"))).status == 302
            assert not client.is_closed

    with httpx.Client(**options) as client:
        with HttpxTransport(client=client) as transport:
            assert transport.send(question("https://a/")).status == 302
        assert not client.is_closed
    asyncio.run(main())
    assert seen == [("GET", "https://a/", None)] * 2


def test_a_closed_transport_says_so():
    transport = HttpxTransport()
    transport.close()
    with pytest.raises(ConfigurationError, match=r"^the transport is closed$"):
        transport.send(charge("https://a/"))

    async def main(transport: AsyncHttpxTransport) -> None:
        await transport.aclose()
        with pytest.raises(ConfigurationError, match=r"^the transport is closed$"):
            await transport.send(charge("https://a/"))

    asyncio.run(main(AsyncHttpxTransport()))
    asyncio.run(main(AsyncHttpxTransport.with_aiohttp()))


@pytest.mark.parametrize("make", [AsyncHttpxTransport, AsyncHttpxTransport.with_aiohttp])
def test_a_cancellation_passes_and_leaves_the_transport_usable(make):
    async def main(server) -> HttpResponse:
        async with make(timeouts=PATIENT) as transport:
            task = asyncio.create_task(transport.send(charge(server.url)))
            assert await asyncio.to_thread(server.arrived.wait, 5)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert task.cancelled()
            return await transport.send(question(server.url))

    with loopback(hang, answer(body=b"next")) as server:
        response = asyncio.run(main(server))
    assert response.body == b"next"
    assert server.lines == ["POST / HTTP/1.1", "GET / HTTP/1.1"]


@pytest.mark.parametrize("make", [AsyncHttpxTransport, AsyncHttpxTransport.with_aiohttp])
def test_many_calls_at_once_get_their_own_answers(make):
    async def main(url: str) -> list[int]:
        async with make() as transport:
            responses = await asyncio.gather(*[transport.send(question(url)) for _ in range(40)])
        return [response.status for response in responses]

    with loopback(answer()) as server:
        assert asyncio.run(main(server.url)) == [200] * 40
    assert len(server.requests) == 40


# --- Both transports are one ---------------------------------------------------------------------


def public(kind: type) -> dict[str, inspect.Signature]:
    return {
        name: inspect.signature(member)
        for name, member in inspect.getmembers(kind, inspect.isroutine)
        if not name.startswith("_")
    }


def parameters(function) -> list[tuple[str, object, str]]:
    """Name, kind and annotation without what makes the one blocking and the other not."""
    return [
        (
            p.name,
            p.kind,
            str(p.annotation).replace("Async", "").replace("Awaitable[object]", "object"),
        )
        for p in inspect.signature(function).parameters.values()
        if p.name != "self"
    ]


def test_both_transports_offer_the_same():
    sync, other = public(HttpxTransport), public(AsyncHttpxTransport)
    assert sync["send"] == other["send"]
    assert sync.pop("close") == other.pop("aclose")
    del other["with_aiohttp"]
    assert sync == other
    assert parameters(HttpxTransport) == parameters(AsyncHttpxTransport)
    with_aiohttp = parameters(AsyncHttpxTransport.with_aiohttp)
    assert with_aiohttp == [p for p in parameters(HttpxTransport) if p[0] != "client"]


@pytest.mark.parametrize(
    ("protocol", "kind"), [(Transport, HttpxTransport), (AsyncTransport, AsyncHttpxTransport)]
)
def test_the_protocols_are_kept(protocol, kind):
    mine = public(kind)
    mine.pop("with_aiohttp", None)
    assert public(protocol) == mine
    for name in mine:
        assert inspect.iscoroutinefunction(getattr(kind, name)) == inspect.iscoroutinefunction(
            getattr(protocol, name)
        )
