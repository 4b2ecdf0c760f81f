"""The endpoints as each framework takes them up, over a service that stores nothing.

Run as ``python -m benchmarks.mounts_app CPU NAME``; the names are those of ``APPS``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from paykit.flow import run
from paykit.http import Delivery
from paykit.provider import Outcome, Provider
from paykit.service import Receipt
from paykit.webhooks.asgi import PaykitApp

from .fixtures import momo
from .serving import serve
from .webhooks import no_io

RETURN_TO = "https://shop.example/thanks"


class Forgetful:
    """In the place of a service: proves and reads a delivery, and stores nothing."""

    statuses = None

    def __init__(self) -> None:
        self.providers = {"momo": momo()}

    async def receive(self, delivery: Delivery, *, provider: str) -> Receipt:
        adapter = self.providers[provider]
        adapter.parse(run(adapter.verify(delivery), no_io))
        return Receipt(Outcome.ACCEPTED, adapter.reply(Outcome.ACCEPTED))


class Bare:
    """The same work by hand, without a limit, a time, or an answer to anything unexpected."""

    def __init__(self) -> None:
        self._paths: Mapping[str, Provider] = {"/webhooks/momo": momo()}

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] == "lifespan":
            return
        provider = self._paths[scope["path"]]
        body, more = b"", True
        while more:
            message = await receive()
            body += message["body"]
            more = message["more_body"]
        headers = [(name.decode(), value.decode()) for name, value in scope["headers"]]
        delivery = Delivery(scope["method"], scope["path"], scope["query_string"], headers, body)
        provider.parse(run(provider.verify(delivery), no_io))
        reply = provider.reply(Outcome.ACCEPTED)
        await send({"type": "http.response.start", "status": reply.status, "headers": []})
        await send({"type": "http.response.body", "body": reply.body})


def plain() -> Any:
    return PaykitApp(Forgetful(), return_to=RETURN_TO)


def starlette() -> Any:
    from starlette.applications import Starlette
    from starlette.routing import Mount

    return Starlette(routes=[Mount("/", plain())])


def fastapi() -> Any:
    from fastapi import FastAPI

    from paykit.webhooks.fastapi import paykit_router

    app = FastAPI()
    app.include_router(paykit_router(Forgetful(), return_to=RETURN_TO))
    return app


APPS: Mapping[str, Callable[[], Any]] = {
    "bare ASGI": Bare,
    "PaykitApp": plain,
    "Starlette": starlette,
    "FastAPI": fastapi,
}


@asynccontextmanager
async def opened(name: str):
    yield APPS[name]()


if __name__ == "__main__":
    serve(opened(sys.argv[2]))
