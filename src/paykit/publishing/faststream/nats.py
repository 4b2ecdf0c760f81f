"""Publishes to NATS JetStream: acknowledged by a stream, which drops repeats for a while.

https://github.com/cloudevents/spec/blob/main/cloudevents/bindings/nats-protocol-binding.md
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import ConfigurationError, MessageRefused, PublishError
from ..message import BINARY, STRUCTURED, Message, Mode, percent_encoded
from ..publisher import TIMEOUT, Result
from .base import OverFastStream

if TYPE_CHECKING:
    from faststream.nats import NatsBroker


class NatsPublisher(OverFastStream["NatsBroker"]):
    """Publishes to a subject that a JetStream stream takes.

    A message is published once the stream acknowledges it: it is stored as the stream is set up, on
    a majority of its replicas. ``Nats-Msg-Id`` is the event's id, so a repeat within the stream's
    duplicate window is stored once. The stream is not made here. Without it nothing is published,
    because a subject without a stream forgets what nobody listens to.
    """

    _extra = "nats"

    def __init__(
        self,
        broker: str | NatsBroker,
        *,
        subject: str,
        stream: str,
        source: str,
        mode: Mode = "binary",
        timeout: float = TIMEOUT,
    ) -> None:
        super().__init__(broker, source=source, mode=mode, timeout=timeout)
        if not subject or not stream:
            raise ConfigurationError("NATS needs a subject and the name of a JetStream stream")
        self._subject = subject
        self._stream = stream

    def _make(self, url: str) -> NatsBroker:
        # To wait and come again is the relay's. The client would also keep what it cannot send,
        # and send it later, unseen.
        broker: NatsBroker = self._package().NatsBroker(
            url,
            logger=None,
            allow_reconnect=False,
            max_reconnect_attempts=1,
            reconnect_time_wait=0,
        )
        return broker

    def _place(self) -> str:
        return f"NATS subject {self._subject}, stream {self._stream}"

    async def _send(self, broker: NatsBroker, message: Message) -> Result:
        await broker.publish(
            self._body(message),
            self._subject,
            stream=self._stream,
            headers=self._headers(message),
            correlation_id=percent_encoded(message.id),
            timeout=self._timeout,
        )
        return None

    def _headers(self, message: Message) -> dict[str, str]:
        """As the binding says, with a content type besides, by which FastStream reads JSON."""
        headers = {"Nats-Msg-Id": percent_encoded(message.id)}
        if self._structured:
            return {**headers, "content-type": STRUCTURED}
        attributes = message.headers(self._source, "ce-")
        headers |= {name: percent_encoded(value) for name, value in attributes.items()}
        return {**headers, "ce-datacontenttype": BINARY, "content-type": BINARY}

    def _failure(self, error: Exception) -> PublishError:
        from nats.errors import MaxPayloadError
        from nats.js.errors import APIError, NoStreamResponseError

        if isinstance(error, NoStreamResponseError):
            return self._unavailable("no stream takes this subject; create it first")
        if isinstance(error, MaxPayloadError):
            return MessageRefused(f"{self._place()}: larger than the server's max_payload")
        if isinstance(error, APIError):
            return self._refusal(error.err_code, error.description)
        return self._unavailable(error)

    def _refusal(self, code: int | None, description: str | None) -> PublishError:
        """What the stream says no for: https://github.com/nats-io/nats-server, ``errors.json``."""
        if code == 10054:  # noqa: PLR2004 - the message is larger than the stream allows
            return MessageRefused(f"{self._place()}: {description} ({code})")
        if code == 10060:  # noqa: PLR2004 - the subject belongs to another stream
            return self._unavailable(f"another stream takes this subject ({code})")
        return self._unavailable(f"{description} ({code})")
