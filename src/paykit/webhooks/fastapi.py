"""The endpoints as a FastAPI router: ``app.include_router(paykit_router(service, …))``."""

from __future__ import annotations

import attrs
from fastapi import APIRouter
from starlette.routing import Route

from .asgi import PaykitApp, Receive, Scope, Send
from .endpoints import Mountable
from .options import MountOptions
from .receiver import PATHS


@attrs.frozen
class _One:
    """One of the endpoints as an ASGI app: paykit reads the body itself, byte by byte."""

    app: PaykitApp
    path: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = self.path.format_map(scope["path_params"])
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
    """All endpoints under ``prefix``; see :class:`~paykit.webhooks.asgi.PaykitApp`.

    The body is read by paykit itself, so no middleware or model may read it before. The routes
    have names, ``paykit_webhook`` and so on: ``request.url_for("paykit_return", account="vnpay")``.
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
        own = prefix + path.replace("}", ":path}")
        router.routes.append(Route(own, _One(app, path), name=f"paykit_{endpoint}"))
    return router
