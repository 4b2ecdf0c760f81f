"""Behind the counter: what banks, schemes and payers do later, at the press of a button."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Final, TypeAlias

import attrs
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from .state import Capture, CardPayment, Dispute, Move, Refund
from .till import Till

if TYPE_CHECKING:
    from starlette.requests import Request

    from ..config import SandboxConfig
    from ..pages import Pages

Thing: TypeAlias = CardPayment | Move | Dispute

_SEE_OTHER: Final = 303
#: What the buttons say, by the names that the actions have in addresses.
ACTIONS: Final = {
    "expire": "Let the hold expire",
    "dispute": "Dispute it as the payer",
    "win": "Decide for the merchant",
    "lose": "Decide for the payer",
    "settle": "Let it arrive now",
    "refuse": "Refuse it",
    "undo": "Take it back afterwards",
}


@attrs.frozen(kw_only=True)
class Desk:
    """Finds what an action is about, says what is possible, and does it.

    ``payments`` gives all payments. ``without`` are actions that the gateway does not know, of
    all things (``undo``) or of one kind (``capture.undo``).
    """

    config: SandboxConfig
    pages: Pages
    till: Till
    gateway: str
    title: str
    payments: Callable[[], Iterable[CardPayment]]
    without: frozenset[str] = frozenset()

    def routes(self) -> list[Route]:
        """The page of a payment, and the actions, relative to the simulator's mount."""
        return [
            Route("/_sandbox/payments/{id}", self._show),
            Route("/_sandbox/{id}/{action}", self._act, methods=["POST"]),
        ]

    def url(self, payment: CardPayment) -> str:
        """The page of a payment."""
        return f"{self.config.public_url}/{self.gateway}/_sandbox/payments/{payment.id}"

    def find(self, thing_id: str) -> Thing | None:
        """A payment, capture, refund or dispute by its id."""
        for payment in self.payments():
            things: tuple[Thing, ...] = (
                payment,
                *payment.captures,
                *payment.refunds,
                *payment.disputes,
            )
            for thing in things:
                if thing.id == thing_id:
                    return thing
        return None

    def possible(self, thing: Thing) -> tuple[str, ...]:
        """The actions that make sense now."""
        kind = "payment" if isinstance(thing, CardPayment) else type(thing).__name__.lower()
        return tuple(
            action for action in _possible(thing) if not self.without & {action, f"{kind}.{action}"}
        )

    def act(self, thing: Thing, action: str, now: datetime) -> bool:
        """Do one of the :meth:`possible` things; tells whether it was one."""
        if action not in self.possible(thing):
            return False
        if isinstance(thing, CardPayment):
            (self.till.expire if action == "expire" else self.till.dispute)(thing, now)
        elif isinstance(thing, Dispute):
            self.till.close(thing, now, won=action == "win")
        elif action == "undo":
            self.till.undo(thing, now)
        else:
            # What is going to be refused, as for want of money, only is so sooner.
            self.till.settle(thing, now, refused=action == "refuse" or bool(thing.reason))
        self.till.catch_up(self.payments(), now)
        return True

    async def _show(self, request: Request) -> Response:
        now = self.config.clock()
        self.till.catch_up(self.payments(), now)
        payment = self.find(request.path_params["id"])
        if not isinstance(payment, CardPayment):
            return self.pages.not_found()
        return self.pages.render(
            "card_desk.html",
            payment=payment,
            gateway=self.gateway,
            title=self.title,
            possible=self.possible,
            actions=ACTIONS,
        )

    async def _act(self, request: Request) -> Response:
        now = self.config.clock()
        self.till.catch_up(self.payments(), now)
        thing = self.find(request.path_params["id"])
        if thing is None:
            return JSONResponse({"error": "there is no such object"}, status_code=404)
        done = self.act(thing, request.path_params["action"], now)
        payment = thing if isinstance(thing, CardPayment) else thing.payment
        if "text/html" in request.headers.get("accept", ""):
            return RedirectResponse(self.url(payment), status_code=_SEE_OTHER)
        if not done:
            return JSONResponse({"error": "that is not possible now"}, status_code=409)
        return JSONResponse(payment_json(payment))


def _possible(thing: Thing) -> tuple[str, ...]:
    if isinstance(thing, Dispute):
        return ("win", "lose") if thing.state == "open" else ()
    if isinstance(thing, Move):
        return {"pending": ("settle", "refuse"), "done": ("undo",)}.get(thing.state, ())
    expire = ("expire",) if thing.capturable else ()
    undisputed = thing.dispute is None or thing.dispute.state != "open"
    return (*expire, "dispute") if thing.refundable and undisputed else expire


def payment_json(payment: CardPayment) -> dict[str, object]:
    """A payment as the admin interface shows it, in the sandbox's words."""

    def move(one: Capture | Refund) -> dict[str, object]:
        return {"id": one.id, "amount": one.amount.minor, "state": one.state}

    return {
        "id": payment.id,
        "reference": payment.reference,
        "amount": payment.amount.minor,
        "currency": payment.amount.currency,
        "held": payment.held.minor if payment.held else 0,
        "released": payment.released,
        "captured": payment.captured.minor,
        "refunded": payment.refunded.minor,
        "captures": [move(one) for one in payment.captures],
        "refunds": [move(one) for one in payment.refunds],
        "disputes": [
            {"id": one.id, "amount": one.amount.minor, "state": one.state}
            for one in payment.disputes
        ],
    }
