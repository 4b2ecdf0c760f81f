"""What is particular to a framework: prefixes, names of routes, and what stands before every route."""

import contextlib
import socket
import threading
import time

import pytest

from paykit.webhooks import MountOptions
from paykit.webhooks import aiohttp as on_aiohttp
from paykit.webhooks import fastapi as on_fastapi
from paykit.webhooks import flask as on_flask
from paykit.webhooks import litestar as on_litestar
from paykit.webhooks.asgi import PaykitApp
from paykit.webhooks.wsgi import PaykitWsgi

from .callers import MOMO, VNPAY
from .frameworks import plain_asgi
from .servers import aiohttp_server, uvicorn_server, werkzeug_server
from .site import OPTIONS, RETURN_TO, SENT_TO, Site
from .wire import Sent, exchange


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A service, and nothing mounted."""
    opened = Site(plain_asgi, tmp_path_factory.mktemp("site"))
    yield opened
    opened.close()


def check(shop, url):
    """All that is mounted, below this URL; middleware may add headers of its own."""
    order = shop.order().create()
    told = exchange(url, VNPAY.call(order.number))
    assert (told.status, told.body, told.headers["content-type"]) == VNPAY.taken
    for as_form in (False, True):
        call = MOMO.call(shop.order().number)
        if as_form:  # which is what a check of forms would read
            call = call.without("content-type").having(
                ("content-type", "application/x-www-form-urlencoded")
            )
        told = exchange(url, call)
        assert (told.status, told.body) == (204, b"")
    back = exchange(url, Sent("GET", f"/returns/vnpay?{VNPAY.query(order.number)}"))
    location = f"{SENT_TO}&state=paid&payment_id={order.payment_id}"
    assert (back.status, back.headers["location"]) == (303, location)
    asked = exchange(url, Sent("GET", f"/payments/{order.payment_id}/status"))
    assert (asked.status, asked.headers["content-type"]) == (200, "application/json")
    stream = Sent(
        "GET", f"/payments/{order.payment_id}/status", headers=(("accept", "text/event-stream"),)
    )
    assert asked.body in exchange(url, stream).body
    assert exchange(url, Sent("GET", "/nowhere")).status == 404


# Plain.


@pytest.mark.parametrize("prefix", ["", "/pay", "/pay/"])
@pytest.mark.parametrize("root_path", ["", "/shop"])
def test_asgi_below_a_root_path(shop, prefix, root_path):
    """A proxy that takes /shop away, and tells the server so or not."""
    app = PaykitApp(shop.service, return_to=RETURN_TO, prefix=prefix)
    with uvicorn_server(app, root_path=root_path) as url:
        check(shop, url + prefix.rstrip("/"))


def test_wsgi_at_the_root(shop):
    with werkzeug_server(PaykitWsgi(shop.service, return_to=RETURN_TO)) as url:
        check(shop, url)


def test_limits_may_be_said_in_short(shop):
    app = PaykitApp(shop.service, return_to=RETURN_TO, max_body=10, body_seconds=5.0)
    with uvicorn_server(app) as url:
        assert exchange(url, MOMO.call(0)).status == 413


@pytest.mark.parametrize(
    ("settings", "status"),
    [
        ({"proxy_headers": False}, 403),
        ({"proxy_headers": True}, 204),  # as it does by default, for loopback
        ({"proxy_headers": True, "forwarded_allow_ips": "10.0.0.1"}, 403),
    ],
    ids=str,
)
def test_what_uvicorn_puts_in_place_of_the_peer_counts(shop, settings, status):
    """So either it knows the proxies or the allow list does."""
    app = PaykitApp(shop.service, return_to=RETURN_TO, options=OPTIONS["strangers"])
    call = MOMO.call(shop.order().number).having(("x-forwarded-for", "203.0.113.7"))
    with uvicorn_server(app, **settings) as url:
        assert exchange(url, call).status == status


# FastAPI and Starlette.


@pytest.mark.parametrize("own", ["", "/own"])
@pytest.mark.parametrize("included", ["", "/included"])
@pytest.mark.parametrize("root_path", ["", "/outside"])
def test_fastapi_below_prefixes(shop, own, included, root_path):
    from fastapi import FastAPI, Request

    app = FastAPI()
    router = on_fastapi.paykit_router(shop.service, return_to=RETURN_TO, prefix=own)
    app.include_router(router, prefix=included)

    @app.get("/where")
    def where(request: Request) -> str:
        return request.url_for("paykit_return", account="vnpay").path

    with uvicorn_server(app, root_path=root_path) as url:
        check(shop, f"{url}{included}{own}")
        at = exchange(url, Sent("GET", "/where")).body.decode()
        assert at == f'"{root_path}{included}{own}/returns/vnpay"'


def test_fastapi_behind_middleware(shop):
    from fastapi import FastAPI, Request
    from starlette.middleware.gzip import GZipMiddleware

    app = FastAPI()
    app.include_router(on_fastapi.paykit_router(shop.service, return_to=RETURN_TO, prefix="/pay"))
    app.add_middleware(GZipMiddleware, minimum_size=1)

    @app.middleware("http")
    async def look(request: Request, call_next):
        return await call_next(request)

    with uvicorn_server(app) as url:
        check(shop, f"{url}/pay")


def test_the_schema_of_fastapi_is_the_shops(shop):
    from fastapi import FastAPI

    app = FastAPI()
    app.include_router(on_fastapi.paykit_router(shop.service, return_to=RETURN_TO))
    assert app.openapi()["paths"] == {}


# Litestar.


@contextlib.contextmanager
def litestar(router, *others, **settings):
    from litestar import Litestar

    app = Litestar([router, *others], logging_config=None, **settings)
    with uvicorn_server(app) as url:
        yield url


def test_litestar_behind_its_own_protection(shop):
    from litestar import Router
    from litestar.config.compression import CompressionConfig
    from litestar.config.csrf import CSRFConfig
    from litestar.exceptions import NotAuthorizedException
    from litestar.middleware import AbstractAuthenticationMiddleware, DefineMiddleware
    from litestar.middleware.session.server_side import ServerSideSessionConfig

    class Members(AbstractAuthenticationMiddleware):
        async def authenticate_request(self, connection):
            raise NotAuthorizedException

    inner = on_litestar.paykit_router(shop.service, return_to=RETURN_TO)
    settings = {
        "csrf_config": CSRFConfig(secret="a-secret-of-some-length"),
        "compression_config": CompressionConfig(backend="gzip", minimum_size=1),
        "middleware": [DefineMiddleware(Members), ServerSideSessionConfig().middleware],
    }
    with litestar(Router("/shop", route_handlers=[inner]), **settings) as url:
        check(shop, f"{url}/shop/pay")


def test_litestar_beside_routes_that_begin_alike(shop):
    from litestar import Request, get

    @get("/payments/{number:int}")
    async def payment(request: Request) -> dict[str, int]:
        return request.path_params

    @get("/pay/webhooks-help")
    async def help_page() -> str:
        return "help"

    router = on_litestar.paykit_router(shop.service, return_to=RETURN_TO)
    with litestar(router, payment, help_page) as url:
        check(shop, f"{url}/pay")
        assert exchange(url, Sent("GET", "/payments/7")).body == b'{"number":7}'
        assert exchange(url, Sent("GET", "/pay/webhooks-help")).body == b"help"


@pytest.mark.parametrize("path", ["/", "/a/b/"])
def test_litestar_at_another_path(shop, path):
    router = on_litestar.paykit_router(shop.service, return_to=RETURN_TO, path=path)
    with litestar(router) as url:
        check(shop, url + path.rstrip("/"))


# aiohttp.


@pytest.mark.parametrize("prefix", ["", "/pay"])
def test_aiohttp_in_an_application_below(shop, prefix):
    from aiohttp import web

    @web.middleware
    async def look(request, handler):
        return await handler(request)

    def make():
        inner, app = web.Application(client_max_size=1), web.Application(middlewares=[look])
        inner.add_routes(on_aiohttp.paykit_routes(shop.service, return_to=RETURN_TO, prefix=prefix))
        app.add_subapp("/shop", inner)
        at = inner.router["paykit_return"].url_for(account="vnpay")
        assert str(at) == f"/shop{prefix}/returns/vnpay"
        return app

    with aiohttp_server(make) as url:
        check(shop, f"{url}/shop{prefix}")


def test_two_mounts_in_one_aiohttp(shop):
    from aiohttp import web

    def make():
        app = web.Application()
        for prefix, name in (("/pay/", "paykit"), ("/other", "other")):
            routes = on_aiohttp.paykit_routes(
                shop.service, return_to=RETURN_TO, prefix=prefix, name=name
            )
            app.add_routes(routes)
        assert str(app.router["other_health"].url_for()) == "/other/health"
        return app

    with aiohttp_server(make) as url:
        check(shop, f"{url}/pay")
        check(shop, f"{url}/other")


def taken_before(shop, url):
    """What comes of a body that something has looked at: by its bytes, by a form, and not at all."""
    call = MOMO.call(shop.order().number)
    told = [exchange(url, call.having(("x-look", how))) for how in ("body", "no", "form")]
    large = exchange(url, Sent("POST", "/webhooks/momo", b"x" * 100_000, (("x-look", "body"),)))
    return [(one.status, one.body) for one in told], large.status


GONE_BYTES = b'{"error": "the exact bytes are needed, and something has read them"}'


def test_aiohttp_behind_middleware_that_reads(shop, caplog):
    from aiohttp import web

    @web.middleware
    async def look(request, handler):
        match request.headers.get("x-look"):
            case "body":
                await request.read()
            case "form":
                await request.content.read()
        return await handler(request)

    def make():
        app = web.Application(middlewares=[look], client_max_size=1_000_000)
        options = MountOptions(max_body=64 * 1024)
        app.add_routes(on_aiohttp.paykit_routes(shop.service, return_to=RETURN_TO, options=options))
        return app

    with aiohttp_server(make) as url:
        told = taken_before(shop, f"{url}/pay")
    assert told == ([(204, b""), (204, b""), (500, GONE_BYTES)], 413)
    assert "something has read it before paykit" in caplog.text


# Flask.


def test_flask_behind_what_reads(shop, caplog):
    from flask import request

    app = flask_app()
    options = MountOptions(max_body=64 * 1024)
    app.register_blueprint(
        on_flask.paykit_blueprint(shop.service, return_to=RETURN_TO, options=options),
        url_prefix="/pay",
    )

    @app.before_request
    def look():
        match request.headers.get("x-look"):
            case "body":
                request.get_data()
            case "form":
                request.stream.read()

    with werkzeug_server(app) as url:
        told = taken_before(shop, f"{url}/pay")
    assert told == ([(204, b""), (204, b""), (500, GONE_BYTES)], 413)
    assert "something has read it before paykit" in caplog.text


def test_a_sender_that_is_given_up_holds_no_thread(shop):
    app = PaykitWsgi(
        shop.service, return_to=RETURN_TO, options=MountOptions(body_seconds=0.2), prefix="/pay"
    )
    slow = b"POST /pay/webhooks/momo HTTP/1.1\r\nhost: shop\r\ncontent-length: 9\r\n\r\n{"
    with werkzeug_server(app) as url, contextlib.ExitStack() as stack:
        host, port = url.removeprefix("http://").split(":")
        for _ in range(4):
            sender = stack.enter_context(socket.create_connection((host, int(port)), timeout=20))
            sender.sendall(slow)
            assert sender.recv(99).startswith(b"HTTP/1.1 408 ")
        until = time.monotonic() + 20
        while readers := [one for one in threading.enumerate() if one.name == "paykit-body"]:
            assert time.monotonic() < until, readers
            time.sleep(0.01)


def flask_app():
    from flask import Flask

    app = Flask("shop")
    app.config["SECRET_KEY"] = "a-secret-of-some-length"
    app.config["WTF_CSRF_TIME_LIMIT"] = None
    return app


def blueprint(shop):
    return on_flask.paykit_blueprint(shop.service, return_to=RETURN_TO)


@pytest.mark.parametrize("first", ["csrf", "blueprint"])
@pytest.mark.parametrize("is_nested", [False, True], ids=["alone", "nested"])
def test_flask_with_protected_forms(shop, first, is_nested):
    from flask import Blueprint, session, url_for
    from flask_wtf.csrf import CSRFProtect

    app = flask_app()
    outer = Blueprint("outer", __name__)
    if is_nested:
        outer.register_blueprint(blueprint(shop), url_prefix="/pay")

    if first == "csrf":
        CSRFProtect(app)
    if is_nested:
        app.register_blueprint(outer, url_prefix="/shop")
    else:
        app.register_blueprint(blueprint(shop), url_prefix="/shop/pay")
    if first == "blueprint":
        CSRFProtect(app)

    @app.before_request
    def remember():
        session.permanent = False

    @app.post("/form")
    def form():
        return ""

    with app.test_request_context():
        name = "outer.paykit" if is_nested else "paykit"
        assert url_for(f"{name}.return", account="vnpay") == "/shop/pay/returns/vnpay"
    with werkzeug_server(app) as url:
        # By the very first call the blueprint is exempt, and the shop's own form is not.
        call = MOMO.call(shop.order().number)
        assert exchange(f"{url}/shop/pay", call).status == 204
        assert exchange(url, Sent("POST", "/form")).status == 400
        check(shop, f"{url}/shop/pay")


def test_two_blueprints(shop):
    app = flask_app()
    app.register_blueprint(blueprint(shop), url_prefix="/pay")
    options = MountOptions(max_body=10)
    other = on_flask.paykit_blueprint(
        shop.service, return_to=RETURN_TO, options=options, name="other"
    )
    app.register_blueprint(other, url_prefix="/other")
    with werkzeug_server(app) as url:
        check(shop, f"{url}/pay")
        assert exchange(f"{url}/other", MOMO.call(0)).status == 413
