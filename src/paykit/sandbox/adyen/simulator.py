"""Adyen's addresses: the API, the card field, 3-D Secure, the hosted page, the desk behind it."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Final

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..cards.challenges import Challenges
from ..cards.desk import Desk
from ..cards.field import CardField
from ..cards.hosted import HostedPages
from ..cards.numbers import Card
from ..cards.state import Dispute, Move
from ..cards.till import Till
from ..edge import UnreadableError, decode_query, read_body
from ..summary import Mood, PaymentSummary
from .books import Books
from .cards import CARDS, Vault
from .gateway import Asked, Gateway, Operation, operations
from .hosted import Hosted
from .ids import Ids
from .modifications import Modifications, Told
from .notices import Notices
from .payments import Payments
from .state import HostedPage, Payment
from .tokens import Tokens

if TYPE_CHECKING:
    from starlette.requests import Request

    from ..config import SandboxConfig
    from ..deliveries import Deliveries
    from ..faults import Faults
    from ..pages import Pages

_VERSION: Final = "/v72"
_EVENT: Final = re.compile(r"[A-Z_]{1,60}", re.ASCII)


class AdyenSimulator:
    """Adyen for one merchant account: its books in memory, and the routes under ``/adyen``."""

    name: ClassVar = "adyen"
    title: ClassVar = "Adyen"

    def __init__(
        self, config: SandboxConfig, *, deliveries: Deliveries, faults: Faults, pages: Pages
    ) -> None:
        ids, account = Ids(config.new_id), config.adyen
        self._config = config
        self._ids = ids
        self._books = Books(keep=config.keep)
        self._vault = Vault(ids=ids, keep=config.keep)
        self._notices = Notices(config=account, deliveries=deliveries)
        self._till = Till(
            events=Told(config=account, notices=self._notices),
            faults=faults,
            new_id=ids.psp,
            capture_time=account.processing,
            refund_time=account.processing,
        )
        self._challenges = Challenges(config, pages, gateway=self.name, title=self.title)
        payments = Payments(
            config=account,
            books=self._books,
            ids=ids,
            vault=self._vault,
            till=self._till,
            notices=self._notices,
            challenges=self._challenges,
        )
        self._payments = payments
        hosted = Hosted(
            config=account,
            books=self._books,
            ids=ids,
            payments=payments,
            address=lambda page_id: f"{config.public_url}/{self.name}/pay/{page_id}",
        )
        self._hosted = HostedPages(
            config=config,
            pages=pages,
            gateway=self.name,
            title=self.title,
            table=CARDS,
            payments=hosted,
        )
        self._desk = Desk(
            config=config,
            pages=pages,
            till=self._till,
            gateway=self.name,
            title=self.title,
            payments=self._books.payments,
        )
        self._field = CardField(
            config=config,
            pages=pages,
            gateway=self.name,
            table=CARDS,
            tokenize=self._tokenize,
            asks_name=True,
        )
        self._operations = operations(
            payments,
            Modifications(
                config=account, books=self._books, ids=ids, till=self._till, notices=self._notices
            ),
            hosted,
            Tokens(config=account, books=self._books, vault=self._vault, payments=payments),
        )
        self._gateway = Gateway(account, ids=ids, keep=config.keep)

    def routes(self) -> list[Route]:
        """The routes, relative to the mount."""
        api = [
            Route(f"{_VERSION}{one.path}", self._operation(one), methods=[one.method])
            for one in self._operations
        ]
        tell = Route("/_sandbox/tell/{event}", self._tell, methods=["POST"])
        pages = (*self._field.routes(), *self._challenges.routes(), *self._hosted.routes())
        return [*api, tell, *(self._around(route) for route in (*pages, *self._desk.routes()))]

    def summaries(self) -> list[PaymentSummary]:
        """The payments in a line each, the oldest first; also pages that nobody paid on yet."""
        now = self._config.clock()
        self._catch_up(now)
        found = [self._summary(one) for one in self._books.payments()]
        found += [self._page_summary(one, now) for one in self._books.pages() if not one.payments]
        return sorted(found, key=lambda one: one.created_at)

    def _operation(self, operation: Operation) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            try:
                body = await read_body(request, self._config.max_body)
            except UnreadableError:
                body = None
            try:
                query = decode_query(request.scope["query_string"])
            except UnreadableError:
                query = {}
            asked = Asked(
                headers=dict(request.headers),
                query=query,
                id=request.path_params.get("id", ""),
                body=body,
            )
            now = self._config.clock()
            self._catch_up(now)
            answer = self._gateway.answer(operation, asked, now)
            self._catch_up(now)
            headers = {"pspReference": answer.psp}
            if key := asked.header("idempotency-key"):
                headers["Idempotency-Key"] = key
            if answer.body is None:
                return Response(status_code=answer.status, headers=headers)
            # A fraction that the merchant sent is a Decimal here, and is repeated as a number.
            text = json.dumps(answer.body, ensure_ascii=False, default=float)
            return Response(
                text, status_code=answer.status, headers=headers, media_type="application/json"
            )

        return endpoint

    def _around(self, route: Route) -> Route:
        """A page of the shared ones; what happens on it is told when it is done."""
        inner = route.endpoint

        async def endpoint(request: Request) -> Response:
            self._catch_up(self._config.clock())
            response: Response = await inner(request)
            self._catch_up(self._config.clock())
            return response

        return Route(route.path, endpoint, methods=sorted(route.methods or ()))

    async def _tell(self, request: Request) -> Response:
        """Send any notice: about a payment, what became of it, or that a report is there."""
        now, event = self._config.clock(), request.path_params["event"]
        thing = self._desk.find(request.query_params.get("psp", ""))
        if not _EVENT.fullmatch(event) or (thing is None and event != "REPORT_AVAILABLE"):
            return JSONResponse({"error": "there is no such payment or event"}, status_code=404)
        psp = self._ids.psp()
        if isinstance(thing, Payment):
            self._notices.anything(thing, event, psp, now)
        elif isinstance(thing, Move) and isinstance(thing.payment, Payment):
            psp = thing.id
            if event == "REFUNDED_REVERSED" and thing.counts:
                thing.state = "undone"
            self._notices.moved(thing.payment, thing, event, now)
        elif isinstance(thing, Dispute) and isinstance(thing.payment, Payment):
            psp = thing.id
            self._notices.disputed(thing.payment, thing, event, now)
        else:
            self._notices.report(psp, now)
        self._notices.flush()
        return JSONResponse({"pspReference": psp})

    def _catch_up(self, now: datetime) -> None:
        """Do what the clock has brought, and send what there is to tell."""
        for payment in self._books.payments():
            if payment.capture_at and payment.capture_at <= now and payment.capturable:
                self._payments.capture_by_itself(payment, now)
            late = payment.open_until is not None and payment.open_until <= now
            if late and payment.outcome is None and not payment.closed:
                payment.closed = True
                self._notices.closed(payment, now)
        self._till.catch_up(self._books.payments(), now)
        self._notices.flush()

    def _tokenize(self, card: Card, now: datetime) -> str:
        return json.dumps(self._vault.encrypt(card, now))

    def _summary(self, payment: Payment) -> PaymentSummary:
        status, mood = _status(payment)
        waiting = payment.outcome is None and not payment.closed and payment.question
        return PaymentSummary(
            provider=self.name,
            reference=payment.reference,
            amount=payment.amount,
            refunded=payment.refunded,
            status=status,
            mood=mood,
            created_at=payment.created_at,
            page=waiting.page if waiting else None,
            desk=self._desk.url(payment),
        )

    def _page_summary(self, page: HostedPage, now: datetime) -> PaymentSummary:
        over = page.over(now)
        payable = not over and page.fields.get("mode") != "embedded"
        return PaymentSummary(
            provider=self.name,
            reference=page.reference,
            amount=page.amount,
            refunded=page.amount - page.amount,
            status=f"{page.kind} {'over' if over else 'open'}",
            mood="bad" if over else "open",
            created_at=page.created_at,
            page=self._hosted.url(page.id) if payable else None,
        )


def _status(payment: Payment) -> tuple[str, Mood]:
    outcome = payment.outcome
    if outcome is None:
        return ("offer closed", "bad") if payment.closed else ("waiting for the shopper", "open")
    if not outcome.good:
        return f"{outcome.result}: {outcome.reason}", "bad"
    if payment.dispute and payment.dispute.state != "won":
        return "Chargeback", "bad"
    if payment.refunded:
        return ("Refunded" if payment.refunded >= payment.captured else "Refunded in part"), "good"
    if payment.captured:
        return ("Captured" if payment.captured >= payment.amount else "Captured in part"), "good"
    if payment.released:
        return {"voided": "Cancelled", "expired": "Expired"}.get(payment.released, "Ended"), "bad"
    return "Authorised", "good"
