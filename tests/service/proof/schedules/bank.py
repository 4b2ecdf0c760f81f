"""The adapter for a :class:`Book`: a provider with a protocol of its own, over the network or not.

Calls are JSON. A notice is a fact as JSON behind a shared secret, as in :mod:`tests.service.cards`.
"""

from __future__ import annotations

import json
from datetime import timedelta

import attrs
from pydantic import SecretStr

from paykit import (
    Declined,
    Delivery,
    Money,
    Movement,
    MovementKind,
    NoAnswer,
    NotFound,
    Nothing,
    OutcomeUnknown,
    Payment,
    PaymentProcessed,
    PaymentSession,
    PaymentStatus,
    RateLimited,
    Redirect,
    Refund,
    RefundStatus,
)
from paykit.events import as_return
from paykit.http import HttpRequest, HttpResponse
from paykit.info import FOR_EVER, Asking, Capability, ProviderInfo, RefundNotices
from paykit.wire import ProviderConfig, Secret

from ...cards import Cards
from .book import Account, Book, Move, Notice, Told

S = PaymentStatus
NEVER = timedelta(days=3650)
#: Payments are asked about when a test says so, and as often as it likes.
ASKING = Asking(first_after=NEVER, gives_up_after=NEVER, per_minute=1_000_000)
REPEATABLE = {
    Capability.CREATE_PAYMENT: FOR_EVER,
    Capability.CAPTURE: FOR_EVER,
    Capability.VOID: FOR_EVER,
    Capability.REFUND: FOR_EVER,
}
_REFUNDS = {
    "done": RefundStatus.SUCCEEDED,
    "waits": RefundStatus.PENDING,
    "failed": RefundStatus.FAILED,
}


def vnd(minor: int | None) -> Money | None:
    return None if minor is None else Money(minor, "VND")


def info(title: str, **more) -> ProviderInfo:
    settings = {"asking": ASKING, "repeatable_for": REPEATABLE, **more}
    return ProviderInfo(
        title=title,
        homepage="https://bank.example",
        docs=(),
        currencies=frozenset({"VND"}),
        countries=frozenset(),
        **settings,
    )


class BankConfig(ProviderConfig):
    provider = "bank"
    secret: Secret = SecretStr("s3cret")
    url: str


class Deaf(Cards):
    """It takes orders and tells what became of them, and cannot be asked."""

    name = "deaf"
    info = info("Deaf", refund_notices=RefundNotices.EACH)
    Config = BankConfig

    def create_payment(self, request):
        answer = yield from self._call(
            "pay",
            reference=request.reference,
            amount=request.amount.minor,
            manual=request.capture == "manual",
            card=request.token.value if request.token else None,
            key=request.key,
        )
        page = Redirect(f"{self.config.url}/page/{request.reference}")
        return PaymentSession(
            provider=self.name,
            reference=request.reference,
            status=S(answer["status"]),
            next=Nothing() if request.token else page,
            amount=request.amount,
            created_at=self.clock(),
            provider_id=answer["id"],
        )

    def capture(self, ref, amount=None, *, idempotency_key, final=True):
        answer = yield from self._call(
            "capture",
            reference=ref.reference,
            amount=amount.minor,
            key=idempotency_key,
            final=final,
        )
        return self._payment(ref, answer)

    def void(self, ref, *, idempotency_key):
        answer = yield from self._call("void", reference=ref.reference, key=idempotency_key)
        return self._payment(ref, answer)

    def refund(self, request):
        answer = yield from self._call(
            "refund",
            reference=request.payment.reference,
            name=request.reference,
            amount=request.money.minor,
            key=request.key,
        )
        return self._refund(request.reference, request.payment, answer)

    def parse(self, verified):
        fields = {**verified.fields, "provider": self.name, "account": self.account}
        event = PaymentProcessed.from_json(fields)
        return as_return((event,)) if verified.delivery.header("return") else (event,)

    def _call(self, path, **fields):
        body = json.dumps(fields).encode()
        moves = not path.startswith("ask")
        request = HttpRequest("POST", f"{self.config.url}/{path}", {}, body, moves_money=moves)
        answer = (yield request).json()
        if "declined" in answer:
            raise Declined("no", reason="card_declined", code="E-1", provider=self.name)
        if "missing" in answer:
            raise NotFound("no such thing", code="E-2", provider=self.name)
        if "busy" in answer:
            raise RateLimited("not now", code="E-3", provider=self.name, retry_after=answer["busy"])
        if "silent" in answer:
            raise OutcomeUnknown("nothing came back")
        return answer

    def _payment(self, ref, answer):
        return Payment(
            provider=self.name,
            reference=ref.reference,
            status=S(answer["status"]),
            amount=vnd(answer.get("amount")),
            captured=vnd(answer.get("captured")),
            refunded=vnd(answer.get("refunded")),
            provider_id=answer["id"],
        )

    def _refund(self, name, ref, answer):
        return Refund(
            provider=self.name,
            reference=name,
            payment_reference=ref.reference,
            status=_REFUNDS[answer["state"]],
            amount=vnd(answer["amount"]),
            provider_id=answer["id"],
        )


class Cashier(Deaf):
    """It can be asked about payments and refunds, and its notices tell of each single one."""

    name = "cashier"
    info = info("Cashier", refund_notices=RefundNotices.EACH)

    def fetch_payment(self, ref):
        answer = yield from self._call("ask", reference=ref.reference)
        return self._payment(ref, answer)

    def fetch_refund(self, ref):
        payment = ref.payment.reference
        answer = yield from self._call("ask-refund", reference=payment, name=ref.reference)
        return self._refund(ref.reference, ref.payment, answer)


class Page(Cashier):
    """A page to pay on; its notices tell totals, and its webhook is slower than the payer."""

    name = "page"
    info = info("Page", refund_notices=RefundNotices.TOTAL, ask_on_return=True)


class Forgetful(Page):
    """It does what it is asked as often as it is asked."""

    name = "forgetful"
    info = info("Forgetful", refund_notices=RefundNotices.TOTAL, repeatable_for={})


@attrs.frozen
class Said:
    """An answer over the wire, and what a shop learns from it; ``None`` learns nothing."""

    response: HttpResponse
    told: Told | None


class Desk:
    """Where the calls of an adapter arrive: one book, one answer for each call."""

    def __init__(self, book: Book) -> None:
        self.book = book

    def serve(self, request: HttpRequest) -> Said:
        """Do what a call asks for."""
        path, fields = request.url.rpartition("/")[2], json.loads(request.body)
        with self.book.lock:
            return getattr(self, f"_{path.replace('-', '_')}")(**fields)

    def _pay(self, reference, amount, manual, card, key) -> Said:
        account = self.book.open(reference, amount, manual=manual)
        told = self.book.ask_to_pay(account, card, key)
        declined = Said(json_({"declined": True}), Told(1, "failed"))
        return declined if told is None else self._said(account, told)

    def _ask(self, reference) -> Said:
        account = self.book.accounts.get(reference)
        return self._missing() if account is None else self._said(account, self.book.say(account))

    def _capture(self, reference, amount, key, final) -> Said:
        account = self.book.accounts[reference]
        return self._said(account, self.book.capture(account, amount, key, final=final))

    def _void(self, reference, key) -> Said:
        account = self.book.accounts[reference]
        return self._said(account, self.book.void(account, key))

    def _refund(self, reference, name, amount, key) -> Said:
        return self._moved(self.book.refund(self.book.accounts[reference], name, amount, key))

    def _ask_refund(self, reference, name) -> Said:
        move = self.book.accounts[reference].refunds.get(name)
        return self._missing() if move is None else self._moved(move)

    def _moved(self, move: Move | None) -> Said:
        if move is None:
            return Said(json_({"declined": True}), Told(is_refusal=True))
        told = {
            "done": Told(movement=("refund", move.id, move.amount)),
            "failed": Told(movement=("refund", move.id, move.amount), is_refusal=True),
            "waits": None,
        }
        answer = {"state": move.state, "amount": move.amount, "id": move.id}
        return Said(json_(answer), told[move.state])

    def _said(self, account: Account, told: Told | None) -> Said:
        if told is None:
            return Said(json_({"declined": True}), Told(is_refusal=True))
        answer = {
            "id": f"psp-{account.reference}",
            "amount": account.amount,
            "status": told.status or "pending",
            "captured": told.captured,
            "refunded": told.refunded,
        }
        return Said(json_(answer), told)

    def _missing(self) -> Said:
        return Said(json_({"missing": True}), None)


class Wire:
    """A transport to several books, each at a host of its own."""

    def __init__(self, desks: dict[str, Desk]) -> None:
        self.desks = desks

    def send(self, request: HttpRequest) -> HttpResponse:
        host = request.url.partition("://")[2].partition(".")[0]
        if host not in self.desks:
            raise NoAnswer("nobody is there")
        return self.desks[host].serve(request).response

    def close(self) -> None:
        pass


def json_(value: dict) -> HttpResponse:
    return HttpResponse(200, body=json.dumps(value).encode())


def deliver(account: Account, notice: Notice, *, back: bool = False) -> Delivery:
    """A notice as the webhook that tells it, or as the browser that brings it ``back``."""
    body = json.dumps(fact(account, notice).to_json()).encode()
    headers = {"secret": "s3cret", **({"return": "yes"} if back else {})}
    return Delivery("POST", headers=headers, body=body)


def fact(account: Account, notice: Notice) -> PaymentProcessed:
    """A notice in the words of the adapters."""
    told, reason, movement = notice.told, None, None
    status, amount = S(told.status or "succeeded"), account.amount
    if told.movement is not None:
        kind, name, amount = told.movement
        undone = told.is_refusal
        movement = Movement(
            kind=MovementKind(kind), id=name, amount=Money(amount, "VND"), undone=undone
        )
        words = {
            ("capture", False): (S.SUCCEEDED, None),
            ("capture", True): (S.AUTHORIZED, "capture_failed"),
            ("refund", False): (S.PARTIALLY_REFUNDED, None),
            ("refund", True): (S.NEEDS_REVIEW, "refund_failed"),
        }
        status, reason = words[kind, undone]
    return PaymentProcessed(
        event_id=notice.id,
        provider="",
        reference=account.reference,
        status=status,
        amount=Money(amount, "VND"),
        occurred_at=notice.at,
        provider_id=f"psp-{account.reference}",
        reason=reason,
        captured=vnd(told.captured),
        refunded=vnd(told.refunded),
        movement=movement,
    )
