"""The endpoints as a plain ASGI app: mount it anywhere, no framework needed.

::

    app = PaykitApp(service, return_to="https://shop.example/thanks")

Starlette: ``Mount("/pay", app)``. It adds nothing to the rules of
:mod:`~paykit.webhooks.receiver`; it only reads requests and writes replies.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from ..errors import ConfigurationError
from ..http import Delivery, Reply
from ..models import Redirect
from ..provider import Outcome
from .receiver import (
    BODY_SECONDS,
    MAX_BODY,
    Endpoint,
    Route,
    check_return_to,
    error_reply,
    find_route,
    onward_reply,
    refuse_head,
    return_reply,
    status_reply,
    too_large,
)

if TYPE_CHECKING:
    from ..service import AsyncPaymentService, PaymentRecord, PaymentService, Receipt, ReturnInfo

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

log = logging.getLogger("paykit.webhooks")


class PaykitApp:
    """An ASGI app over a payment service, blocking or async.

    ``return_to`` is where browsers go after a return; it gets ``?state=…&payment_id=…``.
    ``max_body`` is in bytes, ``body_seconds`` bounds a slow sender.
    """

    def __init__(
        self,
        service: AsyncPaymentService | PaymentService,
        *,
        return_to: str,
        max_body: int = MAX_BODY,
        body_seconds: float = BODY_SECONDS,
    ) -> None:
        if max_body <= 0 or body_seconds <= 0:
            raise ConfigurationError("max_body and body_seconds must be more than nothing")
        self._service = service
        self._return_to = check_return_to(return_to)
        self._max_body = max_body
        self._body_seconds = body_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        if scope["type"] != "http":
            raise ConfigurationError("PaykitApp answers HTTP only")
        reply = await self.answer(scope, receive)
        if reply is not None:
            await _send(reply, send)

    async def answer(self, scope: Scope, receive: Receive) -> Reply | None:
        """The reply to one HTTP request, or ``None`` when the client has gone."""
        route = find_route(_path_below_mount(scope))
        if route is None:
            return error_reply(404, "there is nothing here")
        return await self.answer_route(route, scope, receive)

    async def answer_route(self, route: Route, scope: Scope, receive: Receive) -> Reply | None:
        """As :meth:`answer`, for a router that has found the route by itself."""
        headers = [
            (name.decode("latin-1").lower(), value.decode("latin-1"))
            for name, value in scope["headers"]
        ]
        query = scope.get("query_string", b"")
        refusal = refuse_head(
            route,
            method=scope["method"],
            headers=dict(headers),
            query=query,
            providers=self._service.providers,
            max_body=self._max_body,
        )
        if refusal is not None:
            return refusal
        if route.endpoint is Endpoint.STATUS:
            return await self._status(route.name, dict(headers).get("if-none-match"))
        try:
            async with asyncio.timeout(self._body_seconds):
                body = await _read(receive, self._max_body)
        except TimeoutError:
            return error_reply(408, "the body took too long")
        if body is _TOO_LARGE:
            return too_large(self._max_body)
        if body is _GONE:
            return None
        delivery = Delivery(scope["method"], scope["path"], query, tuple(headers), body)
        if route.endpoint is Endpoint.RETURN:
            return await self._return(delivery, route.name)
        return await self._webhook(delivery, route.name)

    async def _webhook(self, delivery: Delivery, account: str) -> Reply:
        try:
            receipt: Receipt = await self._call("receive", delivery, provider=account)
        except Exception:
            # A fault of ours: nothing is stored, so the provider must come again.
            log.exception("a delivery for %s failed inside", account)
            return self._service.providers[account].reply(Outcome.TRY_AGAIN)
        return receipt.reply

    async def _return(self, delivery: Delivery, account: str) -> Reply:
        try:
            info: ReturnInfo = await self._call("receive_return", delivery, provider=account)
        except Exception:
            # The payer cannot help it, and the webhook settles the payment all the same.
            log.exception("a browser return for %s failed inside", account)
            return return_reply(self._return_to, verified=False, payment_id=None, status=None)
        if isinstance(info.onward, Redirect):
            return onward_reply(info.onward.url)
        record = info.record
        return return_reply(
            self._return_to,
            verified=info.verified,
            payment_id=record.payment_id if record else None,
            status=record.status if record else None,
        )

    async def _status(self, payment_id: str, if_none_match: str | None) -> Reply:
        record: PaymentRecord | None = await self._call("status", payment_id)
        if record is None:
            return error_reply(404, "there is no such payment")
        return status_reply(
            record.payment_id,
            record.status,
            record.amount,
            final=record.final,
            if_none_match=if_none_match,
        )

    async def _call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        function = getattr(self._service, method)
        if inspect.iscoroutinefunction(function):
            return await function(*args, **kwargs)
        return await asyncio.to_thread(function, *args, **kwargs)


_TOO_LARGE: Final = cast("bytes", object())
_GONE: Final = cast("bytes", object())


async def _read(receive: Receive, limit: int) -> bytes:
    chunks = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return _GONE
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            return _TOO_LARGE
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


async def _send(reply: Reply, send: Send) -> None:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers]
    if reply.content_type is not None:
        headers.append((b"content-type", reply.content_type.encode("latin-1")))
    if reply.status not in {204, 304}:
        headers.append((b"content-length", str(len(reply.body)).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def _path_below_mount(scope: Scope) -> str:
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", "").rstrip("/"))
