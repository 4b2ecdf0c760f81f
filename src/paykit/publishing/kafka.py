"""Publishes to Kafka through confluent-kafka, that is librdkafka.

A message counts as published when all in-sync replicas have it (``acks=all``), and its delivery
report says so: what is not reported is not published. The producer is idempotent, so its own
retries neither double nor reorder. The key is the payment, so one partition has all its events.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md
"""

from __future__ import annotations

import functools
import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

from ..errors import BrokerUnavailable, ConfigurationError, MessageRefused, PublishError
from .message import BINARY, STRUCTURED, Message, Mode, check_mode
from .publisher import TIMEOUT, Result, check_source, settle

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Producer

_log = logging.getLogger(__name__)

#: What decides whether a success is one is not the caller's to set.
_OURS: Final = frozenset(
    {
        "acks", "request.required.acks", "enable.idempotence", "bootstrap.servers",
        "metadata.broker.list", "delivery.timeout.ms", "message.timeout.ms", "transactional.id",
        "delivery.report.only.error",
    }
)  # fmt: skip
#: Answers about what is in a message. Any other error may end, and says nothing about a message.
_REFUSALS: Final = (
    "MSG_SIZE_TOO_LARGE", "INVALID_MSG_SIZE", "RECORD_LIST_TOO_LARGE", "INVALID_RECORD",
)  # fmt: skip
#: After these librdkafka says the same by itself, for minutes or for good, without asking again.
_STICKY: Final = (
    "TOPIC_AUTHORIZATION_FAILED", "UNKNOWN_TOPIC_OR_PART", "_UNKNOWN_TOPIC", "_UNKNOWN_PARTITION",
    "_FATAL",
)  # fmt: skip
#: In place of a report that has not come yet.
_WAITING: Final = BrokerUnavailable()
#: How long a report may take beyond the time that librdkafka keeps to.
_GRACE: Final = 5.0


class KafkaPublisher:
    """Publishes to one topic. ``brokers`` are ``host:port``, with commas between them.

    ``source`` names the service that emits the events, as a URI reference. ``timeout`` is how many
    seconds a message has (``delivery.timeout.ms``). ``settings`` are more of librdkafka's, for TLS
    and SASL: https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md

    The producer is made at first use and in each process anew, so a publisher may be made before
    a fork. Needs the extra ``paykit-adapters[kafka]``, else :class:`ConfigurationError`.
    """

    is_async: ClassVar[Literal[False]] = False

    def __init__(
        self,
        brokers: str,
        *,
        topic: str,
        source: str,
        mode: Mode = "binary",
        timeout: float = TIMEOUT,
        settings: Mapping[str, str | int | float | bool] | None = None,
    ) -> None:
        try:
            import confluent_kafka
        except ImportError:
            raise ConfigurationError("Kafka needs the extra paykit-adapters[kafka]") from None
        if not brokers or not topic:
            raise ConfigurationError("Kafka needs brokers and a topic")
        if forbidden := _OURS.intersection(settings or ()):
            raise ConfigurationError(f"{', '.join(sorted(forbidden))}: set by paykit")
        self._kafka = confluent_kafka
        self._topic = topic
        self._source = check_source(source)
        self._structured = check_mode(mode) == "structured"
        self._timeout = timeout
        self._brokers = brokers
        milliseconds = round(timeout * 1000)
        self._settings: dict[str, Any] = {
            "client.id": "paykit",
            # Else a topic that does not exist is known to be missing only after 30 seconds.
            "topic.metadata.propagation.max.ms": min(10_000, milliseconds // 2),
            **(settings or {}),
            "bootstrap.servers": brokers,
            "acks": "all",
            "enable.idempotence": True,
            "delivery.timeout.ms": milliseconds,
        }
        code = functools.partial(getattr, confluent_kafka.KafkaError)
        self._refusals = frozenset(map(code, _REFUSALS))
        self._sticky = frozenset(map(code, _STICKY))
        self._made: tuple[int, Producer] | None = None
        # One that knows no brokers, to hear at once what is wrong with the settings.
        self._make({**self._settings, "bootstrap.servers": ""})

    def __repr__(self) -> str:
        return f"KafkaPublisher({self._brokers!r}, topic={self._topic!r})"

    def publish(self, messages: Sequence[Message]) -> Sequence[Result]:
        """Publish; one result per message, in their order.

        Raises :class:`~paykit.errors.BrokerUnavailable` where none of them was taken or refused.
        """
        results = self._round(messages)
        if len(messages) > 1:
            # A broker refuses a batch of its protocol as a whole. Alone, each message shows
            # whether it was meant.
            for place, result in enumerate(results):
                if isinstance(result, MessageRefused):
                    (results[place],) = self._round(messages[place : place + 1])
        return settle(results)

    def close(self) -> None:
        """Give up the producer; nothing waits in it, because ``publish`` does not leave earlier."""
        made, self._made = self._made, None
        if made is not None and made[0] == os.getpid():
            made[1].flush(self._timeout)
        elif made is not None:
            _abandon(made[1])

    def _round(self, messages: Sequence[Message]) -> list[Result]:
        if not messages:
            return []
        producer = self._producer()
        results: list[Result] = [_WAITING] * len(messages)
        until = time.monotonic() + self._timeout + _GRACE
        for place, message in enumerate(messages):
            report = functools.partial(self._report, producer, results, place)
            try:
                self._produce(producer, message, report, until)
            except UnicodeEncodeError:
                results[place] = MessageRefused(f"event {message.id!r:.80} is not Unicode text")
            except self._kafka.KafkaException as error:
                report(error.args[0], None)
        self._await(producer, results, until)
        return results

    def _await(self, producer: Producer, results: list[Result], until: float) -> None:
        """Take reports until each message has its own, or none can come any more."""
        self._take(producer, lambda: producer.flush(self._timeout + _GRACE))
        # With an empty queue, another thread that uses this producer may be about to tell us.
        soon = min(time.monotonic() + 1, until)
        while _WAITING in results and time.monotonic() < (until if len(producer) else soon):
            self._take(producer, lambda: producer.poll(0.01))
        if _WAITING in results:
            # It must not go out later, unseen. Its reports, of a purge, also let the producer go.
            self._forget(producer)
            producer.purge()
            self._take(producer, lambda: producer.flush(1))
        lost = BrokerUnavailable(f"Kafka topic {self._topic}: no delivery report")
        results[:] = [lost if result is _WAITING else result for result in results]

    def _take(self, producer: Producer, call: Callable[[], object]) -> None:
        try:
            call()
        except (self._kafka.KafkaException, SystemError) as error:
            # A fatal error is raised in the middle of the reports, which Python may call a
            # SystemError. Some reports are then lost, and so count as not published.
            _log.warning("Kafka: %s", error.__cause__ or error)
            self._forget(producer)

    def _produce(
        self, producer: Producer, message: Message, report: Callable[..., None], until: float
    ) -> None:
        headers, value = self._form(message)
        while True:
            try:
                producer.produce(
                    self._topic, value, message.key, headers=headers, on_delivery=report
                )
            except BufferError:
                if time.monotonic() > until:
                    return
                # Reports make room in the producer's queue.
                self._take(producer, lambda: producer.poll(0.05))
            else:
                return

    def _form(self, message: Message) -> tuple[Any, bytes]:
        if self._structured:
            return {"content-type": STRUCTURED}, message.structured(self._source)
        headers = message.headers(self._source, "ce_")
        headers["content-type"] = BINARY
        return headers, message.payload.encode()

    def _report(
        self,
        producer: Producer,
        results: list[Result],
        place: int,
        error: KafkaError | None,
        _message: Any,
    ) -> None:
        results[place] = None if error is None else self._failure(producer, error)

    def _failure(self, producer: Producer, error: KafkaError) -> PublishError:
        # A fatal error is the end of an idempotent producer; the next one starts afresh.
        if error.fatal() or error.code() in self._sticky:
            self._forget(producer)
        kind = MessageRefused if error.code() in self._refusals else BrokerUnavailable
        return kind(f"Kafka topic {self._topic}: {error.name()}: {error.str()}")

    def _producer(self) -> Producer:
        process = os.getpid()
        if self._made is not None and self._made[0] != process:
            _abandon(self._made[1])
            self._made = None
        if self._made is None:
            self._made = (process, self._make(self._settings))
        return self._made[1]

    def _make(self, settings: dict[str, Any]) -> Producer:
        try:
            return self._kafka.Producer(settings, logger=_log)
        except (self._kafka.KafkaException, ValueError, TypeError) as error:
            raise ConfigurationError(f"Kafka: {_why(error)}") from None

    def _forget(self, producer: Producer) -> None:
        if self._made is not None and self._made[1] is producer:
            self._made = None


def _abandon(producer: Producer) -> None:
    """Never free a producer of the parent process.

    Its threads did not come along by the fork. librdkafka would wait for them, and the C library
    would give back their stacks, where threads of this process may be running by now.
    """
    import ctypes

    ctypes.pythonapi.Py_IncRef(ctypes.py_object(producer))


def _why(error: Exception) -> str:
    """What librdkafka says of a setting; it shows values only where they are one of a few words."""
    said: Any = error.args[0]
    return str(said.str() if hasattr(said, "str") else said)
