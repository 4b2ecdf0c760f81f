"""VNPay's addresses: the pay link, the page behind it, its error page and the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from ..edge import UnreadableError, read_form, read_json
from . import notices, outcomes
from .api import TransactionApi
from .request import DUPLICATE, PayLink, PayPageError, read_pay_link
from .state import Payment, Payments
from .texts import ERRORS, HINTS, TEXTS

if TYPE_CHECKING:
    from starlette.requests import Request

    from ..config import SandboxConfig
    from ..deliveries import Deliveries
    from ..faults import Faults
    from ..pages import Pages
    from ..summary import PaymentSummary

_SEE_OTHER = 303


class VNPaySimulator:
    """One VNPay terminal: its payments in memory, and the routes under ``/vnpay``."""

    name: ClassVar = "vnpay"
    title: ClassVar = "VNPay"

    def __init__(
        self, config: SandboxConfig, *, deliveries: Deliveries, faults: Faults, pages: Pages
    ) -> None:
        self._config = config
        self._terminal = config.vnpay
        self._deliveries = deliveries
        self._pages = pages
        self._payments = Payments(keep=config.keep)
        self._api = TransactionApi(
            config.vnpay, self._payments, faults=faults, new_id=config.new_id
        )

    def routes(self) -> list[Route]:
        """The routes, relative to the mount."""
        return [
            Route("/paymentv2/vpcpay.html", self._open),
            Route("/paymentv2/Payment/Error.html", self._error),
            Route("/paymentv2/Transaction/PaymentMethod.html", self._show),
            Route("/paymentv2/Transaction/Confirm.html", self._choose, methods=["POST"]),
            Route("/merchant_webapi/api/transaction", self._transaction, methods=["POST"]),
        ]

    def summaries(self) -> list[PaymentSummary]:
        """The payments in a line each, the oldest first."""
        return self._payments.summaries(self._config.clock(), self._page_url(""))

    def _page_url(self, token: str) -> str:
        base = self._config.public_url
        return f"{base}/vnpay/paymentv2/Transaction/PaymentMethod.html?token={token}"

    async def _open(self, request: Request) -> Response:
        try:
            link = read_pay_link(
                request.scope["query_string"], self._terminal, self._config.clock()
            )
            payment = self._payment_of(link)
        except PayPageError as error:
            if b"vnp_Command=genqr" in request.scope["query_string"]:
                return JSONResponse({"code": error.code, "message": ERRORS["en"][error.code]})
            base = f"{self._config.root}/vnpay/paymentv2/Payment/Error.html"
            return RedirectResponse(f"{base}?code={error.code}", status_code=302)
        if link.wants_qr:
            content = self._page_url(payment.token)
            return JSONResponse({"code": "00", "message": "Success", "qrcontent": content})
        return self._page(payment)

    def _payment_of(self, link: PayLink) -> Payment:
        """The payment of a link: a new one, or the one that it already opened and nobody paid."""
        now = self._config.clock()
        known = self._payments.on_same_day(link.fields["vnp_TxnRef"], now)
        if known:
            if known.fields != link.fields or known.outcome:
                raise PayPageError(DUPLICATE)
            return known
        payment = Payment(
            token=self._config.new_id(),
            fields=link.fields,
            txn_ref=link.fields["vnp_TxnRef"],
            create_date=link.fields["vnp_CreateDate"],
            amount=link.amount,
            opened_at=now,
            expires_at=link.expires_at,
        )
        self._payments.add(payment)
        return payment

    async def _show(self, request: Request) -> Response:
        payment = self._payments.by_token(request.query_params.get("token", ""))
        if payment is None:
            return self._pages.not_found()
        return self._page(payment)

    def _page(self, payment: Payment) -> Response:
        return self._pages.render(
            "vnpay_pay.html",
            payment=payment,
            methods=outcomes.methods(payment.fields.get("vnp_BankCode")),
            merchant=self._terminal.merchant_name,
            text=TEXTS[payment.fields["vnp_Locale"]],
        )

    async def _error(self, request: Request) -> Response:
        code = request.query_params.get("code", "")
        code = code if code in ERRORS["vn"] else "99"
        return self._pages.render(
            "vnpay_error.html",
            code=code,
            vn=ERRORS["vn"][code],
            en=ERRORS["en"][code],
            hint=HINTS[code],
        )

    async def _choose(self, request: Request) -> Response:
        try:
            form = await read_form(request, self._config.max_body)
        except UnreadableError:
            form = {}
        payment = self._payments.by_token(form.get("token", ""))
        if payment is None or form.get("outcome") not in outcomes.CHOICES:
            return self._pages.not_found()
        target = self._finish(payment, form["outcome"], form.get("method", ""))
        return RedirectResponse(target, status_code=_SEE_OTHER)

    def _finish(self, payment: Payment, choice: str, method: str) -> str:
        """End a payment once; a second click only repeats where the browser goes."""
        now = self._config.clock()
        if payment.outcome is None:
            offered = outcomes.methods(payment.fields.get("vnp_BankCode"))
            payment.outcome = outcomes.conclude(
                "expire" if payment.expires_at <= now else choice,
                method=method if method in offered else offered[0],
                payments=self._payments,
                now=now,
            )
            self._deliveries.enqueue(
                notices.ipn_request(payment, payment.outcome, self._terminal),
                provider="vnpay",
                reference=payment.txn_ref,
                rule=notices.retry_rule(self._terminal),
            )
        return notices.return_url(payment, payment.outcome, self._terminal)

    async def _transaction(self, request: Request) -> Response:
        try:
            body = await read_json(request, self._config.max_body)
        except UnreadableError:
            body = None
        return JSONResponse(self._api.answer(body, self._config.clock()))
