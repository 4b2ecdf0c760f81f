"""Below whatever path: each link of each page leads to a page."""

from urllib.parse import urljoin, urlsplit

import pytest
from fastapi import FastAPI
from litestar import Litestar, asgi
from litestar.types import Receive, Scope, Send
from starlette.applications import Starlette
from starlette.routing import Mount

from .conftest import Site


class UnderRootPath:
    """As a server does it that is told of a prefix (``uvicorn --root-path /shop``)."""

    def __init__(self, app, root):
        self.app, self.root = app, root

    async def __call__(self, scope, receive, send):
        given = {**scope, "root_path": self.root, "path": self.root + scope["path"]}
        await self.app(given, receive, send)


class Stripped:
    """As a proxy does it that takes a prefix off and says nothing of it."""

    def __init__(self, app, prefix):
        self.app, self.prefix = app, prefix

    async def __call__(self, scope, receive, send):
        path = scope["path"].removeprefix(self.prefix)
        assert path != scope["path"], "a link led out of the mount"
        await self.app({**scope, "path": path, "raw_path": None}, receive, send)


def fastapi(app):
    outer = FastAPI()
    outer.mount("/admin/pay", app)
    return outer


def litestar(app):
    @asgi("/dashboard", is_mount=True, copy_scope=True)
    async def dashboard(scope: Scope, receive: Receive, send: Send) -> None:
        await app(scope, receive, send)

    return Litestar([dashboard], logging_config=None)


MOUNTS = {
    "alone": (lambda app: app, "/"),
    "starlette": (lambda app: Starlette(routes=[Mount("/dashboard", app)]), "/dashboard/"),
    "deep": (
        lambda app: Starlette(routes=[Mount("/a", routes=[Mount("/b c", app)])]),
        "/a/b%20c/",
    ),
    "fastapi": (fastapi, "/admin/pay/"),
    "litestar": (litestar, "/dashboard/"),
    "root path": (lambda app: UnderRootPath(app, "/shop"), "/"),
    "root path and mount": (
        lambda app: UnderRootPath(Starlette(routes=[Mount("/dashboard", app)]), "/shop"),
        "/dashboard/",
    ),
    "stripped": (lambda app: Stripped(app, "/behind/proxy"), "/behind/proxy/"),
}


@pytest.fixture(params=MOUNTS.values(), ids=MOUNTS)
def mounted(request, full):
    wrap, path = request.param
    return Site(
        full.shop,
        wrap(full.app),
        clock=full.clock,
        database=full.database,
        base=f"http://shop{path}",
    )


def test_every_link_leads_to_a_page(mounted):
    waiting, seen = [mounted.base], set()
    while waiting:
        address = waiting.pop()
        if address in seen:
            continue
        seen.add(address)
        page = mounted.page(address)
        for link in page.links:
            target = urljoin(address, link)
            assert target.startswith(mounted.base), (address, link)
            waiting.append(target.partition("#")[0])
        for tag, given in page.tags:
            if tag == "form":
                assert mounted.ask(urljoin(address, given["action"])).status_code == 200
    found = {urlsplit(address).path.removeprefix(urlsplit(mounted.base).path) for address in seen}
    assert found == {
        "",
        "payment",
        "inbox",
        "unmatched",
        "orphans",
        "outbox",
        "dead",
        "reconcile",
    }
    assert len(seen) > 20


@pytest.mark.parametrize("name", ["starlette", "fastapi", "deep", "litestar"])
def test_the_mount_without_its_slash_leads_to_it(full, name):
    wrap, path = MOUNTS[name]
    site = Site(full.shop, wrap(full.app), clock=full.clock, database=full.database)
    answered = site.ask(path.rstrip("/"))
    assert answered.status_code == 307
    assert site.ask(answered.headers["location"]).status_code == 200


@pytest.mark.parametrize(("root", "location"), [("/pay", "pay/"), ("/a/b c:d", "b%20c%3Ad/")])
def test_a_router_that_takes_the_mount_without_its_slash(full, root, location):
    """The redirect names neither a host nor what stands before the mount."""

    async def router(scope, receive, send):
        await full.app({**scope, "root_path": root, "path": root}, receive, send)

    site = Site(full.shop, router, clock=full.clock, database=full.database)
    answered = site.ask("", headers={"host": "evil.example"})
    assert (answered.status_code, answered.headers["location"]) == (307, location)


@pytest.mark.parametrize("path", ["", "inbox", "nope", "inbox/"])
def test_no_page_says_what_the_host_is_called(full, path):
    answered = full.ask(path, headers={"host": "evil.example"})
    assert "evil.example" not in f"{answered.text}{answered.headers}"
