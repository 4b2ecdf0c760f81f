"""Stripe's addresses: the API, the card field, 3-D Secure, Checkout, and the desk behind them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..cards.challenges import Challenges
from ..cards.desk import Desk
from ..cards.field import CardField
from ..cards.hosted import HostedPages
from ..cards.numbers import Card
from ..cards.till import Till
from ..edge import UnreadableError, read_body
from ..summary import Mood, PaymentSummary
from .books import Books
from .cards import TABLE
from .endpoints import Desks, Endpoint
from .errors import NOT_FOUND, Refusal
from .gateway import Answer, Call, Gateway, error_body
from .ids import Ids
from .intents import Intents
from .methods import Methods
from .notices import Notices, reference
from .refunds import Refunds
from .sessions import Sessions
from .setups import Setups
from .state import Intent, Session
from .views import Views

if TYPE_CHECKING:
    from starlette.requests import Request

    from ..config import SandboxConfig
    from ..deliveries import Deliveries
    from ..faults import Faults
    from ..pages import Pages

_GOOD = frozenset({"succeeded", "requires_capture"})


class StripeSimulator:
    """Stripe for one account: its books in memory, and the routes under ``/stripe``."""

    name: ClassVar = "stripe"
    title: ClassVar = "Stripe"

    def __init__(
        self, config: SandboxConfig, *, deliveries: Deliveries, faults: Faults, pages: Pages
    ) -> None:
        base, keep, account = f"{config.public_url}/{self.name}", config.keep, config.stripe
        self._config = config
        self._ids = ids = Ids(config.new_id)
        self._books = books = Books(keep=keep)
        views = Views(books, base)
        notices = Notices(
            account,
            views=views,
            ids=ids,
            deliveries=deliveries,
            clock=config.clock,
            keep=keep,
        )
        self._till = till = Till(
            events=notices,
            faults=faults,
            new_id=lambda: ids.make("dp"),
            refund_time=account.refund_processing,
        )
        self._challenges = Challenges(config, pages, gateway=self.name, title=self.title)
        self._methods = methods = Methods(books=books, ids=ids, notices=notices)
        intents = Intents(
            config=account,
            books=books,
            ids=ids,
            views=views,
            notices=notices,
            methods=methods,
            till=till,
            challenges=self._challenges,
        )
        setups = Setups(
            config=account,
            books=books,
            ids=ids,
            views=views,
            notices=notices,
            methods=methods,
            challenges=self._challenges,
        )
        self._refunds = Refunds(books=books, ids=ids, notices=notices, till=till)
        self._sessions = Sessions(
            config=account,
            books=books,
            ids=ids,
            notices=notices,
            methods=methods,
            intents=intents,
            setups=setups,
        )
        self._endpoints = Desks(
            books=books,
            views=views,
            notices=notices,
            intents=intents,
            setups=setups,
            methods=methods,
            refunds=self._refunds,
            sessions=self._sessions,
        ).endpoints()
        self._gateway = Gateway(
            account, ids=ids, views=views, notices=notices, catch_up=self._catch_up, keep=keep
        )
        self._field = CardField(
            config=config, pages=pages, gateway=self.name, table=TABLE, tokenize=self._tokenize
        )
        self._hosted = HostedPages(
            config=config,
            pages=pages,
            gateway=self.name,
            title=self.title,
            table=TABLE,
            payments=self._sessions,
            path="/c/pay/{id}",
        )
        self._desk = Desk(
            config=config,
            pages=pages,
            till=till,
            gateway=self.name,
            title=self.title,
            payments=lambda: books.all(Intent),
            # A card payment that succeeded is not taken back but by a dispute.
            without=frozenset({"capture.undo"}),
        )

    def routes(self) -> list[Route]:
        """The routes, relative to the mount."""
        operations = [
            Route(endpoint.path, self._operation(endpoint), methods=[endpoint.method])
            for endpoint in self._endpoints
        ]
        return [
            *operations,
            Route("/v1/{path:path}", self._unknown, methods=["GET", "POST", "DELETE"]),
            *self._field.routes(),
            *self._challenges.routes(),
            *self._hosted.routes(),
            *self._desk.routes(),
        ]

    def summaries(self) -> list[PaymentSummary]:
        """The payments in a line each, the oldest first; also pages that nobody has used."""
        self._catch_up(self._config.clock())
        pages = {id(one.intent): one for one in self._books.all(Session) if one.intent}
        found = [self._summary(one, pages.get(id(one))) for one in self._books.all(Intent)]
        unused = [
            PaymentSummary(
                provider=self.name,
                reference=reference(session),
                amount=session.amount,
                refunded=session.amount * 0,
                status=session.status,
                mood="open" if session.status == "open" else "bad",
                created_at=session.created_at,
                page=self._hosted.url(session.id) if session.status == "open" else None,
            )
            for session in self._books.all(Session)
            if session.intent is None and session.setup is None
        ]
        return sorted(found + unused, key=lambda one: one.created_at)

    def _summary(self, intent: Intent, session: Session | None) -> PaymentSummary:
        status = intent.status
        mood: Mood = "good" if status in _GOOD else "bad" if status == "canceled" else "open"
        page = intent.challenge or None
        if session and session.status == "open":
            page = self._hosted.url(session.id)
        return PaymentSummary(
            provider=self.name,
            reference=reference(session or intent),
            amount=intent.amount,
            refunded=intent.refunded,
            status="disputed" if intent.disputes else status,
            mood="bad" if intent.disputes else mood,
            created_at=intent.created_at,
            page=page,
            desk=self._desk.url(intent),
        )

    def _catch_up(self, now: datetime) -> None:
        self._till.catch_up(self._books.all(Intent), now)
        self._refunds.catch_up(now)
        self._sessions.catch_up(now)

    def _tokenize(self, card: Card, now: datetime) -> str:
        return self._methods.from_card(card, now).id

    def _operation(self, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        async def perform(request: Request) -> Response:
            try:
                body = await read_body(request, self._config.max_body)
            except UnreadableError:
                body = None
            call = Call(
                headers=dict(request.headers),
                path=endpoint.path.replace("{id}", request.path_params.get("id", "")),
                query=request.scope["query_string"],
                body=body,
                id=request.path_params.get("id", ""),
            )
            return _response(self._gateway.answer(endpoint, call, self._config.clock()))

        return perform

    async def _unknown(self, request: Request) -> Response:
        path = f"/v1/{request.path_params['path']}"[:200]
        refused = Refusal(
            f"Unrecognized request URL ({request.method}: {path}). Please see "
            "https://stripe.com/docs or we can help at https://support.stripe.com/.",
            status=NOT_FOUND,
        )
        return JSONResponse(error_body(refused, self._ids.make("req", 14)), status_code=NOT_FOUND)


def _response(answer: Answer) -> Response:
    return JSONResponse(answer.body, status_code=answer.status, headers=dict(answer.headers))
