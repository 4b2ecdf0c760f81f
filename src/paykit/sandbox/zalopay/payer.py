"""The pages where a payer decides: about an order, and about an agreement."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

import attrs
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ...money import Money
from ..config import SandboxConfig
from ..edge import UnreadableError, read_form
from ..pages import Pages
from . import agreements, codes, notices, orders, outcomes
from .callbacks import Callbacks
from .config import ZaloPayMerchant
from .state import CONFIRMED, ENDED, REFUSED, Agreement, Books, Order
from .texts import TEXTS

if TYPE_CHECKING:
    from starlette.requests import Request

_SEE_OTHER: Final = 303
#: What a payer can make of an agreement.
_DECISIONS: Final = {
    "confirm": CONFIRMED,
    "confirm_lost": CONFIRMED,
    "refuse": REFUSED,
    "end": ENDED,
}


@attrs.frozen(kw_only=True)
class PayerPages:
    """ZaloPay's pages. Without an address to return to, they lead back to themselves."""

    config: SandboxConfig
    books: Books
    callbacks: Callbacks
    pages: Pages

    def routes(self) -> list[Route]:
        """The routes, relative to the mount."""
        return [
            Route("/openinapp", self._show_order),
            Route("/openinapp/confirm", self._choose, methods=["POST"]),
            Route("/binding", self._show_agreement),
            Route("/binding/confirm", self._decide, methods=["POST"]),
            Route("/oauthbe/agreement/{binding_token}", self._show_agreement),
        ]

    async def _show_order(self, request: Request) -> Response:
        token = orders.unpack(request.query_params.get("order", ""))
        order = self.books.order_by_token(token)
        merchant = self._merchant(order)
        if order is None or merchant is None:
            return self.pages.not_found()
        text = TEXTS[_language(request)]
        return self.pages.render(
            "zalopay_pay.html",
            order=order,
            state=_state(order, self.config.clock()),
            methods=outcomes.methods(order),
            amount=order.money().format(),
            merchant=merchant.name,
            text=text,
            other=f"{orders.page_url(self.config, order)}&lang={text['other_lang']}",
        )

    async def _choose(self, request: Request) -> Response:
        form = await self._form(request)
        order = self.books.order_by_token(form.get("token", ""))
        merchant = self._merchant(order)
        choice = form.get("outcome", "")
        known = choice in outcomes.CHOICES
        if order is None or merchant is None or order.is_charge or not known:
            return self.pages.not_found()
        now, method = self.config.clock(), form.get("method", "")
        # A second click, or one that came too late, only repeats where the browser goes.
        if outcomes.conclude(order, choice, method, books=self.books, now=now) and order.paid_at:
            self.callbacks.about_order(order, merchant, lost=choice == "pay_lost")
        if order.redirect_url:
            target = notices.order_return(order, merchant, now)
        else:
            target = orders.page_url(self.config, order) + _wish(form)
        return RedirectResponse(target, _SEE_OTHER)

    async def _show_agreement(self, request: Request) -> Response:
        token = request.path_params.get("binding_token")
        agreement = self.books.agreement_by_id(
            token or request.query_params.get("binding_token", "")
        )
        merchant = self._merchant(agreement)
        if agreement is None or merchant is None:
            return self.pages.not_found()
        text = TEXTS[_language(request)]
        most = agreement.max_amount
        words = {CONFIRMED: "in_force", REFUSED: "refused", ENDED: "ended"}
        state = "open" if agreement.open(self.config.clock()) else "too_late"
        return self.pages.render(
            "zalopay_bind.html",
            agreement=agreement,
            state=words.get(agreement.status, state),
            limit=Money(most, "VND").format() if most else text["no_limit"],
            merchant=merchant.name,
            text=text,
            other=f"{agreements.page_url(self.config, agreement)}&lang={text['other_lang']}",
        )

    async def _decide(self, request: Request) -> Response:
        form = await self._form(request)
        agreement = self.books.agreement_by_id(form.get("binding_token", ""))
        merchant = self._merchant(agreement)
        decision = form.get("outcome", "")
        if agreement is None or merchant is None or decision not in _DECISIONS:
            return self.pages.not_found()
        if self._make_decision(agreement, _DECISIONS[decision]):
            self.callbacks.about_agreement(agreement, merchant, lost=decision == "confirm_lost")
        if agreement.redirect_url and agreement.status in {CONFIRMED, REFUSED}:
            target = notices.agreement_return(agreement)
        else:
            target = agreements.page_url(self.config, agreement) + _wish(form)
        return RedirectResponse(target, _SEE_OTHER)

    def _make_decision(self, agreement: Agreement, status: int) -> bool:
        """Take the payer's decision if it is still open, or in force and to be ended."""
        now = self.config.clock()
        possible = agreement.status == CONFIRMED if status == ENDED else agreement.open(now)
        if possible:
            token = self.config.new_id() if status == CONFIRMED else ""
            agreements.decide(agreement, status, now=now, pay_token=token)
        return possible

    def _merchant(self, about: Order | Agreement | None) -> ZaloPayMerchant | None:
        return self.config.zalopay.merchant(about.app_id) if about is not None else None

    async def _form(self, request: Request) -> dict[str, str]:
        try:
            return await read_form(request, self.config.max_body)
        except UnreadableError:
            return {}


def _state(order: Order, now: datetime) -> str:
    """What the page says above the buttons, or instead of them."""
    if order.paid_at is not None:
        return "paid"
    if order.is_charge:
        return "charge"
    if not order.payable(now):
        return "finished"
    return "open" if order.code == codes.PROCESSING else "retry"


def _language(request: Request) -> str:
    """What was asked for, else what the browser likes best, else Vietnamese."""
    asked = request.query_params.get("lang", "")
    if asked in TEXTS:
        return asked
    liked = request.headers.get("accept-language", "").strip().lower()
    return "en" if liked.startswith("en") else "vi"


def _wish(form: dict[str, str]) -> str:
    lang = form.get("lang", "")
    return f"&lang={lang}" if lang in TEXTS else ""
