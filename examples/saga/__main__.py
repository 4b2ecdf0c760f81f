"""Starts the whole shop, sends customers of every kind, and tells what becomes of their orders."""

from __future__ import annotations

import argparse
import asyncio
import logging
import secrets
import sys
import tempfile
from urllib.parse import urlsplit

from .brokers import connect
from .customers import CUSTOMERS
from .notification import NotificationService
from .order import OrderService
from .payment import PaymentParty
from .processes import Shop
from .settings import Settings
from .shipping import ShippingService
from .stock import StockService
from .story import TOPICS, Story

#: Seconds to reach a broker.
_REACH = 5
PARTIES = (OrderService, PaymentParty, StockService, ShippingService, NotificationService)


def main() -> int:
    """0, when every order came to its right end."""
    parser = argparse.ArgumentParser(prog="python -m examples.saga", description=__doc__)
    parser.add_argument(
        "--broker",
        default="",
        help="kafka://host:9092, amqp://…, nats://… or redis://… (default: a Kafka in memory)",
    )
    parser.add_argument("--prefix", help="begins the names of topics (default: a new one)")
    parser.add_argument("--patience", type=float, default=60, help="seconds until it gives up")
    asked = parser.parse_args()
    run = secrets.token_hex(3)
    customers = {f"{run}-{number}": one for number, one in enumerate(CUSTOMERS, start=1)}
    with tempfile.TemporaryDirectory(prefix="saga-") as folder:
        settings = Settings(
            broker=asked.broker, prefix=asked.prefix or f"saga-{run}", folder=folder
        )
        if asked.broker:
            asyncio.run(reach(settings))
        with Shop(settings) as shop:
            story = asyncio.run(_tell(shop.settings, Story(customers), asked.patience))
        if asked.broker and not asked.prefix:
            asyncio.run(clean_up(shop.settings))
    print(f"\n{story.table()}")
    return 0 if story.ended else 1


async def _tell(settings: Settings, story: Story, patience: float) -> Story:
    bus = connect(settings)
    try:
        await story.tell(bus, patience=patience)
    finally:
        await bus.stop()
    return story


async def reach(settings: Settings) -> None:
    """Find out now, and in one line, whether there is such a broker."""
    bus = connect(settings)
    logging.disable()  # the clients say the same in many lines
    try:
        async with asyncio.timeout(_REACH):
            await bus.broker.connect()
            there, why = await bus.broker.ping(_REACH), "no answer"
    except Exception as error:  # noqa: BLE001 - each client has errors of its own
        there, why = False, str(error) or "no answer"
    if not there:
        place = urlsplit(settings.broker).netloc.rpartition("@")[2]
        raise SystemExit(f"there is no broker at {place}: {why}")
    logging.disable(logging.NOTSET)
    await bus.stop()


async def clean_up(settings: Settings) -> None:
    """Take what we made off a broker that is not ours."""
    bus = connect(settings)
    await bus.remove({**{party.name: party.reads for party in PARTIES}, "story": TOPICS})
    await bus.stop()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)  # as the shell says of what Ctrl-C ended
