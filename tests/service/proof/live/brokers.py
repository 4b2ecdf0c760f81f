"""Real brokers, each with a topic of one's own: the URL to publish to, and what has arrived there."""

import asyncio
import contextlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from ....support.kafka import mock_cluster, read_all
from ....support.services import require

SOURCE = "//shop.example/payments"


@dataclass(frozen=True)
class Entry:
    """One message as a consumer finds it. Those of one ``lane`` are in order."""

    id: str
    key: str
    sequence: int
    payload: bytes
    lane: int = 0


@dataclass(frozen=True)
class Topic:
    """Where to publish, and a way to read all that is there, as another client sees it."""

    url: str
    read: Callable[[], list[Entry]]


def unique(name):
    return f"paykit-{name}-{uuid.uuid4().hex[:12]}"


@contextlib.contextmanager
def broker(kind, at=None, **settings):
    """A topic on a broker of this kind, removed in the end.

    ``at`` is the URL of another broker than that of all tests; of Kafka it is a mock cluster, whose
    topic has so many ``partitions``.
    """
    with _KINDS[kind](at or (None if kind == "kafka" else require(kind)), **settings) as topic:
        yield topic


@contextlib.contextmanager
def _kafka(cluster, *, partitions=4):
    with contextlib.ExitStack() as stack:
        cluster = cluster or stack.enter_context(mock_cluster())
        name = unique("topic")
        cluster.create_topic(name, partitions=partitions)

        def read():
            return [
                Entry(
                    one.headers["ce_id"].decode(),
                    one.key.decode(),
                    int(one.headers["ce_sequence"]),
                    one.value,
                    one.partition,
                )
                for one in read_all(cluster.bootstrap, name)
            ]

        yield Topic(f"kafka://{cluster.bootstrap}/{name}?source={SOURCE}&timeout=3", read)


@contextlib.contextmanager
def _redis(url):
    import redis

    name = unique("stream")
    with contextlib.closing(redis.Redis.from_url(url, decode_responses=True)) as client:

        def read():
            return [
                Entry(one["id"], one["partitionkey"], int(one["sequence"]), one["data"].encode())
                for _, one in client.xrange(name)
            ]

        try:
            yield Topic(f"{url}?stream={name}&source={SOURCE}&timeout=3", read)
        finally:
            client.delete(name)


@contextlib.contextmanager
def _rabbit(url):
    queue = unique("queue")
    there = f"{url}?exchange=&queue={queue}&source={SOURCE}&timeout=3"
    try:
        yield Topic(there, lambda: asyncio.run(_read_rabbit(url, queue)))
    finally:
        asyncio.run(_with_channel(url, lambda channel: channel.queue_delete(queue)))


@contextlib.contextmanager
def bind_queue(url, exchange):
    """A queue that takes all of an exchange; both are removed in the end."""
    queue = unique("queue")

    async def bind(channel):
        made = await channel.declare_queue(queue, durable=True)
        await made.bind(exchange, "#")

    async def remove(channel):
        await channel.queue_delete(queue)
        await channel.exchange_delete(exchange)

    asyncio.run(_with_channel(url, bind))
    try:
        yield Topic("", lambda: asyncio.run(_read_rabbit(url, queue)))
    finally:
        asyncio.run(_with_channel(url, remove))


async def _with_channel(url, use):
    import aio_pika

    connection = await aio_pika.connect(url)
    async with connection:
        return await use(await connection.channel())


async def _read_rabbit(url, queue):
    """All that is in the queue, which has it still afterwards."""

    async def read(channel):
        found = await channel.get_queue(queue)
        entries = []
        while (one := await found.get(fail=False)) is not None:
            headers = one.headers
            entries.append(
                Entry(
                    str(headers["cloudEvents:id"]),
                    str(headers["cloudEvents:partitionkey"]),
                    int(headers["cloudEvents:sequence"]),
                    one.body,
                )
            )
        return entries  # what is not acknowledged goes back with the channel

    return await _with_channel(url, read)


@contextlib.contextmanager
def make_stream(url, name):
    """A stream for the subjects below its name, removed in the end."""
    try:
        asyncio.run(_make_stream(url, name))
        there = f"{url}/{name}.events?stream={name}&source={SOURCE}&timeout=3"
        yield Topic(there, lambda: asyncio.run(_read_nats(url, name)))
    finally:
        asyncio.run(_delete_stream(url, name))


def _nats(url):
    return make_stream(url, unique("stream"))


@contextlib.asynccontextmanager
async def _jetstream(url):
    import nats

    client = await nats.connect(url)
    try:
        yield client.jetstream()
    finally:
        await client.close()


async def _make_stream(url, name):
    from nats.js.api import StreamConfig

    async with _jetstream(url) as jetstream:
        await jetstream.add_stream(StreamConfig(name=name, subjects=[f"{name}.>"]))


async def _delete_stream(url, name):
    async with _jetstream(url) as jetstream:
        await jetstream.delete_stream(name)


async def _read_nats(url, name):
    async with _jetstream(url) as jetstream:
        last = (await jetstream.stream_info(name)).state.last_seq
        found = [await jetstream.get_msg(name, number) for number in range(1, last + 1)]
    return [
        Entry(
            one.headers["ce-id"], one.headers["ce-partitionkey"], int(one.headers["ce-sequence"]),
            one.data,
        )
        for one in found
    ]  # fmt: skip


_KINDS = {"kafka": _kafka, "redis": _redis, "rabbitmq": _rabbit, "nats": _nats}
