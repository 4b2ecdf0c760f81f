"""The endpoints as a FastAPI router: ``app.include_router(paykit_router(service, …))``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response

from .asgi import PaykitApp
from .receiver import BODY_SECONDS, MAX_BODY, Endpoint, Route

if TYPE_CHECKING:
    from ..service import AsyncPaymentService, PaymentService

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]


def paykit_router(
    service: AsyncPaymentService | PaymentService,
    *,
    return_to: str,
    prefix: str = "",
    max_body: int = MAX_BODY,
    body_seconds: float = BODY_SECONDS,
) -> APIRouter:
    """Webhooks, returns and status under ``prefix``; see :class:`~paykit.webhooks.asgi.PaykitApp`.

    The body is read by paykit itself, so no middleware or model may read it before.
    """
    app = PaykitApp(service, return_to=return_to, max_body=max_body, body_seconds=body_seconds)
    router = APIRouter(prefix=prefix, tags=["paykit"])

    async def answer(endpoint: Endpoint, name: str, request: Request) -> Response:
        reply = await app.answer_route(Route(endpoint, name), request.scope, request.receive)
        if reply is None:
            return Response(status_code=499)  # the client has gone; nobody reads this
        return Response(
            reply.body, reply.status, headers=dict(reply.headers), media_type=reply.content_type
        )

    async def webhook(account: str, request: Request) -> Response:
        return await answer(Endpoint.WEBHOOK, account, request)

    async def browser_return(account: str, request: Request) -> Response:
        return await answer(Endpoint.RETURN, account, request)

    async def status(payment_id: str, request: Request) -> Response:
        return await answer(Endpoint.STATUS, payment_id, request)

    # Every method is routed, so that a wrong one gets the receiver's 405 and not FastAPI's.
    router.add_api_route("/webhooks/{account}", webhook, methods=_METHODS, include_in_schema=False)
    router.add_api_route(
        "/returns/{account}", browser_return, methods=_METHODS, include_in_schema=False
    )
    router.add_api_route("/payments/{payment_id}/status", status, methods=["GET"])
    return router
