"""The gateway's own page: the order and a form for the card, for shops without a card field."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final, Protocol

import attrs
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ...money import Money
from ..edge import UnreadableError, read_form
from .numbers import SHOWN_CARDS, Card, CardTable, MistypedError, read_card

if TYPE_CHECKING:
    from starlette.requests import Request

    from ..config import SandboxConfig
    from ..pages import Pages

_SEE_OTHER: Final = 303


@attrs.frozen(kw_only=True)
class HostedPayment:
    """What the page shows. ``state`` says why nothing can be paid, if so; ``back`` leads away."""

    id: str
    merchant: str
    description: str
    reference: str
    amount: Money
    expires_at: datetime
    holds_only: bool = False
    stores: bool = False
    state: str = ""
    back: str | None = None


@attrs.frozen(kw_only=True)
class HostedResult:
    """Where the payer goes now (the shop, or 3-D Secure), or what is wrong with the card."""

    redirect: str | None = None
    problem: str = ""


class HostedGateway(Protocol):
    """What a simulator gives for the page."""

    def hosted(self, page_id: str, now: datetime) -> HostedPayment | None:
        """What is to be paid on a page, if there is such a page."""

    def pay_hosted(self, page_id: str, card: Card, now: datetime) -> HostedResult:
        """The payer pays. Only called for a page without ``state``."""

    def leave_hosted(self, page_id: str, now: datetime) -> str | None:
        """The payer gives up; where to go. Only called for a page without ``state``."""


@attrs.frozen(kw_only=True)
class HostedPages:
    """The page under ``path``, such as ``/c/pay/{id}``."""

    config: SandboxConfig
    pages: Pages
    gateway: str
    title: str
    table: CardTable
    payments: HostedGateway
    path: str = "/pay/{id}"

    def routes(self) -> list[Route]:
        """The page, relative to the simulator's mount."""
        return [Route(self.path, self._show), Route(self.path, self._take, methods=["POST"])]

    def url(self, page_id: str) -> str:
        """The address of a page."""
        base = f"{self.config.public_url}/{self.gateway}"
        return base + self.path.replace("{id}", page_id)

    async def _show(self, request: Request) -> Response:
        found = self.payments.hosted(request.path_params["id"], self.config.clock())
        return self._page(found) if found else self.pages.not_found()

    def _page(
        self, payment: HostedPayment, *, problem: str = "", field: str = "", status: int = 200
    ) -> Response:
        return self.pages.render(
            "card_hosted.html",
            status=status,
            payment=payment,
            problem=problem,
            field=field,
            gateway=self.gateway,
            title=self.title,
            action=self.url(payment.id),
            cards=SHOWN_CARDS,
        )

    async def _take(self, request: Request) -> Response:
        try:
            form = await read_form(request, self.config.max_body)
        except UnreadableError:
            form = {}
        now, page_id = self.config.clock(), request.path_params["id"]
        found = self.payments.hosted(page_id, now)
        if found is None:
            return self.pages.not_found()
        if found.state:  # a second click, or too late
            return _to(found.back) if found.back else self._page(found)
        if form.get("outcome") == "leave":
            back = self.payments.leave_hosted(page_id, now)
            return _to(back) if back else await self._show(request)
        try:
            card = read_card(self.table, form, now)
        except MistypedError as error:
            return self._page(found, problem=str(error), field=error.field, status=422)
        result = self.payments.pay_hosted(page_id, card, now)
        if result.problem:
            return self._page(found, problem=result.problem, status=402)
        return _to(result.redirect) if result.redirect else await self._show(request)


def _to(target: str) -> Response:
    return RedirectResponse(target, status_code=_SEE_OTHER)
