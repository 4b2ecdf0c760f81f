"""The gateway's addresses: the form's target, the page, the order API, and the IPN.

https://developer.sepay.vn/en/cong-thanh-toan
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from typing import TYPE_CHECKING, Any, ClassVar, Final

from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from ...http import HttpRequest, HttpResponse
from ...money import Money
from ..deliveries import RetryRule, Verdict
from ..edge import UnreadableError, read_json, remember
from ..edge import read_form as read_fields
from .state import METHODS, Order, read_form

if TYPE_CHECKING:
    from starlette.requests import Request

    from ..config import SandboxConfig
    from ..deliveries import Deliveries
    from ..faults import Faults
    from ..pages import Pages
    from ..summary import PaymentSummary

_SEE_OTHER: Final = 303
_OK: Final = 200
#: What the payer can choose: the order's status then, and where the browser goes.
_ENDS: Final = {
    "pay": ("CAPTURED", "success_url"),
    "fail": ("", "error_url"),
    "cancel": ("CANCELLED", "cancel_url"),
}


class SePayGatewaySimulator:
    """One merchant: its orders in memory, and the routes under ``/sepaypg``."""

    name: ClassVar = "sepaypg"
    title: ClassVar = "SePay gateway"

    def __init__(
        self, config: SandboxConfig, *, deliveries: Deliveries, faults: Faults, pages: Pages
    ) -> None:
        del faults
        self._config = config
        self._merchant = config.sepaypg
        self._deliveries = deliveries
        self._pages = pages
        self._orders: dict[str, Order] = {}

    def routes(self) -> list[Route]:
        """The routes, relative to the mount."""
        return [
            Route("/v1/checkout/init", self._open, methods=["POST"]),
            Route("/v1/checkout/page", self._show),
            Route("/v1/checkout/choose", self._choose, methods=["POST"]),
            Route("/v1/order/detail/{invoice}", self._detail),
            Route("/v1/order/voidTransaction", self._void, methods=["POST"]),
            Route("/v1/order/cancel", self._cancel, methods=["POST"]),
        ]

    def summaries(self) -> list[PaymentSummary]:
        """The orders in a line each, the oldest first."""
        return [order.summary(self._page_url(order)) for order in self._orders.values()]

    def _page_url(self, order: Order) -> str:
        return f"{self._config.public_url}/sepaypg/v1/checkout/page?token={order.token}"

    # The payer.

    async def _open(self, request: Request) -> Response:
        try:
            form = read_form(await read_fields(request, self._config.max_body), self._merchant)
            order = self._order_of(form)
        except UnreadableError as error:
            return JSONResponse({"message": str(error)}, status_code=400)
        return RedirectResponse(self._page_url(order), status_code=_SEE_OTHER)

    def _order_of(self, form: dict[str, str]) -> Order:
        """The order of a form: a new one, or the one that it already opened and nobody paid."""
        known = self._orders.get(form["order_invoice_number"])
        if known is not None:
            if known.form != form or known.status:
                raise UnreadableError("order_invoice_number was used before")
            return known
        order = Order(
            id=self._config.new_id(),
            token=self._config.new_id(),
            form=form,
            created_at=self._config.clock(),
        )
        remember(self._orders, order.invoice, order, keep=self._config.keep)
        return order

    def _by_token(self, token: str) -> Order | None:
        return next((one for one in self._orders.values() if one.token == token), None)

    async def _show(self, request: Request) -> Response:
        order = self._by_token(request.query_params.get("token", ""))
        if order is None:
            return self._pages.not_found()
        return self._pages.render(
            "sepaypg_pay.html",
            order=order,
            amount=Money(order.amount, "VND").format(),
            methods=_methods(order),
        )

    async def _choose(self, request: Request) -> Response:
        try:
            form = await read_fields(request, self._config.max_body)
        except UnreadableError:
            form = {}
        order = self._by_token(form.get("token", ""))
        if order is None or form.get("outcome") not in _ENDS:
            return self._pages.not_found()
        status, field = _ENDS[form["outcome"]]
        if order.status:  # a second click only repeats where the browser goes
            field = "success_url" if order.status == "CAPTURED" else "cancel_url"
        elif status:
            order.status = status
            order.finished_at = self._config.clock()
            if status == "CAPTURED":
                offered = _methods(order)
                chosen = form.get("method", "")
                order.method = chosen if chosen in offered else offered[0]
                order.transaction_id = self._config.new_id()[:13]
                self._notify(order, "ORDER_PAID")
        target = order.form.get(field) or self._page_url(order)
        return RedirectResponse(target, status_code=_SEE_OTHER)

    def _notify(self, order: Order, kind: str) -> None:
        body = {
            "timestamp": int(self._config.clock().timestamp()),
            "notification_type": kind,
            "order": order.told(),
            "transaction": order.transaction(),
            "customer": None,
            "agreement": None,
        }
        self._deliveries.enqueue(
            HttpRequest.post_json(
                self._merchant.ipn_url, body, headers={"X-Secret-Key": self._merchant.ipn_secret}
            ),
            provider="sepaypg",
            reference=order.invoice,
            rule=RetryRule(
                delays=self._merchant.retry_after,
                timeout=self._merchant.timeout,
                judge=judge,
            ),
        )

    # The merchant's calls.

    async def _detail(self, request: Request) -> Response:
        refusal = self._refuse(request)
        if refusal:
            return refusal
        order = self._orders.get(request.path_params["invoice"])
        if order is None:
            return _no(404, "Order not found")
        transactions = [order.transaction()] if order.transaction_id else []
        return JSONResponse({"data": {**order.told(), "transactions": transactions}})

    async def _void(self, request: Request) -> Response:
        """Only a card payment that was not voided before can be undone."""
        order = await self._named(request)
        if isinstance(order, Response):
            return order
        if order.status != "CAPTURED" or order.voided or order.method != "CARD":
            return _no(400, "The transaction cannot be voided")
        order.voided = True
        self._notify(order, "TRANSACTION_VOID")
        return JSONResponse({"message": "Transaction voided successfully"})

    async def _cancel(self, request: Request) -> Response:
        order = await self._named(request)
        if isinstance(order, Response):
            return order
        if order.status not in {"", "CANCELLED"}:
            return _no(400, "The order cannot be cancelled")
        order.status = "CANCELLED"
        return JSONResponse({"message": "Order cancelled successfully"})

    async def _named(self, request: Request) -> Order | Response:
        """The order that a call names, or what is wrong with the call."""
        refusal = self._refuse(request)
        if refusal:
            return refusal
        try:
            body: dict[str, Any] = await read_json(request, self._config.max_body)
        except UnreadableError as error:
            return _no(400, str(error))
        order = self._orders.get(str(body.get("order_invoice_number")))
        return _no(404, "Order not found") if order is None else order

    def _refuse(self, request: Request) -> Response | None:
        pair = f"{self._merchant.merchant_id}:{self._merchant.secret_key}"
        wanted = f"Basic {b64encode(pair.encode()).decode()}"
        given = request.headers.get("authorization", "")
        if hmac.compare_digest(wanted.encode(), given.encode()):
            return None
        return _no(401, "Unauthorized")


def _methods(order: Order) -> list[str]:
    asked = order.form.get("payment_method")
    return [asked] if asked else list(METHODS)


def _no(status: int, message: str) -> Response:
    return JSONResponse({"message": message}, status_code=status)


def judge(response: HttpResponse) -> Verdict:
    """HTTP 200 ends it."""
    return Verdict(settled=response.status == _OK, note=f"HTTP {response.status}")
