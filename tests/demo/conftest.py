"""The shop and the sandbox in one event loop, talking over ASGI instead of sockets."""

import asyncio
import re
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from itertools import count

import attrs
import httpx
import pytest

from paykit.demo import DemoSettings, create_shop
from paykit.sandbox import create_app
from paykit.transport import AsyncHttpxTransport, RetryPolicy

#: 16:00:00 in Vietnam.
START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
SHOP, SANDBOX = "http://127.0.0.1:8000", "http://127.0.0.1:8100"


def ids():
    """The ids that a test knows beforehand: 000001, 000002, …, each padded to 32 letters."""
    numbers = count(1)
    return lambda: f"{next(numbers):06}".ljust(32, "x")


@attrs.define
class Town:
    """A shop, its providers, and a browser that goes from one to the other."""

    browser: httpx.AsyncClient
    shop: object
    sandbox: object
    closed: set

    @property
    def faults(self):
        return self.sandbox.state.faults

    async def order(self, provider, *, product="sen", quantity=2, name="Lan", **more):
        """Fill in the checkout form; the provider's page comes back."""
        form = {"product": product, "quantity": str(quantity), "name": name, "provider": provider}
        form.update(more)
        return await self.browser.post(f"{SHOP}/checkout", data=form)

    async def choose(self, page, outcome, **more):
        """Press a button on the provider's page; the shop's page comes back."""
        assert (page.status_code, page.url.port) == (200, 8100)
        token = re.search(r'name="token" value="([^"]+)"', page.text)[1]
        action = re.search(r'action="([^"]+)"', page.text)[1]
        return await self.browser.post(
            page.url.join(action), data={"token": token, "outcome": outcome, **more}
        )

    async def order_json(self, order_id):
        response = await self.browser.get(f"{SHOP}/orders/{order_id}.json")
        assert response.status_code == 200
        return response.json()

    async def settled(self, order_id):
        """Wait until every notice is delivered and the order will not change by itself."""
        await self.sandbox.state.deliveries.idle()
        async with asyncio.timeout(5):
            while True:
                found = await self.order_json(order_id)
                if found["done"]:
                    return found
                await asyncio.sleep(0.005)

    async def confirmed(self, order_id):
        """Wait until the order is confirmed, also after it was held."""
        return await self.reached(order_id, "CONFIRMED")

    async def reached(self, order_id, status):
        """Wait until the order has this status."""
        async with asyncio.timeout(5):
            while True:
                found = await self.order_json(order_id)
                if found["status"] == status:
                    return found
                await asyncio.sleep(0.005)

    async def event_names(self):
        """What went over the bus, the oldest first."""
        events = (await self.browser.get(f"{SHOP}/events.json")).json()["events"]
        return [event["name"] for event in reversed(events)]

    async def deliveries(self):
        return (await self.browser.get(f"{SANDBOX}/_sandbox/deliveries")).json()["deliveries"]


def order_id(page):
    return re.search(r'data-order="([^"]+)"', page.text)[1]


@asynccontextmanager
async def open_town(database):
    settings = DemoSettings(database=database, clock=lambda: START, new_id=ids())
    apps, closed = {}, set()

    def door(name):
        async def app(scope, receive, send):
            if name in closed:
                raise httpx.ConnectError("nobody is there")
            await apps[name](scope, receive, send)

        return httpx.ASGITransport(app)

    doors = {SHOP: door("shop"), SANDBOX: door("sandbox")}
    async with AsyncExitStack() as stack:
        browser = await stack.enter_async_context(
            httpx.AsyncClient(mounts=doors, follow_redirects=True)
        )
        servers = await stack.enter_async_context(httpx.AsyncClient(mounts=doors))
        transport = AsyncHttpxTransport(client=servers, retries=RetryPolicy(attempts=1))
        shop = apps["shop"] = create_shop(settings, transport=transport)
        sandbox = apps["sandbox"] = create_app(settings.sandbox_config, send=transport.send)
        for app in (shop, sandbox):
            await stack.enter_async_context(app.router.lifespan_context(app))
        yield Town(browser, shop, sandbox, closed)


@pytest.fixture
def play(tmp_path):
    """Run a scenario in a town of its own; a second one in the same test finds the same database."""

    def run(scenario):
        async def main():
            async with open_town(tmp_path / "demo.db") as town:
                return await scenario(town)

        return asyncio.run(main())

    return run
