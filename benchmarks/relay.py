"""From the outbox to a broker: against one event at a time, and against a client without an outbox.

Kafka is librdkafka's mock cluster, on real sockets and without a disk: an upper bound for a relay's
rate, and a fair floor for a ratio. Each batch is acknowledged by the broker, and marked in the
database, before the next one.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, contextmanager
from functools import partial
from math import ceil

import redis
from confluent_kafka import Producer

from paykit.publishing import KafkaPublisher, Message, Publisher, RedisPublisher
from paykit.service import AsyncPaymentService, PaymentService, RelaySettings

from . import stores
from .filling import fill
from .fixtures import momo
from .measure import Row, Sample, compare, interleave
from .notices import delivery

BATCH = 500
SOURCE = "//shop.example/payments"
REDIS = os.environ.get("PAYKIT_BENCH_REDIS", "redis://127.0.0.1:6379/0")
#: Seconds from the commit until the broker has the event, when all is quiet.
_SOON = 0.010
#: Seconds without an event before each, and how many events are not timed: they connect.
_QUIET = 0.02
_UNTIMED = 5


@contextmanager
def kafka() -> Iterator[str]:
    """The addresses of a cluster of three brokers in this process."""
    cluster = Producer({"bootstrap.servers": "mock", "test.mock.num.brokers": 3, "log_level": 3})
    brokers = cluster.list_topics(timeout=10).brokers.values()
    yield ",".join(f"{broker.host}:{broker.port}" for broker in brokers)


class Collector:
    """A broker that takes everything."""

    is_async = False

    def __init__(self) -> None:
        self.taken: list[Message] = []

    def publish(self, messages: Sequence[Message]) -> list[None]:
        self.taken += messages
        return [None] * len(messages)

    def close(self) -> None:
        """Nothing to give back."""


def relaying(store: stores.Store, publisher: Publisher, *, batch: int, batches: int) -> Sample:
    """Publish so many batches of a fresh outbox; the first one, which connects, does not count."""

    def sample() -> float:
        settings = RelaySettings(batch=batch)
        with (
            store.copy() as url,
            PaymentService([momo()], database=url, single_process=True, relay=settings) as service,
        ):
            service.publish_to(publisher, background=False)
            assert service.relay() == batch
            began = time.perf_counter()
            taken = sum(service.relay() for _ in range(batches))
            spent = time.perf_counter() - began
            assert taken == batch * batches
            return spent / taken

    return sample


def messages_of(store: stores.Store, count: int) -> list[Message]:
    """What a relay would publish first."""
    collector = Collector()
    with store.copy() as url, PaymentService([momo()], database=url) as service:
        service.publish_to(collector, background=False)
        while len(collector.taken) < count:
            service.relay()
    return collector.taken[:count]


def producing(brokers: str, topic: str, messages: Sequence[Message]) -> Sample:
    """The same messages from memory by a bare producer, with one flush for each batch."""
    producer = Producer(
        {"bootstrap.servers": brokers, "acks": "all", "enable.idempotence": True, "log_level": 3}
    )
    ready = [(message.key.encode(), message.payload.encode()) for message in messages]

    def sample() -> float:
        failed = []

        def report(error: object, _message: object) -> None:
            if error is not None:
                failed.append(error)

        began = time.perf_counter()
        for start in range(0, len(ready), BATCH):
            for key, value in ready[start : start + BATCH]:
                producer.produce(topic, value, key, on_delivery=report)
            assert producer.flush(30) == 0
        spent = time.perf_counter() - began
        assert not failed
        return spent / len(ready)

    sample()  # connects
    return sample


def piping(stream: str, messages: Sequence[Message]) -> Sample:
    """The same entries from memory by a bare client, with one pipeline for each batch."""
    client = redis.from_url(REDIS)
    entries = [{**one.attributes(SOURCE), "data": one.payload} for one in messages]

    def sample() -> float:
        began = time.perf_counter()
        for start in range(0, len(entries), BATCH):
            pipeline = client.pipeline(transaction=False)
            for entry in entries[start : start + BATCH]:
                pipeline.xadd(stream, entry)
            pipeline.execute()
        return (time.perf_counter() - began) / len(entries)

    return sample


@contextmanager
def stream() -> Iterator[str | None]:
    """The name of a stream in Redis that is gone afterwards; ``None`` where no Redis answers."""
    client = redis.from_url(REDIS)
    try:
        client.ping()
    except redis.ConnectionError:
        print("left out: no Redis answers on loopback", file=sys.stderr)
        yield None
        return
    name = f"paykit_bench_{secrets.token_hex(6)}"
    try:
        yield name
    finally:
        client.delete(name)
        client.close()


def batch_rows(brokers: str, *, rounds: int, batches: int) -> list[Row]:
    one, many, bare = (
        "relay: Kafka, one at a time",
        f"relay: Kafka, {BATCH} a batch",
        "bare producer",
    )
    with ExitStack() as stack:
        waiting = stores.sqlite(partial(fill, paid=(batches + 1) * BATCH, published=False))
        store = stack.enter_context(waiting)
        messages = messages_of(store, batches * BATCH)
        publisher = partial(KafkaPublisher, brokers, source=SOURCE)
        samples = {
            one: relaying(store, publisher(topic="one"), batch=1, batches=50 * batches),
            many: relaying(store, publisher(topic="many"), batch=BATCH, batches=batches),
            bare: producing(brokers, "bare", messages),
        }
        compared = [(many, one, 1 / 20), (many, bare, 1 / 0.2)]
        name = stack.enter_context(stream())
        if name is not None:
            relayed, piped = f"relay: Redis, {BATCH} a batch", "bare pipeline"
            to_redis = RedisPublisher(REDIS, stream=name, source=SOURCE)
            samples[relayed] = relaying(store, to_redis, batch=BATCH, batches=batches)
            samples[piped] = piping(name, messages)
            compared.append((relayed, piped, None))
        times = interleave(samples, rounds=rounds)
    return [compare(times, name, floor, limit=limit) for name, floor, limit in compared]


class Watched:
    """A publisher that notes when the broker had acknowledged."""

    is_async = False

    def __init__(self, inner: KafkaPublisher) -> None:
        self._inner = inner
        self._loop = asyncio.get_running_loop()
        self.acknowledged = asyncio.Event()
        self.at = 0.0

    def publish(self, messages: Sequence[Message]) -> Sequence[Exception | None]:
        results = self._inner.publish(messages)
        self.at = time.perf_counter()
        self._loop.call_soon_threadsafe(self.acknowledged.set)
        return results

    def close(self) -> None:
        self._inner.close()


async def delays(url: str, brokers: str, *, count: int, elsewhere: bool) -> list[float]:
    """Seconds from each receipt, which is there after the commit, to the broker's word.

    The relay is that of the same service, or of another one, which only the database tells.
    """
    watched = Watched(KafkaPublisher(brokers, topic="idle", source=SOURCE))
    found = []
    async with AsyncExitStack() as stack:
        first, *others = [
            await stack.enter_async_context(
                AsyncPaymentService([momo()], database=url, single_process=True)
            )
            for _ in range(2 if elsewhere else 1)
        ]
        await (others or [first])[0].publish_to(watched)
        for number in range(1, count + _UNTIMED + 1):
            await asyncio.sleep(_QUIET)
            watched.acknowledged.clear()
            receipt = await first.receive(delivery(number), provider="momo")
            committed = time.perf_counter()
            assert receipt.published == 1
            await watched.acknowledged.wait()
            found.append(watched.at - committed)
    return found[_UNTIMED:]


def delay_row(name: str, seconds: Sequence[float]) -> Row:
    p99 = sorted(seconds)[ceil(0.99 * len(seconds)) - 1]
    return Row(name=name, floor="10 ms", seconds=p99, ratio=p99 / _SOON, limit=1.0)


def delay_rows(brokers: str, *, count: int) -> list[Row]:
    made = {"SQLite": (stores.sqlite, False)}
    if stores.answers(stores.POSTGRES):
        made["PostgreSQL, told by NOTIFY"] = (stores.postgres, True)
    rows = []
    for name, (make, elsewhere) in made.items():
        with make(partial(fill, unpaid=count + _UNTIMED)) as store, store.copy() as url:
            found = asyncio.run(delays(url, brokers, count=count, elsewhere=elsewhere))
        rows.append(delay_row(f"commit to Kafka, p99: {name}", found))
    return rows


def rows(*, rounds: int, batches: int, count: int) -> list[Row]:
    with kafka() as brokers:
        return [
            *batch_rows(brokers, rounds=rounds, batches=batches),
            *delay_rows(brokers, count=count),
        ]
