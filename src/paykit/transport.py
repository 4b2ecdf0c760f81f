"""Blocking and async HTTP on httpx: bounded in time and size, and never a second charge.

Both transports turn an :class:`~paykit.http.HttpRequest` into an :class:`~paykit.http.HttpResponse`
or into exactly one kind of :class:`~paykit.errors.PaykitError`:

==============================================  ===================================================
what happened                                   what is raised
==============================================  ===================================================
the request itself cannot be sent               ``InvalidRequest``
no connection was made                          ``NotSent``, after the retries
sent, no complete answer, it moves money        ``OutcomeUnknown``, at once
sent, no complete answer, it does not           ``NoAnswer``, after the retries if it is replay safe
an answer that is too large or cannot be        ``MalformedResponse``, or ``OutcomeUnknown`` if the
decompressed                                    request moves money
==============================================  ===================================================

An error is ``NotSent`` only where the layer below is known to have failed before the first byte.
Everything else, also what no one has thought of, counts as sent.

A request goes out as the provider wrote it. A client's cookies, default headers, parameters and
authentication are not added, redirects are never followed (their status is the answer), and
certificates are always checked. Clients that are opened here ignore ``HTTPS_PROXY``,
``SSL_CERT_FILE`` and the like: what the environment says must not decide who sees credentials. To
use a proxy, name it; for a private certificate authority pass in an httpx client with your own
``ssl.SSLContext``.

Messages name the method, the host and the path of a call. The query is also taken out of the line
that httpx logs for it. What httpcore logs at DEBUG includes the headers of answers.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import random as random_module
import re
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, Protocol, Self, TypeVar

import attrs
import httpx

from .errors import (
    ConfigurationError,
    InvalidRequest,
    MalformedResponse,
    NoAnswer,
    NotSent,
    OutcomeUnknown,
    PaykitError,
)
from .http import HttpRequest, HttpResponse
from .retries import DEFAULT_RETRIES, DEFAULT_TIMEOUTS, RetryPolicy, Timeouts, is_count

if TYPE_CHECKING:
    import ssl

    import aiohttp

_AnyClient = TypeVar("_AnyClient", httpx.Client, httpx.AsyncClient)

MAX_RESPONSE_BYTES: Final = 4 * 1024 * 1024
#: A burst keeps its connections; the short life makes it rare that a request meets a dead one.
_LIMITS: Final = httpx.Limits(
    max_connections=100, max_keepalive_connections=100, keepalive_expiry=5.0
)


class Transport(Protocol):
    """Performs requests and blocks until the answer is complete."""

    def send(self, request: HttpRequest) -> HttpResponse:
        """Perform ``request``; raises :class:`~paykit.errors.PaykitError` and nothing else."""
        ...

    def close(self) -> None:
        """Give back the connections that this transport opened."""
        ...


class AsyncTransport(Protocol):
    """Performs requests without blocking the event loop."""

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Perform ``request``; raises :class:`~paykit.errors.PaykitError` and nothing else."""
        ...

    async def aclose(self) -> None:
        """Give back the connections that this transport opened."""
        ...


# --- Building a request -------------------------------------------------------------------------

_TOKEN: Final = re.compile(r"[-!#$%&'*+.^_`|~0-9A-Za-z]+")
_FIELD_VALUE: Final = re.compile(r"(?:[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?)?")
_FRAMING: Final = frozenset({"content-length", "transfer-encoding"})
#: Only what the standard library can undo, whatever else is installed beside httpx.
_DEFAULT_HEADERS: Final = (
    ("Accept", "*/*"),
    ("Accept-Encoding", "gzip, deflate"),
    ("User-Agent", "paykit"),
)


class _PrivateURL(httpx.URL):
    """Marks the URL of a request of ours, so that the filter below knows it."""


def _hide_query(record: logging.LogRecord) -> bool:
    """Take the query out of the line that httpx logs at INFO for each request of ours.

    Queries carry payers' data. A query of anyone else who uses httpx stays as it is.
    """
    if isinstance(record.args, tuple):
        record.args = tuple(
            _place(part) if isinstance(part, _PrivateURL) else part for part in record.args
        )
    return True


logging.getLogger("httpx").addFilter(_hide_query)


def _place(url: httpx.URL) -> str:
    """The URL without credentials and query, percent-encoded, fit for messages."""
    path = url.raw_path.partition(b"?")[0]
    return f"{url.scheme}://{url.netloc.decode('ascii')}{path.decode('ascii')}"


def _build(request: HttpRequest) -> httpx.Request:
    """Turn our value into httpx's; raises :class:`InvalidRequest`.

    Headers are checked here although the layer below would do it: its messages quote the value
    (which may be a key), and by then it is no longer certain that nothing was sent.
    """
    if not _TOKEN.fullmatch(request.method):
        raise InvalidRequest("not an HTTP method", field="method")
    seen = set()
    for name, value in request.headers:
        if not _TOKEN.fullmatch(name):
            raise InvalidRequest("a header name has characters that HTTP forbids", field="headers")
        if not _FIELD_VALUE.fullmatch(value):
            raise InvalidRequest(f"the value of {name} is not plain ASCII text", field="headers")
        seen.add(name.lower())
    if not seen.isdisjoint(_FRAMING):
        raise InvalidRequest("the length of the body is not the provider's to say", field="headers")
    headers = [*request.headers]
    headers += [pair for pair in _DEFAULT_HEADERS if pair[0].lower() not in seen]
    try:
        built = httpx.Request(request.method, request.url, headers=headers, content=request.body)
    except (httpx.InvalidURL, ValueError):
        # Without the reason, which quotes parts of the URL.
        raise InvalidRequest("not a valid URL", field="url") from None
    url = built.url = _PrivateURL(built.url)
    if url.scheme not in ("http", "https") or not url.host:
        raise InvalidRequest("not an absolute http or https URL", field="url")
    if url.userinfo:
        raise InvalidRequest("credentials belong in a header, not in the URL", field="url")
    return built


# --- Classifying what went wrong ----------------------------------------------------------------


class _TooLarge(Exception):  # noqa: N818 - never leaves this module
    """The body is longer than allowed."""


_BEFORE_SENDING: Final = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,  # the proxy refused to connect; a proxy's answer is no ProxyError
)
_AIOHTTP_BEFORE_SENDING: Final = frozenset(
    {"ClientConnectorError", "ConnectionTimeoutError", "ClientHttpProxyError"}
)


def _origin(error: Exception) -> str:
    """The package whose exception httpx's ``error`` stands for, or "" for none."""
    cause = error.__cause__
    return "" if cause is None else type(cause).__module__.partition(".")[0]


def _certainly_not_sent(error: Exception) -> bool:
    if not isinstance(error, _BEFORE_SENDING):
        return False
    if _origin(error) != "aiohttp":
        return True
    # httpx-aiohttp reports a connection that broke *after* the request was written as
    # ConnectTimeout too, so only the causes that aiohttp raises while connecting are believed.
    bases = type(error.__cause__).__mro__
    return not _AIOHTTP_BEFORE_SENDING.isdisjoint(base.__name__ for base in bases)


def _failure(request: HttpRequest, built: httpx.Request, error: Exception) -> PaykitError:
    """The error to raise in place of ``error``, with that as its cause where it is safe to show."""
    kind = type(error.__cause__ if _origin(error) == "aiohttp" else error).__name__
    place = f"{request.method} {_place(built.url)}"
    failure: PaykitError
    if _certainly_not_sent(error):
        failure = NotSent(f"{place}: no connection, nothing was sent ({kind})")
    elif request.moves_money:
        failure = OutcomeUnknown(
            f"{place}: no usable answer ({kind}); it may have been carried out"
        )
    elif isinstance(error, _TooLarge):
        failure = MalformedResponse(f"{place}: the answer is too large")
    elif isinstance(error, httpx.DecodingError):
        failure = MalformedResponse(f"{place}: the answer cannot be decompressed")
    else:
        failure = NoAnswer(f"{place}: no complete answer ({kind})")
    # Other messages quote the URL with its query, or what was received.
    shown = (httpx.TimeoutException, httpx.NetworkError, httpx.ProxyError, httpx.DecodingError)
    native = _origin(error) in ("", "httpcore", "zlib")
    failure.__cause__ = error if native and isinstance(error, shown) else None
    return failure


# --- What both transports share -----------------------------------------------------------------


@attrs.frozen(kw_only=True)
class _Rules:
    """The settings of a transport and every decision that needs no I/O."""

    timeouts: Timeouts
    retries: RetryPolicy
    random: Callable[[], float]
    clock: Callable[[], float]
    max_response_bytes: int = attrs.field(validator=is_count)

    def begin(self, request: HttpRequest, client: httpx.Client | httpx.AsyncClient) -> _Call:
        if client.is_closed:
            raise ConfigurationError("the transport is closed")
        return _Call(self, request)


class _Call:
    """One ``send``: the request, the time that is left, and the attempts so far."""

    __slots__ = ("_attempt", "_deadline", "_parts", "_request", "_rules", "_size", "built")

    def __init__(self, rules: _Rules, request: HttpRequest) -> None:
        self._rules = rules
        self._request = request
        self._attempt = 0
        self._deadline = rules.clock() + rules.timeouts.total
        self.built = _build(request)

    def start(self) -> float:
        """Begin an attempt; returns the seconds that are left for it."""
        self._attempt += 1
        self._parts: list[bytes] = []
        self._size = 0
        left = max(self._deadline - self._rules.clock(), 0.001)
        connect = min(self._rules.timeouts.connect, left)
        read = min(self._rules.timeouts.read, left)
        self.built.extensions = {
            "timeout": {"connect": connect, "pool": connect, "read": read, "write": read}
        }
        return left

    def receive(self, chunk: bytes) -> None:
        """Keep a piece of the body, unless there is too much of it or it comes too late."""
        self._size += len(chunk)
        if self._size > self._rules.max_response_bytes:
            raise _TooLarge
        if self._rules.clock() > self._deadline:
            raise TimeoutError
        self._parts.append(chunk)

    def answer(self, response: httpx.Response) -> HttpResponse:
        headers = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in response.headers.raw]
        return HttpResponse(response.status_code, headers, b"".join(self._parts))

    def failure(self, error: Exception) -> PaykitError:
        return _failure(self._request, self.built, error)

    def pause(self, outcome: HttpResponse | PaykitError) -> float | None:
        """Seconds to wait before the next attempt, or ``None`` if this was the last one."""
        rules = self._rules
        seconds = rules.retries.delay(
            self._request, attempt=self._attempt, outcome=outcome, fraction=rules.random()
        )
        if seconds is None or rules.clock() + seconds >= self._deadline:
            return None
        return seconds


@functools.cache
def _tls() -> ssl.SSLContext:
    """The certificate authorities of certifi; reading them takes longer than many a call."""
    return httpx.create_ssl_context(trust_env=False)


def _proxy(url: str) -> httpx.Proxy:
    try:
        proxy = httpx.Proxy(url)
    except (httpx.InvalidURL, ValueError):
        # Without the reason, which quotes the URL and may so show a password.
        raise ConfigurationError("proxy is not a valid proxy URL") from None
    if not proxy.url.host:
        raise ConfigurationError("proxy is not a valid proxy URL")
    return proxy


def _open(kind: type[_AnyClient], client: _AnyClient | None, proxy: str | None) -> _AnyClient:
    """The client that was passed in, or a new one with its own pool."""
    if client is not None:
        if proxy is not None:
            raise ConfigurationError("a proxy belongs to the client that is passed in")
        return client
    try:
        return kind(
            verify=_tls(),
            trust_env=False,
            proxy=None if proxy is None else _proxy(proxy),
            limits=_LIMITS,
        )
    except ImportError:
        raise ConfigurationError("a SOCKS proxy needs the package socksio: httpx[socks]") from None


# --- The transports -----------------------------------------------------------------------------


class HttpxTransport:
    """Blocking transport on :class:`httpx.Client`; may be shared between threads.

    A ``client`` that is passed in is used with its pool, proxy and certificates, and left open.
    ``total`` of the timeouts is looked at whenever a piece of the body arrives, and no single wait
    is longer than what is left of it. A server that drips its *header* byte by byte is noticed
    only by the next limit, 100 kB of header; the async transport has no such gap.
    """

    def __init__(
        self,
        *,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
        retries: RetryPolicy = DEFAULT_RETRIES,
        proxy: str | None = None,
        client: httpx.Client | None = None,
        sleep: Callable[[float], object] = time.sleep,
        random: Callable[[], float] = random_module.random,
        clock: Callable[[], float] = time.monotonic,
        max_response_bytes: int = MAX_RESPONSE_BYTES,
    ) -> None:
        self._rules = _Rules(
            timeouts=timeouts,
            retries=retries,
            random=random,
            clock=clock,
            max_response_bytes=max_response_bytes,
        )
        self._sleep = sleep
        self._owned = client is None
        self._client = _open(httpx.Client, client, proxy)

    def send(self, request: HttpRequest) -> HttpResponse:
        """Perform ``request``; raises what the table at the top of the module says."""
        call = self._rules.begin(request, self._client)
        while True:
            outcome = self._attempt(call)
            pause = call.pause(outcome)
            if pause is not None:
                self._sleep(pause)
            elif isinstance(outcome, HttpResponse):
                return outcome
            else:
                raise outcome

    def _attempt(self, call: _Call) -> HttpResponse | PaykitError:
        call.start()
        try:
            response = self._client.send(call.built, stream=True, auth=None, follow_redirects=False)
            try:
                for chunk in response.iter_bytes():
                    call.receive(chunk)
            finally:
                response.close()
        except Exception as error:  # noqa: BLE001 - whatever it is, the request may be out
            return call.failure(error)
        return call.answer(response)

    def close(self) -> None:
        """Close the pool, unless the client was passed in."""
        if self._owned:
            self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncHttpxTransport:
    """Async transport on :class:`httpx.AsyncClient`, for asyncio.

    As :class:`HttpxTransport`, and ``total`` holds without a gap. A cancelled ``send`` passes the
    cancellation on: the caller who cancels must treat a request that moves money as unknown.
    """

    def __init__(
        self,
        *,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
        retries: RetryPolicy = DEFAULT_RETRIES,
        proxy: str | None = None,
        client: httpx.AsyncClient | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        random: Callable[[], float] = random_module.random,
        clock: Callable[[], float] = time.monotonic,
        max_response_bytes: int = MAX_RESPONSE_BYTES,
    ) -> None:
        self._rules = _Rules(
            timeouts=timeouts,
            retries=retries,
            random=random,
            clock=clock,
            max_response_bytes=max_response_bytes,
        )
        self._sleep = sleep
        self._owned = client is None
        self._client = _open(httpx.AsyncClient, client, proxy)

    @classmethod
    def with_aiohttp(
        cls,
        *,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
        retries: RetryPolicy = DEFAULT_RETRIES,
        proxy: str | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        random: Callable[[], float] = random_module.random,
        clock: Callable[[], float] = time.monotonic,
        max_response_bytes: int = MAX_RESPONSE_BYTES,
    ) -> Self:
        """The same over aiohttp, which is faster with many calls in flight.

        Needs the extra ``paykit-adapters[httpx-aiohttp]``, else :class:`ConfigurationError`. It
        spells the query its own way (``%2F`` becomes ``/``), which means the same but is not for
        a provider that signs the exact URL.
        """
        transport = cls(
            timeouts=timeouts,
            retries=retries,
            client=_aiohttp_client(proxy),
            sleep=sleep,
            random=random,
            clock=clock,
            max_response_bytes=max_response_bytes,
        )
        transport._owned = True
        return transport

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Perform ``request``; raises what the table at the top of the module says."""
        call = self._rules.begin(request, self._client)
        while True:
            outcome = await self._attempt(call)
            pause = call.pause(outcome)
            if pause is not None:
                await self._sleep(pause)
            elif isinstance(outcome, HttpResponse):
                return outcome
            else:
                raise outcome

    async def _attempt(self, call: _Call) -> HttpResponse | PaykitError:
        try:
            async with asyncio.timeout(call.start()):
                response = await self._client.send(
                    call.built, stream=True, auth=None, follow_redirects=False
                )
                try:
                    async for chunk in response.aiter_bytes():
                        call.receive(chunk)
                finally:
                    await response.aclose()
        except Exception as error:  # noqa: BLE001 - as above; a cancellation is no Exception
            return call.failure(error)
        return call.answer(response)

    async def aclose(self) -> None:
        """Close the pool, unless the client was passed in."""
        if self._owned:
            await self._client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def _aiohttp_client(proxy: str | None) -> httpx.AsyncClient:
    try:
        import aiohttp
        import httpx_aiohttp
    except ImportError:
        raise ConfigurationError(
            "the aiohttp transport needs the extra paykit-adapters[httpx-aiohttp]"
        ) from None

    if proxy is not None and _proxy(proxy).url.scheme not in ("http", "https"):
        raise ConfigurationError("aiohttp can only use an http or https proxy")

    async def send_once(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        # aiohttp repeats PUT and DELETE by itself when a kept connection turns out to be dead.
        # It does not know which of them move money; our error type keeps it from doing so.
        try:
            return await handler(request)
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
            if isinstance(error, aiohttp.ClientConnectorError):
                raise
            raise httpx.ReadError("the connection was lost") from error

    def session() -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=_tls(), keepalive_timeout=_LIMITS.keepalive_expiry),
            cookie_jar=aiohttp.DummyCookieJar(),
            middlewares=(send_once,),
            proxy=proxy,
        )

    transport = httpx_aiohttp.AiohttpTransport(verify=_tls(), client=session)
    return httpx.AsyncClient(transport=transport, trust_env=False)
