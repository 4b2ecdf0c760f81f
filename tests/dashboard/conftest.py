"""The dashboard over a shop of its own, blocking and async, asked by real requests."""

import asyncio

import httpx
import pytest

from paykit.dashboard import Dashboard

from ..service.shop import Awaiting, Blocking, Clock
from . import story
from .reading import Page


def everybody(_scope):
    return True


class Site:
    """A dashboard, and a browser in front of it."""

    def __init__(self, shop, app, *, clock, database, base="http://shop/"):
        self.shop, self.app, self.base = shop, app, base
        self.clock, self.database = clock, database

    def ask(self, path="", method="GET", **options):
        """The answer to one request; redirects are not followed."""

        async def call():
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport) as client:
                return await client.request(method, httpx.URL(self.base).join(path), **options)

        if isinstance(self.shop, Awaiting):
            return self.shop.loop.run_until_complete(call())
        return asyncio.run(call())

    def page(self, path=""):
        """A page that is there."""
        answered = self.ask(path)
        assert answered.status_code == 200, answered.text
        return Page(answered.text)


FACES = {"blocking": Blocking, "async": Awaiting}


def open_site(kind, folder, **settings):
    """A dashboard over a shop of its own, whose clock is ``site.clock``."""
    clock = Clock()
    database = f"sqlite:///{folder}/p.db"
    shop = kind(database, providers=story.providers(), clock=clock, **story.SETTINGS)
    dashboard = Dashboard(shop.service, **{"authorize": everybody, "clock": clock, **settings})
    return Site(shop, dashboard, clock=clock, database=database)


@pytest.fixture(params=FACES.values(), ids=FACES)
def site(request, tmp_path):
    """One without payments."""
    opened = open_site(request.param, tmp_path)
    yield opened
    opened.shop.close()


@pytest.fixture(scope="module", params=FACES.values(), ids=FACES)
def full(request, tmp_path_factory):
    """One where everything has happened, for tests that change nothing."""
    opened = open_site(request.param, tmp_path_factory.mktemp("full"))
    opened.ids = story.live_through(opened.shop, opened.clock)
    yield opened
    opened.shop.close()
