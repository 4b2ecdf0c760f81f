"""Endpoints without a server, over the same service: what a notice means is no matter of the mount."""

from paykit.webhooks.asgi import PaykitApp
from paykit.webhooks.fastapi import paykit_router

RETURN_TO = "https://shop.example/thanks?lang=vi"
LIMIT = 64 * 1024


def plain(service, **settings):
    return PaykitApp(service, return_to=RETURN_TO, max_body=LIMIT, **settings)


def fastapi(service):
    from fastapi import FastAPI

    app = FastAPI()
    app.include_router(paykit_router(service, return_to=RETURN_TO, max_body=LIMIT))
    return app


def mounted_in_starlette(service):
    from starlette.applications import Starlette
    from starlette.routing import Mount

    return _below(Starlette(routes=[Mount("/shop/pay", plain(service))]))


def _below(inner):
    async def app(scope, receive, send):
        await inner({**scope, "path": "/shop/pay" + scope["path"]}, receive, send)

    return app
