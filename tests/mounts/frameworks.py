"""The ways in which an application takes the endpoints up, each on a real server.

``FRAMEWORKS`` has a context manager for each: ``mount(service, return_to=…, options=…)`` gives the
URL below which the endpoints are. One more framework is one more entry.
"""

import contextlib

from aiohttp import web
from fastapi import APIRouter, FastAPI
from flask import Flask
from litestar import Litestar
from starlette.applications import Starlette
from starlette.routing import Mount
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from paykit.webhooks import aiohttp, fastapi, flask, litestar
from paykit.webhooks.asgi import PaykitApp
from paykit.webhooks.wsgi import PaykitWsgi

from .in_django import django_asgi, django_wsgi
from .servers import aiohttp_server, uvicorn_server, werkzeug_server

PREFIX = "/shop/pay"


@contextlib.contextmanager
def plain_asgi(service, *, return_to, options):
    app = PaykitApp(service, return_to=return_to, options=options, prefix=PREFIX)
    with uvicorn_server(app, http="h11") as url:
        yield url + PREFIX


@contextlib.contextmanager
def in_starlette(service, *, return_to, options):
    app = PaykitApp(service, return_to=return_to, options=options)
    with uvicorn_server(Starlette(routes=[Mount(PREFIX, app)])) as url:
        yield url + PREFIX


@contextlib.contextmanager
def in_fastapi(service, *, return_to, options):
    shop, app = APIRouter(), FastAPI()
    shop.include_router(
        fastapi.paykit_router(service, return_to=return_to, options=options), prefix="/pay"
    )
    app.include_router(shop, prefix="/shop")
    with uvicorn_server(app) as url:
        yield url + PREFIX


@contextlib.contextmanager
def in_litestar(service, *, return_to, options):
    router = litestar.paykit_router(service, return_to=return_to, options=options, path=PREFIX)
    with uvicorn_server(Litestar([router], logging_config=None)) as url:
        yield url + PREFIX


@contextlib.contextmanager
def in_aiohttp(service, *, return_to, options):
    def make():
        app = web.Application(client_max_size=10)
        app.add_routes(
            aiohttp.paykit_routes(service, return_to=return_to, options=options, prefix=PREFIX)
        )
        return app

    with aiohttp_server(make) as url:
        yield url + PREFIX


@contextlib.contextmanager
def plain_wsgi(service, *, return_to, options):
    app = PaykitWsgi(service, return_to=return_to, options=options)
    with werkzeug_server(DispatcherMiddleware(_nothing, {PREFIX: app})) as url:
        yield url + PREFIX


def _nothing(_environ, start_response):
    start_response("404 Not Found", [])
    return []


@contextlib.contextmanager
def in_flask(service, *, return_to, options):
    app = Flask("shop")
    app.config["MAX_CONTENT_LENGTH"] = 10
    app.register_blueprint(
        flask.paykit_blueprint(service, return_to=return_to, options=options), url_prefix=PREFIX
    )
    with werkzeug_server(app) as url:
        yield url + PREFIX


FRAMEWORKS = {
    "asgi": plain_asgi,
    "starlette": in_starlette,
    "fastapi": in_fastapi,
    "litestar": in_litestar,
    "aiohttp": in_aiohttp,
    "wsgi": plain_wsgi,
    "flask": in_flask,
    "django": django_wsgi,
    "django-asgi": django_asgi,
}
#: Those that run on an event loop, and take an async service as well.
ASYNC = ("asgi", "starlette", "fastapi", "litestar", "aiohttp", "django-asgi")
