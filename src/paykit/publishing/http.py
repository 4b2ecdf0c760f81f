"""Publishes to an HTTP endpoint by signed POST requests, as Standard Webhooks describes them.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import asyncio
import ipaddress
from base64 import b64decode
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import ClassVar, Final, Literal
from urllib.parse import urlsplit

from ..errors import (
    BrokerUnavailable,
    ConfigurationError,
    MessageRefused,
    NotPublished,
    PaykitError,
    TransportError,
)
from ..http import HttpRequest
from ..provider import utc_now
from ..retries import RetryPolicy, Timeouts
from ..signing import SigningKey
from ..transport import AsyncHttpxTransport, AsyncTransport
from .message import BINARY, STRUCTURED, Message, Mode, check_mode, percent_encoded
from .publisher import TIMEOUT, Result, check_source, in_parallel, settle

#: What an endpoint, or a gateway before it, says when it takes nothing for now.
_BUSY: Final = frozenset({408, 425, 429, 502, 503, 504})
#: What it says of a request that it does not want a second time. 410: of any more.
_REFUSED: Final = frozenset({400, 410, 413, 415, 422})
#: The specification advises to wait for 15 to 30 seconds.
_ANSWER: Final = 15.0
#: In bytes, as the specification demands them of a secret.
_SECRET: Final = range(24, 65)


class HttpPublisher:
    """Posts each event to ``url``; a 2xx answer means that it is published.

    Every request carries ``webhook-id``, the event's id, ``webhook-timestamp`` and
    ``webhook-signature`` with one signature per secret: give the new one and the old one while you
    change them. A secret is 24 to 64 bytes in base64, with or without ``whsec_`` before it.

    The signature covers the body and not other headers. So the default is structured mode, where
    all of the CloudEvent is in the body.

    ``url`` must be https, unless it is on this machine or ``allow_http`` is set. Where it leads is
    the caller's to decide: if others may choose it, keep private addresses out by a ``transport``
    with a proxy. Up to ``at_once`` requests are under way at a time.
    """

    is_async: ClassVar[Literal[True]] = True

    def __init__(
        self,
        url: str,
        *,
        secrets: Sequence[str],
        source: str,
        mode: Mode = "structured",
        timeout: float = TIMEOUT,
        at_once: int = 16,
        allow_http: bool = False,
        transport: AsyncTransport | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._url = _checked(url, allow_http=allow_http)
        if isinstance(secrets, str) or not secrets:
            raise ConfigurationError("an HTTP target needs a list of at least one signing secret")
        self._keys = [_key(secret) for secret in secrets]
        self._source = check_source(source)
        self._structured = check_mode(mode) == "structured"
        self._timeout = timeout
        self._at_once = at_once
        self._given = transport
        self._opened: tuple[asyncio.AbstractEventLoop, AsyncHttpxTransport] | None = None
        self._clock = clock

    def __repr__(self) -> str:
        return f"HttpPublisher({self._place()!r})"

    async def publish(self, messages: Sequence[Message]) -> Sequence[Result]:
        """Publish; one result per message, in their order.

        Raises :class:`~paykit.errors.BrokerUnavailable` where none of them was taken or refused.
        """
        transport = self._given or self._transport()
        busy: list[BrokerUnavailable] = []

        async def send(message: Message) -> Result:
            if busy:
                return busy[0]  # it asked for a pause
            result = await self._send(transport, message)
            if isinstance(result, BrokerUnavailable):
                busy.append(result)
            return result

        results = await in_parallel(
            send,
            messages,
            late=BrokerUnavailable(f"{self._place()}: no answer within {self._timeout:g} seconds"),
            at_once=self._at_once,
            seconds=self._timeout,
        )
        return settle(results)

    async def close(self) -> None:
        """Close the connections, unless the transport was passed in."""
        opened, self._opened = self._opened, None
        if opened is not None:
            await opened[1].aclose()

    def request(self, message: Message) -> HttpRequest:
        """The signed request for a message. Repeats do no harm: the id tells them apart."""
        if self._structured:
            body, headers = message.structured(self._source), {"content-type": STRUCTURED}
        else:
            body, headers = message.payload.encode(), {"content-type": BINARY}
            for name, value in message.headers(self._source, "ce-").items():
                headers[name] = percent_encoded(value)
        # A stop in the id would make it unclear where the id ends in what is signed.
        webhook_id = percent_encoded(message.id).replace(".", "%2E")
        timestamp = str(int(self._clock().timestamp()))
        signed = f"{webhook_id}.{timestamp}.".encode() + body
        headers["webhook-id"] = webhook_id
        headers["webhook-timestamp"] = timestamp
        headers["webhook-signature"] = " ".join(f"v1,{key.base64(signed)}" for key in self._keys)
        return HttpRequest("POST", self._url, headers, body, replay_safe=True)

    async def _send(self, transport: AsyncTransport, message: Message) -> Result:
        try:
            answer = await transport.send(self.request(message))
        except UnicodeEncodeError:
            return MessageRefused(f"event {message.id!r:.80} is not Unicode text")
        except TransportError as error:
            return BrokerUnavailable(str(error))
        except PaykitError as error:  # an answer that cannot be read
            return NotPublished(str(error))
        return self._result(answer.status)

    def _result(self, status: int) -> Result:
        if 200 <= status < 300:  # noqa: PLR2004 - HTTP's own classes
            return None
        said = f"{self._place()} answered {status}"
        if status in _BUSY:
            return BrokerUnavailable(said)
        return MessageRefused(said) if status in _REFUSED else NotPublished(said)

    def _place(self) -> str:
        return self._url.partition("?")[0]

    def _transport(self) -> AsyncHttpxTransport:
        loop = asyncio.get_running_loop()
        if self._opened is None or self._opened[0] is not loop:
            # The relay repeats, with longer pauses than a transport would make.
            made = AsyncHttpxTransport(
                timeouts=Timeouts(read=_ANSWER, total=_ANSWER), retries=RetryPolicy(attempts=1)
            )
            self._opened = (loop, made)
        return self._opened[1]


def _checked(url: str, *, allow_http: bool) -> str:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        raise ConfigurationError("the URL to publish to is not valid") from None
    if parts.scheme not in ("http", "https") or not host or parts.fragment:
        raise ConfigurationError("the URL to publish to must be http or https, with a host")
    if parts.username is not None or parts.password is not None:
        raise ConfigurationError("the URL to publish to must not hold credentials")
    if parts.scheme == "http" and not allow_http and not _is_loopback(host):
        raise ConfigurationError("the URL to publish to must be https; or set allow_http")
    return url


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _key(secret: str) -> SigningKey:
    try:
        key = b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        raise ConfigurationError("a signing secret must be base64, after whsec_") from None
    if len(key) not in _SECRET:
        raise ConfigurationError("a signing secret must be 24 to 64 bytes long, in base64")
    return SigningKey(key, "sha256")
