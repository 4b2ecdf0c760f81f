"""The endpoints as each framework takes them up, over a service that stores nothing.

Run as ``python -m benchmarks.mounts_app CPU NAME``; the names are those of ``APPS``. To each mount
belongs an endpoint that does the same work by hand in the same framework, and to those on uvicorn
the bare ASGI app mounted there.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from paykit.flow import run
from paykit.http import Delivery, Reply
from paykit.provider import Outcome
from paykit.service import Receipt
from paykit.webhooks.asgi import PaykitApp
from paykit.webhooks.wsgi import PaykitWsgi

from .fixtures import momo
from .serving import Running, on_aiohttp, on_uvicorn, serve
from .webhooks import no_io

RETURN_TO = "https://shop.example/thanks"
PATH = "/webhooks/momo"


class Forgetful:
    """In the place of a service: proves and reads a delivery, and stores nothing."""

    statuses = None

    def __init__(self) -> None:
        self.providers = {"momo": momo()}

    def receive(self, delivery: Delivery, *, provider: str) -> Receipt:
        adapter = self.providers[provider]
        adapter.parse(run(adapter.verify(delivery), no_io))
        return Receipt(Outcome.ACCEPTED, adapter.reply(Outcome.ACCEPTED))


class AsyncForgetful(Forgetful):
    async def receive(self, delivery: Delivery, *, provider: str) -> Receipt:
        return super().receive(delivery, provider=provider)


class ByHand:
    """The same work, without a limit, a time, or an answer to anything unexpected."""

    def __init__(self) -> None:
        self._provider = momo()

    def answer(
        self, method: str, query: bytes, headers: Sequence[tuple[str, str]], body: bytes
    ) -> Reply:
        provider = self._provider
        delivery = Delivery(method, PATH, query, headers, body)
        provider.parse(run(provider.verify(delivery), no_io))
        return provider.reply(Outcome.ACCEPTED)


# On ASGI.


def bare() -> Any:
    by_hand = ByHand()

    async def app(scope, receive, send) -> None:
        if scope["type"] == "lifespan":
            return
        assert scope["path"] == PATH
        body, more = b"", True
        while more:
            message = await receive()
            body += message["body"]
            more = message["more_body"]
        headers = [(name.decode(), value.decode()) for name, value in scope["headers"]]
        reply = by_hand.answer(scope["method"], scope["query_string"], headers, body)
        await send({"type": "http.response.start", "status": reply.status, "headers": []})
        await send({"type": "http.response.body", "body": reply.body})

    return app


def plain() -> Any:
    return PaykitApp(AsyncForgetful(), return_to=RETURN_TO)


def starlette() -> Any:
    from starlette.applications import Starlette
    from starlette.routing import Mount

    return Starlette(routes=[Mount("/", plain())])


def starlette_with_bare() -> Any:
    from starlette.applications import Starlette
    from starlette.routing import Mount

    return Starlette(routes=[Mount("/", bare())])


def _starlette_view() -> Any:
    from starlette.requests import Request
    from starlette.responses import Response

    by_hand = ByHand()

    async def webhook(request: Request) -> Response:
        headers, query = request.headers.items(), request.scope["query_string"]
        reply = by_hand.answer(request.method, query, headers, await request.body())
        return Response(reply.body, reply.status)

    # FastAPI looks at them, and they are known in here only.
    webhook.__annotations__ = {"request": Request, "return": Response}
    return webhook


def starlette_by_hand() -> Any:
    from starlette.applications import Starlette
    from starlette.routing import Route

    return Starlette(routes=[Route(PATH, _starlette_view(), methods=["POST"])])


def fastapi() -> Any:
    from fastapi import FastAPI

    from paykit.webhooks.fastapi import paykit_router

    app = FastAPI()
    app.include_router(paykit_router(AsyncForgetful(), return_to=RETURN_TO))
    return app


def fastapi_with_bare() -> Any:
    from fastapi import FastAPI

    app = FastAPI()
    app.mount("/", bare())
    return app


def fastapi_by_hand() -> Any:
    from fastapi import FastAPI

    app = FastAPI()
    app.post(PATH)(_starlette_view())
    return app


def litestar() -> Any:
    from litestar import Litestar

    from paykit.webhooks.litestar import paykit_router

    return Litestar([paykit_router(AsyncForgetful(), return_to=RETURN_TO, path="/")])


def litestar_with_bare() -> Any:
    from litestar import Litestar, asgi

    return Litestar([asgi(PATH, copy_scope=True)(_annotated(bare()))])


def _annotated(app: Any) -> Any:
    from litestar.types import Receive, Scope, Send

    async def answer(scope, receive, send) -> None:
        await app({**scope, "path": PATH}, receive, send)

    answer.__annotations__ = {"scope": Scope, "receive": Receive, "send": Send, "return": None}
    return answer


def litestar_by_hand() -> Any:
    from litestar import Litestar, Request, post

    by_hand = ByHand()

    async def webhook(request: Request) -> None:
        headers, query = request.headers.items(), request.scope["query_string"]
        reply = by_hand.answer(request.method, query, headers, await request.body())
        assert (reply.status, reply.body) == (204, b"")

    webhook.__annotations__ = {"request": Request, "return": None}
    return Litestar([post(PATH, status_code=204)(webhook)])


# On aiohttp's own server.


def aiohttp() -> Any:
    from aiohttp import web

    from paykit.webhooks.aiohttp import paykit_routes

    app = web.Application()
    app.add_routes(paykit_routes(AsyncForgetful(), return_to=RETURN_TO, prefix=""))
    return app


def aiohttp_by_hand() -> Any:
    from aiohttp import web

    by_hand = ByHand()

    async def webhook(request: web.Request) -> web.Response:
        query, headers = request.query_string.encode(), list(request.headers.items())
        reply = by_hand.answer(request.method, query, headers, await request.read())
        return web.Response(status=reply.status, body=reply.body)

    app = web.Application()
    app.add_routes([web.post(PATH, webhook)])
    return app


# On WSGI.


def wsgi() -> Any:
    return PaykitWsgi(Forgetful(), return_to=RETURN_TO)


def wsgi_by_hand() -> Any:
    by_hand = ByHand()

    def app(environ, start_response):
        assert environ["PATH_INFO"] == PATH
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        headers = [
            (name[5:].replace("_", "-"), value)
            for name, value in environ.items()
            if name.startswith("HTTP_")
        ]
        query = environ["QUERY_STRING"].encode()
        reply = by_hand.answer(environ["REQUEST_METHOD"], query, headers, body)
        start_response(f"{reply.status} No Content", [])
        return []

    return app


def flask() -> Any:
    from flask import Flask

    from paykit.webhooks.flask import paykit_blueprint

    app = Flask(__name__)
    app.register_blueprint(paykit_blueprint(Forgetful(), return_to=RETURN_TO))
    return app


def flask_by_hand() -> Any:
    from flask import Flask, Response, request

    by_hand = ByHand()

    def webhook() -> Response:
        headers, body = list(request.headers.items()), request.get_data()
        reply = by_hand.answer(request.method, request.query_string, headers, body)
        return Response(reply.body, reply.status)

    app = Flask(__name__)
    app.post(PATH)(webhook)
    return app


class App(NamedTuple):
    """How it is made, and what serves it; ``None``: it is WSGI's, and called without a server."""

    make: Callable[[], Any]
    on: Running | None


APPS: Mapping[str, App] = {
    "bare ASGI": App(bare, on_uvicorn),
    "PaykitApp": App(plain, on_uvicorn),
    "Starlette": App(starlette, on_uvicorn),
    "Starlette with bare ASGI": App(starlette_with_bare, on_uvicorn),
    "Starlette by hand": App(starlette_by_hand, on_uvicorn),
    "FastAPI": App(fastapi, on_uvicorn),
    "FastAPI with bare ASGI": App(fastapi_with_bare, on_uvicorn),
    "FastAPI by hand": App(fastapi_by_hand, on_uvicorn),
    "Litestar": App(litestar, on_uvicorn),
    "Litestar with bare ASGI": App(litestar_with_bare, on_uvicorn),
    "Litestar by hand": App(litestar_by_hand, on_uvicorn),
    "aiohttp": App(aiohttp, on_aiohttp),
    "aiohttp by hand": App(aiohttp_by_hand, on_aiohttp),
    "WSGI": App(wsgi, None),
    "WSGI by hand": App(wsgi_by_hand, None),
    "Flask": App(flask, None),
    "Flask by hand": App(flask_by_hand, None),
}


@asynccontextmanager
async def opened(name: str):
    yield APPS[name].make()


if __name__ == "__main__":
    serve(opened(sys.argv[2]), on=APPS[sys.argv[2]].on)
