"""Stripe's operations by address: what they take, and who performs them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, Literal

import attrs

from . import params
from .books import Books
from .errors import no_such
from .fields import Record
from .intents import Intents
from .methods import Methods
from .notices import Notices
from .refunds import Refunds
from .sessions import Sessions
from .setups import Setups
from .state import Intent, Json, Session
from .views import Views

#: What was asked, the id in the address, and the time; gives an object to show.
Run = Callable[[str, Json, datetime], Any]

_PER_PAGE: Final = 10
_INTENT: Final = "/v1/payment_intents"
_SETUP: Final = "/v1/setup_intents"
_METHOD: Final = "/v1/payment_methods"
_SESSION: Final = "/v1/checkout/sessions"


@attrs.frozen(kw_only=True)
class Endpoint:
    """One operation."""

    method: Literal["GET", "POST"]
    path: str
    takes: Record
    run: Run

    @property
    def shows(self) -> str:
        """The kind of object that it answers with."""
        if self.method == "GET" and "{id}" not in self.path:
            return "list"
        found = self.path.removeprefix("/v1/").partition("/{id}")[0]
        return "checkout.session" if found == "checkout/sessions" else found.removesuffix("s")


def _get(path: str, run: Run, takes: Record = params.READ) -> Endpoint:
    return Endpoint(method="GET", path=path, takes=takes, run=run)


def _post(path: str, takes: Record, run: Run) -> Endpoint:
    return Endpoint(method="POST", path=path, takes=takes, run=run)


@attrs.frozen(kw_only=True)
class Desks:
    """Who performs operations."""

    books: Books
    views: Views
    notices: Notices
    intents: Intents
    setups: Setups
    methods: Methods
    refunds: Refunds
    sessions: Sessions

    def endpoints(self) -> list[Endpoint]:
        """All operations."""
        intents, setups, methods = self.intents, self.setups, self.methods
        refunds, sessions = self.refunds, self.sessions
        return [
            _post(_INTENT, params.CREATE_INTENT, lambda _, asked, now: intents.create(asked, now)),
            _get(f"{_INTENT}/{{id}}", lambda one, *_: intents.read(one), params.READ_INTENT),
            _post(f"{_INTENT}/{{id}}/confirm", params.CONFIRM_INTENT, intents.confirm),
            _post(f"{_INTENT}/{{id}}/capture", params.CAPTURE_INTENT, intents.capture),
            _post(f"{_INTENT}/{{id}}/cancel", params.CANCEL_INTENT, intents.cancel),
            _post(
                f"{_INTENT}/{{id}}/increment_authorization",
                params.INCREMENT_INTENT,
                intents.increment,
            ),
            _post(
                "/v1/refunds",
                params.CREATE_REFUND,
                lambda _, asked, now: refunds.create(asked, now),
            ),
            _get("/v1/refunds", lambda _, asked, __: self._refunds(asked), params.LIST_REFUNDS),
            _get("/v1/refunds/{id}", lambda one, *_: refunds.read(one)),
            _post("/v1/refunds/{id}/cancel", params.READ, lambda one, *_: refunds.cancel(one)),
            _post(_SETUP, params.CREATE_SETUP, lambda _, asked, now: setups.create(asked, now)),
            _get(f"{_SETUP}/{{id}}", lambda one, *_: setups.read(one), params.READ_INTENT),
            _post(f"{_SETUP}/{{id}}/confirm", params.CONFIRM_SETUP, setups.confirm),
            _post(f"{_SETUP}/{{id}}/cancel", params.CANCEL_SETUP, setups.cancel),
            _post(_METHOD, params.CREATE_METHOD, lambda _, asked, now: methods.create(asked, now)),
            _get(f"{_METHOD}/{{id}}", lambda one, *_: methods.read(one)),
            _post(f"{_METHOD}/{{id}}/attach", params.ATTACH_METHOD, methods.attach),
            _post(
                f"{_METHOD}/{{id}}/detach",
                params.READ,
                lambda one, _, now: methods.detach(one, now),
            ),
            _post(
                "/v1/customers",
                params.CREATE_CUSTOMER,
                lambda _, asked, now: methods.create_customer(asked, now),
            ),
            _get("/v1/customers/{id}", lambda one, *_: methods.read_customer(one)),
            _post(
                _SESSION, params.CREATE_SESSION, lambda _, asked, now: sessions.create(asked, now)
            ),
            _get(_SESSION, lambda _, asked, __: self._sessions(asked), params.LIST_SESSIONS),
            _get(f"{_SESSION}/{{id}}", lambda one, *_: sessions.read(one)),
            _post(
                f"{_SESSION}/{{id}}/expire",
                params.READ,
                lambda one, _, now: sessions.expire(one, now),
            ),
            _get("/v1/charges/{id}", lambda one, *_: self._charge(one)),
            _get("/v1/disputes/{id}", lambda one, *_: self._dispute(one)),
            _get("/v1/events/{id}", lambda one, *_: self._event(one)),
        ]

    def _refunds(self, asked: Json) -> Json:
        intents = [
            one
            for one in self.books.all(Intent)
            if asked.get("payment_intent", one.id) == one.id
            and ("charge" not in asked or any(asked["charge"] == it.id for it in one.charges))
        ]
        found = [one for intent in intents for one in intent.all_refunds]
        found.sort(key=lambda one: one.created_at)
        return self._list("/v1/refunds", found, asked)

    def _sessions(self, asked: Json) -> Json:
        found = [
            one
            for one in self.books.all(Session)
            if asked.get("payment_intent") in {None, one.intent.id if one.intent else ""}
            and asked.get("status", one.status) == one.status
        ]
        return self._list(_SESSION, found, asked)

    def _list(self, path: str, found: list[Any], asked: Json) -> Json:
        """A page of a list, the newest first."""
        newest = found[::-1]
        ids = [one.id for one in newest]
        after = asked.get("starting_after")
        if after is not None:
            if after not in ids:
                raise no_such("object", after, param="starting_after")
            newest = newest[ids.index(after) + 1 :]
        limit = asked.get("limit", _PER_PAGE)
        return {
            "object": "list",
            "data": [self.views.show(one) for one in newest[:limit]],
            "has_more": len(newest) > limit,
            "url": path,
        }

    def _charge(self, charge_id: str) -> Json:
        found = self.books.charge(charge_id)
        if found is None:
            raise no_such("charge", charge_id, param="id", in_path=True)
        return self.views.charge(*found)

    def _dispute(self, dispute_id: str) -> Any:
        found = self.books.dispute(dispute_id)
        if found is None:
            raise no_such("dispute", dispute_id, param="dispute", in_path=True)
        return found

    def _event(self, event_id: str) -> Json:
        found = self.notices.event(event_id)
        if found is None:
            raise no_such("event", event_id, param="id", in_path=True)
        return found
