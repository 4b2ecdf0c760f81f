"""PayPal's addresses: the API, the certificates, the payer's page, and the desk behind it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, ClassVar, Final

from cryptography.hazmat.primitives.serialization import Encoding
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from ..edge import UnreadableError, read_body, read_form
from . import checkout
from .books import Books
from .desk import Desk, possible
from .endpoints import endpoints
from .gateway import Answer, Call, Gateway
from .ids import Ids
from .notices import Notices
from .orders import Orders
from .payments import Payments
from .texts import ACTIONS, TEXTS
from .tokens import Tokens
from .views import Views
from .webhooks import Webhooks

if TYPE_CHECKING:
    from starlette.requests import Request

    from ..config import SandboxConfig
    from ..deliveries import Deliveries
    from ..faults import Faults
    from ..pages import Pages
    from ..summary import PaymentSummary
    from .state import Order

_SEE_OTHER: Final = 303
_PEM: Final = "application/x-pem-file"


class PayPalSimulator:
    """PayPal for one business account: its books in memory, and the routes under ``/paypal``."""

    name: ClassVar = "paypal"
    title: ClassVar = "PayPal"

    def __init__(
        self, config: SandboxConfig, *, deliveries: Deliveries, faults: Faults, pages: Pages
    ) -> None:
        base, keep = f"{config.public_url}/{self.name}", config.keep
        ids = Ids(config.new_id)
        self._config = config
        self._account = config.paypal
        self._pages = pages
        self._books = Books(keep=keep)
        self._views = Views(config.paypal, base)
        self._notices = Notices(
            config.paypal, views=self._views, ids=ids, deliveries=deliveries, keep=keep
        )
        self._desk = Desk(books=self._books, ids=ids, notices=self._notices)
        orders = Orders(
            config=config.paypal,
            books=self._books,
            ids=ids,
            views=self._views,
            notices=self._notices,
        )
        self._endpoints = endpoints(
            orders,
            Payments(orders=orders, faults=faults),
            Webhooks(config=config.paypal, base=base, notices=self._notices),
        )
        self._gateway = Gateway(
            self._endpoints,
            tokens=Tokens(config.paypal, ids=ids, keep=keep),
            ids=ids,
            views=self._views,
            desk=self._desk,
            keep=keep,
        )

    def routes(self) -> list[Route]:
        """The routes, relative to the mount."""
        operations = [
            Route(endpoint.path, self._operation(name), methods=[endpoint.method])
            for name, endpoint in self._endpoints.items()
        ]
        return [
            Route("/v1/oauth2/token", self._token, methods=["POST"]),
            *operations,
            Route("/v1/notifications/certs/{id}", self._certificate),
            Route("/checkoutnow", self._show),
            Route("/checkoutnow", self._choose, methods=["POST"]),
            Route("/_sandbox/root.pem", self._root),
            Route("/_sandbox/orders/{id}", self._show_desk),
            Route("/_sandbox/{id}/{action}", self._act, methods=["POST"]),
        ]

    def summaries(self) -> list[PaymentSummary]:
        """The payments in a line each, the oldest first."""
        now = self._config.clock()
        self._desk.catch_up(now)
        return self._books.summaries(now, page=self._views.page, desk=self._desk_url)

    def _desk_url(self, order: Order) -> str:
        return f"{self._views.base}/_sandbox/orders/{order.id}"

    def _operation(self, name: str) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            call = await self._call(request)
            return _response(self._gateway.answer(name, call, self._config.clock()))

        return endpoint

    async def _call(self, request: Request) -> Call:
        try:
            body = await read_body(request, self._config.max_body)
        except UnreadableError:
            body = None
        return Call(headers=dict(request.headers), body=body, id=request.path_params.get("id", ""))

    async def _token(self, request: Request) -> Response:
        try:
            form = await read_form(request, self._config.max_body)
        except UnreadableError:
            form = {}
        call = Call(headers=dict(request.headers))
        return _response(self._gateway.token(call, form, self._config.clock()))

    async def _certificate(self, request: Request) -> Response:
        found = self._account.authority.certificate(request.path_params["id"])
        if found is None:
            return PlainTextResponse("There is no such certificate.", status_code=404)
        pem = found.public_bytes(Encoding.PEM)
        headers = {"Cache-Control": "max-age=86400"}
        return Response(pem, media_type=_PEM, headers=headers)

    async def _root(self, _request: Request) -> Response:
        return Response(self._account.root_certificate_pem, media_type=_PEM)

    def _order(self, order_id: str) -> Order | None:
        order = self._books.order(order_id)
        return None if order is None or order.gone(self._config.clock()) else order

    async def _show(self, request: Request) -> Response:
        order = self._order(request.query_params.get("token", ""))
        return self._page(order) if order else self._pages.not_found()

    def _page(self, order: Order, *, canceled: bool = False) -> Response:
        text = TEXTS["vi" if str(order.context.get("locale", "")).startswith("vi") else "en"]
        state = ""
        if order.completed:
            state = text["finished"]
        elif order.funding:
            state = text["approved"]
        elif canceled:
            state = text["canceled"]
        return self._pages.render(
            "paypal_approve.html",
            order=order,
            description=_description(order),
            fundings=checkout.fundings(order),
            amount=order.amount.format(),
            merchant=order.context.get("brand_name") or self._account.merchant_name,
            state=state,
            back=checkout.return_url(order, "pay"),
            text=text,
        )

    async def _choose(self, request: Request) -> Response:
        try:
            form = await read_form(request, self._config.max_body)
        except UnreadableError:
            form = {}
        order, choice = self._order(form.get("token", "")), form.get("outcome", "")
        if order is None or choice not in checkout.CHOICES:
            return self._pages.not_found()
        # A second click only repeats where the browser goes.
        if not (order.completed or order.funding) and choice == "pay":
            now = self._config.clock()
            lifetime = self._account.order_lifetime
            checkout.approve(order, form.get("method", ""), now=now, lifetime=lifetime)
            self._notices.approved(order, now)
        approved = order.completed or order.funding is not None
        target = checkout.return_url(order, "pay" if approved else "cancel")
        if target is None:
            return self._page(order, canceled=not approved)
        return RedirectResponse(target, status_code=_SEE_OTHER)

    async def _show_desk(self, request: Request) -> Response:
        order = self._books.order(request.path_params["id"])
        if order is None:
            return self._pages.not_found()
        now = self._config.clock()
        self._desk.catch_up(now)
        return self._pages.render(
            "paypal_desk.html",
            order=order,
            state="gone" if order.gone(now) else order.status,
            authorizations=list(order.authorizations()),
            captures=list(order.captures()),
            now=now,
            possible=possible,
            actions=ACTIONS,
        )

    async def _act(self, request: Request) -> Response:
        now = self._config.clock()
        self._desk.catch_up(now)
        thing = self._desk.find(request.path_params["id"])
        if thing is None:
            return JSONResponse({"error": "there is no such object"}, status_code=404)
        done = self._desk.act(thing, request.path_params["action"], now)
        if "text/html" in request.headers.get("accept", ""):
            return RedirectResponse(self._desk_url(thing.unit.order), status_code=_SEE_OTHER)
        if not done:
            return JSONResponse({"error": "that is not possible now"}, status_code=409)
        return JSONResponse(self._views.whole(thing, now))


def _response(answer: Answer) -> Response:
    headers = {"PayPal-Debug-Id": answer.debug_id}
    if answer.body is None:
        return Response(status_code=answer.status, headers=headers)
    return JSONResponse(answer.body, status_code=answer.status, headers=headers)


def _description(order: Order) -> str:
    """What the payer buys: the merchant's words, or the names of the things."""
    words = []
    for unit in order.units:
        names = [item["name"] for item in unit.fields.get("items") or []]
        words.append(unit.fields.get("description") or ", ".join(names))
    return "; ".join(filter(None, words)) or order.reference
