"""NatsPublisher against a real NATS server with JetStream, read by nats-py."""

import asyncio
import contextlib
import json
from urllib.parse import unquote, urlsplit

import attrs
import nats
import pytest
from nats.js.api import StreamConfig

from paykit import BrokerUnavailable, ConfigurationError, MessageRefused
from paykit.publishing import NatsPublisher

from ..support.proxies import proxy
from ..support.services import require
from .events import ATTRIBUTES, EVENT, JSON, MESSAGE, SOURCE, STRUCTURED, some, unique


@pytest.fixture(scope="module")
def url():
    return require("nats")


class Stream:
    def __init__(self, jetstream, name):
        self.jetstream = jetstream
        self.name = name
        self.subject = f"{name}.processed"

    async def read(self):
        """All that is in the stream by now."""
        state = (await self.jetstream.stream_info(self.name)).state
        return [
            await self.jetstream.get_msg(self.name, number)
            for number in range(1, state.last_seq + 1)
        ]


@contextlib.asynccontextmanager
async def stream_at(url, **settings):
    client = await nats.connect(url)
    jetstream = client.jetstream()
    name = unique("stream")
    try:
        await jetstream.add_stream(StreamConfig(name=name, subjects=[f"{name}.>"], **settings))
        yield Stream(jetstream, name)
    finally:
        await jetstream.delete_stream(name)
        await client.close()


def publisher_for(url, stream, **settings):
    return NatsPublisher(url, subject=stream.subject, stream=stream.name, source=SOURCE, **settings)


def test_binary_mode(url):
    async def main():
        async with stream_at(url) as stream:
            publisher = publisher_for(url, stream)
            assert await publisher.publish([MESSAGE]) == [None]
            await publisher.close()
            (message,) = await stream.read()
        assert (message.subject, message.data) == (stream.subject, MESSAGE.payload.encode())
        assert message.headers == {
            **{f"ce-{name}": value for name, value in ATTRIBUTES.items()},
            "ce-datacontenttype": JSON,
            "content-type": JSON,
            "Nats-Msg-Id": EVENT.event_id,
            "Nats-Expected-Stream": stream.name,
            "correlation_id": EVENT.event_id,
        }

    asyncio.run(main())


def test_structured_mode(url):
    async def main():
        async with stream_at(url) as stream:
            publisher = publisher_for(url, stream, mode="structured")
            assert await publisher.publish([MESSAGE]) == [None]
            await publisher.close()
            (message,) = await stream.read()
        assert message.headers["content-type"] == STRUCTURED
        assert [name for name in message.headers if name.startswith("ce-")] == []
        assert message.headers["Nats-Msg-Id"] == EVENT.event_id
        assert json.loads(message.data) == EVENT.to_cloudevent(source=SOURCE)

    asyncio.run(main())


def test_headers_are_percent_encoded(url):
    odd = attrs.evolve(MESSAGE, id="sự kiện 1%\r\nX: y", key="thanh toán 💳")

    async def main():
        async with stream_at(url) as stream:
            publisher = publisher_for(url, stream)
            assert await publisher.publish([odd]) == [None]
            await publisher.close()
            (message,) = await stream.read()
        assert all(value.isascii() and value.isprintable() for value in message.headers.values())
        assert (
            unquote(message.headers["ce-id"]) == unquote(message.headers["Nats-Msg-Id"]) == odd.id
        )
        assert unquote(message.headers["ce-subject"]) == odd.key

    asyncio.run(main())


def test_a_repeat_is_stored_once(url):
    """Also through another connection, and it is acknowledged as the first one was."""

    async def main():
        async with stream_at(url) as stream:
            for _ in range(2):
                publisher = publisher_for(url, stream)
                for _ in range(2):
                    assert await publisher.publish(some(3)) == [None] * 3
                await publisher.close()
            found = [message.headers["ce-id"] for message in await stream.read()]
        assert sorted(found) == ["event-0", "event-1", "event-2"]

    asyncio.run(main())


def test_a_batch_of_many(url):
    async def main():
        async with stream_at(url) as stream:
            publisher = publisher_for(url, stream)
            assert await publisher.publish(some(600)) == [None] * 600
            await publisher.close()
            info = await stream.jetstream.stream_info(stream.name)
        assert info.state.messages == 600

    asyncio.run(main())


def test_a_subject_of_another_stream_is_told_of(url):
    async def main():
        async with stream_at(url) as stream:
            publisher = NatsPublisher(url, subject=stream.subject, stream="ANOTHER", source=SOURCE)
            with pytest.raises(BrokerUnavailable, match="another stream takes this subject"):
                await publisher.publish([MESSAGE])

    asyncio.run(main())


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"max_msg_size": 2_000}, "message size exceeds maximum allowed (10054)"),
        ({}, "larger than the server's max_payload"),
    ],
)
def test_too_large_is_refused_and_the_others_are_not(url, settings, said):
    large = attrs.evolve(MESSAGE, payload=f'"{"x" * 2_000_000 if not settings else "x" * 3_000}"')

    async def main():
        async with stream_at(url, **settings) as stream:
            publisher = publisher_for(url, stream)
            one, refused, other = await publisher.publish([*some(1), large, *some(1, start=1)])
            await publisher.close()
            found = [message.headers["ce-id"] for message in await stream.read()]
        assert (one, other, type(refused)) == (None, None, MessageRefused)
        assert said in str(refused)
        assert sorted(found) == ["event-0", "event-1"]

    asyncio.run(main())


def test_a_stream_that_is_full_takes_nothing(url):
    async def main():
        async with stream_at(url, max_msgs=2, discard="new") as stream:
            publisher = publisher_for(url, stream)
            assert await publisher.publish(some(2)) == [None, None]
            with pytest.raises(BrokerUnavailable, match="maximum messages exceeded"):
                await publisher.publish(some(1, start=2))
            found = [message.headers["ce-id"] for message in await stream.read()]
        assert sorted(found) == ["event-0", "event-1"]

    asyncio.run(main())


def test_a_connection_that_is_lost_is_made_anew(url):
    async def main():
        at = urlsplit(url)
        with proxy(at.hostname, at.port) as relay:
            async with stream_at(url) as stream:
                publisher = publisher_for(f"nats://127.0.0.1:{relay.port}", stream, timeout=0.5)
                assert await publisher.publish(some(2)) == [None, None]
                relay.cut()
                for _ in range(2):
                    with pytest.raises(BrokerUnavailable):
                        await publisher.publish(some(2, start=2))
                relay.mend()
                assert await publisher.publish(some(2, start=2)) == [None, None]
                await publisher.close()
                found = sorted(message.headers["ce-id"] for message in await stream.read())
        assert found == ["event-0", "event-1", "event-2", "event-3"]

    asyncio.run(main())


def test_another_loop_connects_anew(url):
    """One publisher, used by one event loop after the other."""

    async def main(publisher, stream):
        try:
            return await publisher.publish([MESSAGE])
        finally:
            await publisher.close()

    async def in_a_stream():
        async with stream_at(url) as stream:
            publisher = publisher_for(url, stream)
            for _ in range(2):
                assert await asyncio.to_thread(asyncio.run, main(publisher, stream)) == [None]
            assert await publisher.publish([MESSAGE]) == [None]
            await publisher.close()

    asyncio.run(in_a_stream())


def test_settings_that_cannot_be():
    for names in ({"subject": "", "stream": "S"}, {"subject": "s", "stream": ""}):
        with pytest.raises(
            ConfigurationError, match="a subject and the name of a JetStream stream"
        ):
            NatsPublisher("nats://127.0.0.1", source=SOURCE, **names)
