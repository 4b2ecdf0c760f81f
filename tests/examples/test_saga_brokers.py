"""The saga's command on each broker, and what its brokers promise."""

import asyncio
import json
import re
import secrets
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

pytest.importorskip("confluent_kafka")
pytest.importorskip("faststream")

from examples.saga.__main__ import clean_up, reach
from examples.saga.brokers import connect
from examples.saga.customers import CUSTOMERS
from examples.saga.settings import Settings
from examples.saga.story import Story

from ..demo.running import environment
from ..support.kafka import mock_cluster
from ..support.services import require
from .saga_in_process import shop

ROOT = Path(__file__).parents[2]
SERVERS = ("rabbitmq", "nats", "redis")
PATIENCE = 90


ENDS = [[one.about, one.order, one.payment, "ok"] for one in CUSTOMERS]


def ends(table):
    """The lines of the table, without the names of orders and parcels."""
    lines = [re.split(r"\s\s+", line) for line in table.splitlines()]
    return [line[1:4] + line[5:] for line in lines[1:]]


def test_by_one_command():
    """Five processes, on a Kafka that it brings along."""
    done = subprocess.run(
        [sys.executable, "-m", "examples.saga"],
        cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    story, _, table = done.stdout.rpartition("\n\n")
    assert ends(table) == ENDS
    parcels = [line.split()[-1] for line in story.splitlines() if "OrderShipped" in line]
    assert sorted(parcels) == sorted(re.findall(r"VN\w{8}", table))


@pytest.mark.parametrize("name", SERVERS)
def test_on_another_broker(name, tmp_path):
    settings = Settings(
        broker=require(name), prefix=f"saga-{secrets.token_hex(4)}", folder=tmp_path
    )
    story = Story({f"A-{number}": one for number, one in enumerate(CUSTOMERS)}, quiet=True)

    async def tell():
        await reach(settings)
        try:
            async with shop(settings) as opened:
                bus = connect(opened)
                await story.tell(bus, patience=PATIENCE)
                await bus.stop()
        finally:
            await clean_up(settings)

    asyncio.run(tell())
    assert ends(story.table()) == ENDS


def test_a_broker_that_is_not_there():
    """It is told of before anything is started, in one line, and without the password."""
    done = subprocess.run(
        [sys.executable, "-m", "examples.saga", "--broker", "amqp://guest:secret@127.0.0.1:1"],
        cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("there is no broker at 127.0.0.1:1: ")
    assert (done.stderr.count("\n"), "secret" in done.stderr) == (1, False)


def test_another_broker_is_refused():
    with pytest.raises(SystemExit, match="'mqtt'"):
        connect(Settings(broker="mqtt://127.0.0.1"))


@pytest.fixture(params=["kafka", *SERVERS])
def settings(request):
    prefix = f"saga-{secrets.token_hex(4)}"
    if request.param != "kafka":
        asked = Settings(broker=require(request.param), prefix=prefix)
        yield asked
        asyncio.run(remove(asked))
        return
    with mock_cluster() as cluster:
        cluster.join_delay(0)
        yield Settings(broker=f"kafka://{cluster.bootstrap}?session_timeout_ms=2000", prefix=prefix)


async def remove(settings):
    bus = connect(settings)
    await bus.remove({"reader": ("orders",)})
    await bus.stop()


def message(number):
    return {"id": str(number), "type": "a", "source": "//b", "specversion": "1.0", "data": {"c": 1}}


@asynccontextmanager
async def listening(settings, handle):
    bus = connect(settings)
    await bus.start("reader", reads=("orders",), writes="orders", handle=handle)
    try:
        yield bus
    finally:
        await bus.stop()


def test_what_is_not_handled_comes_again(settings, monkeypatch):
    """And what is handled does not, neither at once nor after a restart."""
    monkeypatch.setattr("examples.saga.brokers.redis.ABANDONED", 0.2)
    heard = []

    async def handle(found):
        heard.append(found)
        if len(heard) == 1:
            raise RuntimeError

    async def until(count):
        async with asyncio.timeout(20):
            while len(heard) < count:  # noqa: ASYNC110 - nobody would set an event
                await asyncio.sleep(0.01)

    async def publish(bus, number):
        body = json.dumps(message(number)).encode()
        await bus.publish("orders", key="k", body=body)

    async def run():
        async with listening(settings, handle) as bus:
            await publish(bus, 1)
            await until(2)
            await publish(bus, 2)
            await until(3)
        async with listening(settings, handle) as bus:
            await publish(bus, 3)
            await until(4)
            await asyncio.sleep(0.5)

    asyncio.run(run())
    assert heard == [message(1), message(1), message(2), message(3)]
