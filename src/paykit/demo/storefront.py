"""The shop's pages and the little JSON behind them."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import Mapping
from typing import Any, Final

import attrs
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from ..errors import Declined, PaykitError
from ..models import (
    CaptureMode,
    Customer,
    FormPost,
    PaymentRequest,
    PaymentSession,
    PaymentStatus,
    PaymentToken,
    Redirect,
    ShowQr,
)
from ..provider import Capability, Provider
from ..sandbox.edge import UnreadableError, read_form
from ..service import AsyncPaymentService
from . import checkout
from .catalog import PRODUCTS
from .feed import Feed
from .order import Order, OrderStatus
from .orders import OrderClosedError, OrderService
from .pages import Pages
from .settings import DemoSettings
from .views import order_view, transfer_view

log = logging.getLogger("paykit.demo")

_MAX_FORM: Final = 16 * 1024
_SEE_OTHER: Final = 303
_WAYS_TO_PAY: Final = {
    "vnpay": "Bank card, bank account or VNPAY-QR",
    "momo": "The MoMo e-wallet on your phone",
    "zalopay": "The ZaloPay wallet, cards or VietQR",
    "paypal": "Your PayPal account, in US dollars",
    "payos": "Bank transfer on payOS's page",
    "sepaypg": "Card or bank transfer on SePay's page",
    "sepay": "Bank transfer by QR, seen by SePay",
    "casso": "Bank transfer by QR, seen by Casso",
    "vietqr": "Bank transfer by QR, seen by the shop itself",
    "stripe": "Your card, held by Stripe until your goods are set aside",
    "adyen": "Your card, held by Adyen until your goods are set aside",
    "checkoutcom": "Your card, held by Checkout.com until your goods are set aside",
}


class Storefront:
    """Everything that a browser sees of the shop."""

    def __init__(
        self,
        settings: DemoSettings,
        *,
        service: AsyncPaymentService,
        orders: OrderService,
        feed: Feed,
    ) -> None:
        self._settings = settings
        self._service = service
        self._orders = orders
        self._feed = feed
        self._pages = Pages(settings)
        self._cards = frozenset(
            key for key, provider in service.providers.items() if provider.name in checkout.CARDS
        )

    def routes(self) -> list[Route]:
        """The routes of the shop."""
        return [
            Route("/", self._index),
            Route("/products/{slug}", self._product),
            Route("/checkout", self._checkout),
            Route("/checkout", self._buy, methods=["POST"]),
            Route("/thank-you", self._thank_you),
            Route("/orders/{order_id}.json", self._order_json),
            Route("/orders/{order_id}", self._order),
            Route("/orders/{order_id}/pay", self._pay_again, methods=["POST"]),
            Route("/events", self._events),
            Route("/events/rows", self._event_rows),
            Route("/events.json", self._events_json),
        ]

    async def not_found(self, _request: Request, _error: Exception) -> Response:
        """The page for addresses that lead nowhere."""
        return self._pages.message(
            "There is no such page", "It may have moved, or never been here.", status=404
        )

    # Choosing and buying.

    async def _index(self, _request: Request) -> Response:
        return self._pages.render("index.html", products=list(PRODUCTS.values()))

    async def _product(self, request: Request) -> Response:
        product = PRODUCTS.get(request.path_params["slug"])
        if product is None:
            return await self.not_found(request, LookupError())
        return self._pages.render(
            "product.html", product=product, quantities=list(checkout.QUANTITIES)
        )

    async def _checkout(self, request: Request) -> Response:
        form = checkout.begin(request.query_params)
        if form is None:
            return await self.not_found(request, LookupError())
        return self._checkout_page(form)

    async def _buy(self, request: Request) -> Response:
        form = checkout.read(
            await _form(request), providers=self._service.providers, cards=self._cards
        )
        if form is None:
            return await self.not_found(request, LookupError())
        if form.problems:
            return self._checkout_page(form, status=422)
        order = self._orders.place(
            form.product,
            quantity=form.quantity,
            customer=form.name,
            provider=form.provider,
            card=checkout.mask(form.card_token) if form.card_token else None,
        )
        return await self._to_provider(order, request, form.card_token)

    def _checkout_page(self, form: checkout.Checkout, *, status: int = 200) -> Response:
        return self._pages.render("checkout.html", form=form, ways=self._ways(), status=status)

    async def _pay_again(self, request: Request) -> Response:
        order = self._orders.get(request.path_params["order_id"])
        if order is None:
            return await self.not_found(request, LookupError())
        fields = await _form(request)
        provider = fields.get("provider", order.provider)
        if provider not in self._service.providers:
            provider = order.provider
        token = checkout.read_token(fields) if provider in self._cards else ""
        if order.status is OrderStatus.PAYMENT_FAILED and provider in self._cards and not token:
            return await self._order_page(order, notice=checkout.NO_CARD, status=422)
        try:
            card = checkout.mask(token) if token else None
            order = self._orders.pay_again(order, provider=provider, card=card)
        except OrderClosedError:
            return self._to_order(order)
        # An open attempt goes on where it began, whatever was chosen now: its token is no other's.
        return await self._to_provider(order, request, token if order.provider == provider else "")

    async def _to_provider(self, order: Order, request: Request, token: str = "") -> Response:
        """Create the payment of the order's attempt, and send the browser to the provider."""
        if order.provider in self._cards:
            return await self._by_card(order, request, token)
        try:
            session = await self._service.create(
                self._request_for(order, request), provider=order.provider
            )
        except PaykitError as error:
            # The order stays open, and going on with it uses the same reference.
            log.warning("no payment for order %s: %s", order.order_id, error)
            title = self._title(order)
            return await self._order_page(
                order,
                notice=f"{title} cannot be reached just now. Please go on in a moment.",
                status=502,
            )
        return self._onward(order, session)

    async def _by_card(self, order: Order, request: Request, token: str) -> Response:
        """Hold the money on the card; the payment worker takes it when the goods are set aside."""
        try:
            if token:
                asked = attrs.evolve(
                    self._request_for(order, request),
                    capture=CaptureMode.MANUAL,
                    token=PaymentToken(provider=self._provider(order).name, value=token),
                )
                session = await self._service.create(asked, provider=order.provider)
            else:  # going on with 3-D Secure, where the token was used before
                found = await self._service.session(order.payment_id or "")
                if found is None:
                    return self._to_order(order)
                session = found
        except Declined as error:
            log.info("the card for order %s was declined: %s", order.order_id, error.reason)
            return self._to_order(order)  # which hears of it as of any other payment's end
        except PaykitError as error:
            log.warning("no payment for order %s: %s", order.order_id, error)
            self._orders.payment_not_started(order.order_id, reference=order.reference)
            return self._to_order(order)
        return self._onward(order, session)

    def _onward(self, order: Order, session: PaymentSession) -> Response:
        """To what the payer has to do now."""
        self._orders.payment_started(
            order.order_id, reference=order.reference, payment_id=session.payment_id
        )
        match session.next:
            case Redirect(url=url):
                return RedirectResponse(url, _SEE_OTHER)
            case FormPost():
                return self._pages.render(
                    "form_post.html", form=session.next, title=self._title(order)
                )
        # The page of the order shows the code, or there is nothing for the payer to do.
        return self._to_order(order)

    def _to_order(self, order: Order) -> Response:
        return RedirectResponse(f"/orders/{order.order_id}", _SEE_OTHER)

    def _request_for(self, order: Order, request: Request) -> PaymentRequest:
        return PaymentRequest(
            reference=order.reference,
            order_id=order.order_id,
            amount=order.charge,
            description=f"Order {order.order_id}",
            return_url=self._return_url(order),
            locale="en",
            customer=Customer(ip=_ip(request)),
        )

    def _return_url(self, order: Order) -> str:
        """Where the payer comes back to: what cannot be proven goes straight to the order."""
        can = self._provider(order).capabilities
        path = f"/orders/{order.order_id}?returned=1"
        if Capability.VERIFY_RETURN in can:
            path = f"/pay/returns/{order.provider}"
        return f"{self._settings.shop_url}{path}"

    # After paying.

    async def _thank_you(self, request: Request) -> Response:
        """Where the browser comes back to. It shows the order and changes nothing."""
        record = await self._service.status(request.query_params.get("payment_id", ""))
        order = self._orders.get(record.order_id) if record else None
        if order is None:
            return self._pages.message(
                "We do not recognise this return",
                "Your order is not affected: it is confirmed when the payment provider tells us "
                "that the money has arrived.",
                status=400,
            )
        return await self._order_page(order, returned=True)

    async def _order(self, request: Request) -> Response:
        order = self._orders.get(request.path_params["order_id"])
        if order is None:
            return await self.not_found(request, LookupError())
        return await self._order_page(order, returned="returned" in request.query_params)

    async def _order_json(self, request: Request) -> Response:
        order = self._orders.get(request.path_params["order_id"])
        if order is None:
            return JSONResponse({"error": "there is no such order"}, status_code=404)
        view = order_view(order, provider_title=self._title(order))
        return JSONResponse(view, headers={"Cache-Control": "no-store"})

    async def _order_page(
        self, order: Order, *, returned: bool = False, notice: str = "", status: int = 200
    ) -> Response:
        payment = await self._service.status(order.payment_id) if order.payment_id else None
        session = await self._service.session(order.payment_id) if order.payment_id else None
        code = session.next if session and isinstance(session.next, ShowQr) else None
        return self._pages.render(
            "order.html",
            status=status,
            order=order,
            payment=payment,
            asked=payment is not None and payment.status is PaymentStatus.REQUIRES_ACTION,
            # Drawing takes some milliseconds, in which other requests would have to wait.
            code=await asyncio.to_thread(transfer_view, code.payload)
            if code and order.open
            else None,
            view=order_view(order, provider_title=self._title(order)),
            provider_title=self._title(order),
            way=f"Card ({self._title(order)})" if order.card else self._title(order),
            ways=self._ways(),
            returned=returned,
            notice=notice,
        )

    # Behind the scenes.

    async def _events(self, _request: Request) -> Response:
        return self._pages.render("events.html", entries=list(self._feed))

    async def _event_rows(self, request: Request) -> Response:
        return self._pages.render("event_rows.html", entries=self._feed.after(_after(request)))

    async def _events_json(self, request: Request) -> Response:
        events = [
            {"number": entry.number, "name": entry.name, "data": entry.data}
            for entry in self._feed.after(_after(request))
        ]
        return JSONResponse({"events": events}, headers={"Cache-Control": "no-store"})

    def _title(self, order: Order) -> str:
        return self._provider(order).info.title

    def _provider(self, order: Order) -> Provider:
        return self._service.providers[order.provider]

    def _ways(self) -> list[Mapping[str, Any]]:
        return [
            {
                "key": key,
                "title": f"Card ({provider.info.title})"
                if key in self._cards
                else provider.info.title,
                "mark": provider.info.title[:2],
                "text": _WAYS_TO_PAY[provider.name],
                "gateway": provider.name if key in self._cards else None,
            }
            for key, provider in self._service.providers.items()
        ]


async def _form(request: Request) -> dict[str, str]:
    try:
        return await read_form(request, _MAX_FORM)
    except UnreadableError:
        return {}


def _ip(request: Request) -> str:
    """The payer's address, which VNPay wants; test clients and sockets may have none."""
    host = request.client.host if request.client else ""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return "127.0.0.1"


def _after(request: Request) -> int:
    text = request.query_params.get("after", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0  # noqa: PLR2004
