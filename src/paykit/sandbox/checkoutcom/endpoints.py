"""Checkout.com's operations by name: where they are, what they take, what they answer with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from ..cards.numbers import CardTable, make_card, passes_luhn
from . import fields
from .gateway import Asked, Endpoint
from .issues import invalid, not_found
from .views import scheme, stamp

if TYPE_CHECKING:
    from .books import Books
    from .hosted import HostedPayments
    from .payments import Payments
    from .vault import Vault
    from .views import Json, Views

_OK: Final = 200
_CREATED: Final = 201
_ACCEPTED: Final = 202
_NO_CONTENT: Final = 204
_MOST_LISTED: Final = 100
_LISTED: Final = 10


class Handlers:
    """Each operation as a function of what was asked."""

    def __init__(
        self,
        *,
        payments: Payments,
        hosted: HostedPayments,
        vault: Vault,
        books: Books,
        views: Views,
        table: CardTable,
    ) -> None:
        self._payments = payments
        self._acts = payments.actions
        self._hosted = hosted
        self._vault = vault
        self._books = books
        self._views = views
        self._table = table

    def endpoints(self) -> Mapping[str, Endpoint]:
        """All operations."""
        payment, instrument = "/payments/{id}", "/instruments/{id}"
        return {
            "tokens.create": _post("/tokens", self._tokenize, fields.TOKEN, public=True),
            "payments.create": _post("/payments", self._pay, fields.PAYMENT, once=True),
            "payments.list": _get("/payments", self._list),
            "payments.get": _get(payment, self._details),
            "payments.actions": _get(f"{payment}/actions", self._actions),
            "payments.authorize": _post(
                f"{payment}/authorizations", self._increment, fields.INCREMENT, once=True
            ),
            "payments.capture": _post(
                f"{payment}/captures", self._capture, fields.CAPTURE, once=True
            ),
            "payments.void": _post(f"{payment}/voids", self._void, fields.ACTION, once=True),
            "payments.refund": _post(f"{payment}/refunds", self._refund, fields.REFUND, once=True),
            "pages.create": _post("/hosted-payments", self._host, fields.PAGE),
            "pages.get": _get("/hosted-payments/{id}", self._page),
            "instruments.create": _post("/instruments", self._store, fields.INSTRUMENT),
            "instruments.get": _get(instrument, self._instrument),
            "instruments.delete": Endpoint(method="DELETE", path=instrument, run=self._forget),
        }

    def _tokenize(self, asked: Asked) -> tuple[int, Json]:
        wrong = fields.problems(asked.body, fields.CARD, "card_")
        if wrong:
            raise invalid(*wrong)
        body, now = asked.body, asked.now
        known = self._table.find(body["number"])
        # Any number but a test card's is refused: nobody is to type a real one into the sandbox.
        if known is None or not passes_luhn(body["number"]):
            raise invalid("card_number_invalid")
        month, year = fields.whole(body["expiry_month"]), fields.whole(body["expiry_year"])
        if (year, month) < (now.year, now.month):
            raise invalid("card_expired")
        holder = body.get("name") or ""
        card = make_card(self._table, known, exp_month=month, exp_year=year, holder=holder)
        token = self._vault.tokenize(card, now)
        return _CREATED, {
            "type": "card",
            "token": token.id,
            "expires_on": stamp(token.expires_at),
            "expiry_month": month,
            "expiry_year": year,
            **({"name": holder} if holder else {}),
            "scheme": scheme(card),
            "last4": card.last4,
            "bin": card.bin,
            "card_type": "Credit",
            "card_category": "Consumer",
            "issuer_country": "VN",
            "product_id": "F",
            "product_type": "CLASSIC",
        }

    def _pay(self, asked: Asked) -> tuple[int, Json]:
        payment = self._payments.create(asked.body, asked.now)
        return _ACCEPTED if payment.waiting else _CREATED, self._views.made(payment)

    def _list(self, asked: Asked) -> tuple[int, Json]:
        limit = fields.whole(asked.query.get("limit", str(_LISTED)))
        skip = fields.whole(asked.query.get("skip", "0"))
        wrong = [] if 1 <= limit <= _MOST_LISTED else ["limit_invalid"]
        wrong += [] if skip >= 0 else ["skip_invalid"]
        wrong += [] if asked.query.get("reference") else ["reference_required"]
        if wrong:
            raise invalid(*wrong)
        found = self._books.named(asked.query["reference"])
        return _OK, {
            "limit": limit,
            "skip": skip,
            "total_count": len(found),
            "data": [self._views.details(one) for one in found[skip : skip + limit]],
        }

    def _details(self, asked: Asked) -> tuple[int, Json]:
        return _OK, self._views.details(self._acts.read(asked.id))

    def _actions(self, asked: Asked) -> tuple[int, list[Json]]:
        return _OK, self._views.actions(self._acts.read(asked.id))

    def _increment(self, asked: Asked) -> tuple[int, Json]:
        made = self._acts.increment(asked.id, asked.body, asked.now)
        return _CREATED, self._views.answered(self._acts.read(asked.id), made)

    def _capture(self, asked: Asked) -> tuple[int, Json]:
        made = self._acts.capture(asked.id, asked.body, asked.now)
        return _ACCEPTED, self._views.accepted(made)

    def _void(self, asked: Asked) -> tuple[int, Json]:
        made = self._acts.void(asked.id, asked.body, asked.now)
        return _ACCEPTED, self._views.accepted(made)

    def _refund(self, asked: Asked) -> tuple[int, Json]:
        made = self._acts.refund(asked.id, asked.body, asked.now)
        return _ACCEPTED, self._views.accepted(made)

    def _host(self, asked: Asked) -> tuple[int, Json]:
        return _CREATED, self._hosted.made(self._hosted.create(asked.body, asked.now))

    def _page(self, asked: Asked) -> tuple[int, Json]:
        return _OK, self._hosted.details(self._hosted.read(asked.id), asked.now)

    def _store(self, asked: Asked) -> tuple[int, Json]:
        customer = self._vault.customer(asked.body.get("customer"))
        card = self._vault.spend(asked.body["token"], asked.now)
        return _CREATED, self._views.instrument(self._vault.store(card, customer))

    def _instrument(self, asked: Asked) -> tuple[int, Json]:
        found = self._vault.find(asked.id)
        if found is None:
            raise not_found()
        return _OK, self._views.instrument(found)

    def _forget(self, asked: Asked) -> tuple[int, None]:
        self._vault.delete(asked.id)
        return _NO_CONTENT, None


def _get(path: str, run: Any) -> Endpoint:
    return Endpoint(method="GET", path=path, run=run)


def _post(
    path: str, run: Any, rules: fields.Rules, *, public: bool = False, once: bool = False
) -> Endpoint:
    return Endpoint(method="POST", path=path, run=run, rules=rules, public=public, once=once)
