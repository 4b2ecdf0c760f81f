"""Checkout.com's addresses: the API, the card field, the payer's pages, and the desk behind."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, ClassVar, Final

from starlette.responses import Response
from starlette.routing import Route

from ...http import json_text
from ..cards.challenges import Challenges
from ..cards.desk import Desk
from ..cards.field import CardField
from ..cards.hosted import HostedPages
from ..cards.till import Till
from ..edge import UnreadableError, read_body
from .actions import Actions
from .books import Books, summary
from .endpoints import Handlers
from .gateway import Answer, Call, Endpoint, Gateway
from .hosted import HostedPayments
from .ids import Ids
from .issuer import Issuer
from .notices import Notices
from .outcomes import CARDS
from .payments import Payments
from .vault import Vault
from .views import Views

if TYPE_CHECKING:
    from starlette.requests import Request

    from ..config import SandboxConfig
    from ..deliveries import Deliveries
    from ..faults import Faults
    from ..pages import Pages
    from ..summary import PaymentSummary

_VERSION: Final = "1.0.0"
#: A shop's page may make tokens itself, with its public key.
_ANY_PAGE: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "authorization, content-type",
    "Access-Control-Allow-Methods": "POST",
}


class CheckoutComSimulator:
    """Checkout.com for one account: its books in memory, and the routes under ``/checkoutcom``."""

    name: ClassVar = "checkoutcom"
    title: ClassVar = "Checkout.com"

    def __init__(
        self, config: SandboxConfig, *, deliveries: Deliveries, faults: Faults, pages: Pages
    ) -> None:
        base, keep = f"{config.public_url}/{self.name}", config.keep
        account, ids, views = config.checkoutcom, Ids(config.new_id), Views(base)
        self._config = config
        self._books = Books(keep=keep)
        self._vault = Vault(ids=ids, token_lifetime=account.token_lifetime, keep=keep)
        notices = Notices(account, views=views, ids=ids, deliveries=deliveries)
        till = Till(
            events=notices,
            faults=faults,
            new_id=lambda: ids.make("dsp"),
            capture_time=account.processing,
            refund_time=account.processing,
        )
        self._challenges = Challenges(config, pages, gateway=self.name, title=self.title)
        issuer = Issuer(ids)
        self._payments = Payments(
            config=account,
            books=self._books,
            ids=ids,
            vault=self._vault,
            notices=notices,
            challenges=self._challenges,
            issuer=issuer,
            actions=Actions(
                config=account,
                books=self._books,
                ids=ids,
                notices=notices,
                till=till,
                issuer=issuer,
            ),
        )
        self._hosted = HostedPayments(
            self._payments, ids=ids, base=base, url=lambda page: f"{base}/page/{page}", keep=keep
        )
        self._pages = HostedPages(
            config=config,
            pages=pages,
            gateway=self.name,
            title=self.title,
            table=CARDS,
            payments=self._hosted,
            path="/page/{id}",
        )
        self._field = CardField(
            config=config,
            pages=pages,
            gateway=self.name,
            table=CARDS,
            tokenize=lambda card, now: self._vault.tokenize(card, now).id,
        )
        self._desk = Desk(
            config=config,
            pages=pages,
            till=till,
            gateway=self.name,
            title=self.title,
            payments=lambda: self._books,
            # What is done is done: Checkout.com tells of no capture or refund that is taken back.
            without=frozenset({"undo"}),
        )
        self._endpoints = Handlers(
            payments=self._payments,
            hosted=self._hosted,
            vault=self._vault,
            books=self._books,
            views=views,
            table=CARDS,
        ).endpoints()
        self._gateway = Gateway(account, ids=ids, catch_up=self._payments.catch_up, keep=keep)

    def routes(self) -> list[Route]:
        """The routes, relative to the mount."""
        operations = [
            Route(endpoint.path, self._operation(endpoint), methods=[endpoint.method])
            for endpoint in self._endpoints.values()
        ]
        return [
            Route("/tokens", _preflight, methods=["OPTIONS"]),
            *operations,
            *self._field.routes(),
            *self._challenges.routes(),
            *self._pages.routes(),
            *self._desk.routes(),
        ]

    def summaries(self) -> list[PaymentSummary]:
        """The payments, and the pages that wait for one, in a line each."""
        now = self._config.clock()
        self._payments.catch_up(now)
        payments = [
            summary(one, page=one.challenge_url, desk=self._desk.url(one)) for one in self._books
        ]
        return payments + self._hosted.summaries(now)

    def _operation(self, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            call = Call(
                path=request.url.path,
                headers=dict(request.headers),
                query=dict(request.query_params),
                id=request.path_params.get("id", ""),
            )
            key = self._gateway.enter(endpoint, call)
            if key is None:
                return _response(self._gateway.busy(), endpoint)
            try:
                call = call.with_body(await self._read(request))
                return _response(
                    self._gateway.answer(endpoint, call, self._config.clock()), endpoint
                )
            finally:
                self._gateway.leave(key)

        return answer

    async def _read(self, request: Request) -> bytes | None:
        try:
            return await read_body(request, self._config.max_body)
        except UnreadableError:
            return None


def _response(answer: Answer, endpoint: Endpoint) -> Response:
    headers = {"Cko-Request-Id": answer.request_id, "Cko-Version": _VERSION}
    if endpoint.public:
        headers |= _ANY_PAGE
    if answer.body is None:
        return Response(status_code=answer.status, headers=headers)
    body = json_text(answer.body)
    return Response(body, answer.status, headers, media_type="application/json")


async def _preflight(_request: Request) -> Response:
    return Response(status_code=204, headers=_ANY_PAGE)
