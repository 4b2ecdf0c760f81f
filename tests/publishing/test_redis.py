"""RedisPublisher against a real Redis, read by redis-py."""

import asyncio
import contextlib
import json
from urllib.parse import urlsplit

import attrs
import pytest
import redis.asyncio as redis

from paykit import BrokerUnavailable, ConfigurationError, MessageRefused
from paykit.publishing import RedisPublisher

from ..support.proxies import proxy
from ..support.services import require
from .events import ATTRIBUTES, EVENT, JSON, MESSAGE, SOURCE, some, unique


@pytest.fixture(scope="module")
def url():
    return require("redis")


@contextlib.asynccontextmanager
async def redis_at(url):
    """A client, and the name of a stream that is removed in the end."""
    client = redis.from_url(url, decode_responses=True)
    name = unique("stream")
    try:
        yield client, name
    finally:
        await client.delete(name)
        await client.aclose()


async def ids(client, name):
    return [fields["id"] for _, fields in await client.xrange(name)]


def test_an_entry_has_a_field_for_each_attribute(url):
    async def main():
        async with redis_at(url) as (client, name):
            publisher = RedisPublisher(url, stream=name, source=SOURCE)
            assert await publisher.publish([MESSAGE]) == [None]
            await publisher.close()
            ((_, fields),) = await client.xrange(name)
        assert json.loads(fields["data"]) == EVENT.to_json()
        assert fields == {**ATTRIBUTES, "datacontenttype": JSON, "data": MESSAGE.payload}

    asyncio.run(main())


def test_a_batch_of_many_keeps_its_order(url):
    async def main():
        async with redis_at(url) as (client, name):
            publisher = RedisPublisher(url, stream=name, source=SOURCE)
            assert await publisher.publish(some(600)) == [None] * 600
            await publisher.close()
            assert await ids(client, name) == [f"event-{number}" for number in range(600)]

    asyncio.run(main())


def test_a_consumer_group_reads_it(url):
    async def main():
        async with redis_at(url) as (client, name):
            await client.xgroup_create(name, "shop", id="0", mkstream=True)
            publisher = RedisPublisher(url, stream=name, source=SOURCE)
            await publisher.publish(some(2))
            await publisher.close()
            ((_, entries),) = await client.xreadgroup("shop", "one", {name: ">"})
            for entry, _ in entries:
                await client.xack(name, "shop", entry)
        assert [fields["subject"] for _, fields in entries] == ["pay_0", "pay_1"]

    asyncio.run(main())


def test_maxlen_drops_the_oldest(url):
    """About: Redis drops whole nodes of its tree, of a hundred entries unless it is told otherwise."""

    async def main():
        async with redis_at(url) as (client, name):
            publisher = RedisPublisher(url, stream=name, source=SOURCE, maxlen=100)
            assert await publisher.publish(some(1_000)) == [None] * 1_000
            await publisher.close()
            kept = await ids(client, name)
        assert 100 <= len(kept) <= 300
        assert kept == [f"event-{number}" for number in range(1_000 - len(kept), 1_000)]

    asyncio.run(main())


def test_a_message_in_no_unicode_is_refused_alone(url):
    broken = attrs.evolve(MESSAGE, id="broken", payload='"\ud800"')

    async def main():
        async with redis_at(url) as (client, name):
            publisher = RedisPublisher(url, stream=name, source=SOURCE)
            one, refused, other = await publisher.publish([*some(1), broken, *some(1, start=1)])
            await publisher.close()
            assert (one, other, type(refused)) == (None, None, MessageRefused)
            assert await ids(client, name) == ["event-0", "event-1"]

    asyncio.run(main())


def test_a_name_that_is_no_stream_is_told_of(url):
    async def main():
        async with redis_at(url) as (client, name):
            await client.set(name, "something else")
            publisher = RedisPublisher(url, stream=name, source=SOURCE)
            with pytest.raises(BrokerUnavailable, match=f"Redis stream {name}: .*WRONGTYPE"):
                await publisher.publish(some(2))

    asyncio.run(main())


def test_a_connection_that_is_lost_is_made_anew(url):
    async def main():
        at = urlsplit(url)
        with proxy(at.hostname, at.port) as relay:
            async with redis_at(url) as (client, name):
                through = f"redis://127.0.0.1:{relay.port}{at.path}"
                publisher = RedisPublisher(through, stream=name, source=SOURCE)
                assert await publisher.publish(some(2)) == [None, None]
                relay.cut()
                for _ in range(2):
                    with pytest.raises(BrokerUnavailable):
                        await publisher.publish(some(2, start=2))
                relay.mend()
                assert await publisher.publish(some(2, start=2)) == [None, None]
                await publisher.close()
                assert await ids(client, name) == ["event-0", "event-1", "event-2", "event-3"]

    asyncio.run(main())


def test_a_wrong_password_is_not_shown(url):
    async def main():
        at = urlsplit(url)
        wrong = f"redis://someone:SECRET-1@{at.hostname}:{at.port}/0"
        publisher = RedisPublisher(wrong, stream="s", source=SOURCE)
        with pytest.raises(BrokerUnavailable, match="AuthenticationError") as caught:
            await publisher.publish([MESSAGE])
        assert "SECRET" not in f"{caught.value!r}{publisher!r}"
        assert repr(publisher) == f"RedisPublisher('redis://someone:***@{at.netloc}/0')"

    asyncio.run(main())


def test_settings_that_cannot_be():
    with pytest.raises(ConfigurationError, match="the name of a stream"):
        RedisPublisher("redis://127.0.0.1", stream="", source=SOURCE)
    with pytest.raises(ConfigurationError, match="maxlen"):
        RedisPublisher("redis://127.0.0.1", stream="s", source=SOURCE, maxlen=0)
