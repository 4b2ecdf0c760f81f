"""The endpoints as a FastAPI router: ``app.include_router(paykit_router(service, …))``."""

from __future__ import annotations

import attrs
from fastapi import APIRouter
from starlette.routing import Route

from .asgi import PaykitApp, Receive, Scope, Send
from .endpoints import Mountable
from .options import MountOptions
from .receiver import PATHS, Endpoint


@attrs.frozen
class _One:
    """One of the endpoints as an ASGI app: paykit reads the body itself, byte by byte."""

    app: PaykitApp
    path: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = self.path.replace("{}", scope["path_params"].get("name", ""))
        await self.app.answer(scope, receive, send, path=path)


def paykit_router(
    service: Mountable,
    *,
    return_to: str,
    prefix: str = "",
    options: MountOptions | None = None,
    max_body: int | None = None,
    body_seconds: float | None = None,
) -> APIRouter:
    """Webhooks, returns and status under ``prefix``; see :class:`~paykit.webhooks.asgi.PaykitApp`.

    The body is read by paykit itself, so no middleware or model may read it before.
    """
    app = PaykitApp(
        service,
        return_to=return_to,
        options=options,
        max_body=max_body,
        body_seconds=body_seconds,
    )
    router = APIRouter(prefix=prefix)
    for endpoint, path in PATHS.items():
        # Every method is routed, so that a wrong one gets the receiver's 405 and not FastAPI's.
        own = path.replace("{}", "{name:path}" if endpoint is Endpoint.ORDER else "{name}")
        router.routes.append(Route(prefix + own, _One(app, path)))
    return router
