"""MoMo's addresses: the API operations, and the page where the payer decides."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, ClassVar

from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from ..edge import UnreadableError, read_form, read_json
from . import codes, notices, outcomes
from .gateway import Gateway
from .operations import Operations
from .state import Books, Payment
from .texts import TEXTS

if TYPE_CHECKING:
    from starlette.requests import Request

    from ..config import MoMoMerchant, SandboxConfig
    from ..deliveries import Deliveries
    from ..faults import Faults
    from ..pages import Pages
    from ..summary import PaymentSummary

_SEE_OTHER = 303


class MoMoSimulator:
    """MoMo for a few merchants: its books in memory, and the routes under ``/momo``."""

    name: ClassVar = "momo"
    title: ClassVar = "MoMo"

    def __init__(
        self, config: SandboxConfig, *, deliveries: Deliveries, faults: Faults, pages: Pages
    ) -> None:
        self._config = config
        self._deliveries = deliveries
        self._pages = pages
        self._books = Books(keep=config.keep)
        operations = Operations(
            config=config, books=self._books, faults=faults, notify=self._notify
        )
        self._gateway = Gateway(config.momo, self._books, operations)

    def routes(self) -> list[Route]:
        """The routes, relative to the mount."""
        operations = [
            Route(f"/v2/gateway/api/{name}", self._operation(name), methods=["POST"])
            for name in self._gateway.names
        ]
        return [
            *operations,
            Route("/v2/gateway/pay", self._show),
            Route("/v2/gateway/pay/confirm", self._choose, methods=["POST"]),
        ]

    def summaries(self) -> list[PaymentSummary]:
        """The payments in a line each, the oldest first."""
        page = f"{self._config.public_url}/momo/v2/gateway/pay?t="
        return self._books.summaries(self._config.clock(), page)

    def _operation(self, name: str) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            try:
                body = await read_json(request, self._config.max_body)
            except UnreadableError:
                body = None
            status, answer = self._gateway.answer(name, body, self._config.clock())
            return JSONResponse(answer, status_code=status)

        return endpoint

    async def _show(self, request: Request) -> Response:
        payment = self._books.payment_by_token(request.query_params.get("t", ""))
        merchant = self._merchant(payment)
        if payment is None or merchant is None:
            return self._pages.not_found()
        return self._pages.render(
            "momo_pay.html",
            payment=payment,
            pay_types=outcomes.pay_types(payment),
            amount=payment.money().format(),
            merchant=payment.fields.get("storeName") or merchant.name,
            text=TEXTS["en" if payment.fields.get("lang") == "en" else "vi"],
        )

    async def _choose(self, request: Request) -> Response:
        try:
            form = await read_form(request, self._config.max_body)
        except UnreadableError:
            form = {}
        payment = self._books.payment_by_token(form.get("token", ""))
        merchant = self._merchant(payment)
        choice = form.get("outcome", "")
        if payment is None or merchant is None or choice not in outcomes.CHOICES:
            return self._pages.not_found()
        # A second click only repeats where the browser goes.
        if payment.finished_at is None:
            self._finish(payment, merchant, choice, form.get("method", ""))
        target = notices.return_url(payment, merchant)
        return RedirectResponse(target, status_code=_SEE_OTHER)

    def _finish(self, payment: Payment, merchant: MoMoMerchant, choice: str, pay_type: str) -> None:
        outcomes.conclude(
            payment,
            choice,
            pay_type,
            books=self._books,
            new_id=self._config.new_id,
            now=self._config.clock(),
        )
        silent = payment.result_code == codes.DECLINED_BY_USER
        if not silent or self._config.momo.ipn_on_cancel:
            self._notify(payment, merchant)

    def _merchant(self, payment: Payment | None) -> MoMoMerchant | None:
        """The merchant of a payment that has a page; charges without one are not shown."""
        if payment is None or not payment.request_type:
            return None
        return self._config.momo.merchant(payment.partner_code)

    def _notify(self, payment: Payment, merchant: MoMoMerchant) -> None:
        self._deliveries.enqueue(
            notices.ipn_request(payment, merchant),
            provider="momo",
            reference=payment.order_id,
            rule=notices.retry_rule(self._config.momo),
        )
