"""payOS's API, checkout page and webhooks.

https://payos.vn/docs/api/ (create, get and cancel payment requests; confirm-webhook)
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeAlias
from urllib.parse import urlencode

from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from ...errors import PaykitError
from ...http import HttpRequest, HttpResponse
from ...money import Money
from ...vietqr.payload import VietQRPayload
from ..deliveries import RetryRule, Verdict
from ..edge import (
    UnreadableError,
    is_return_url,
    is_web_url,
    read_form,
    read_json,
    remember,
    with_query,
)
from .signing import sign_create, sign_data
from .state import Link, webhook_data

if TYPE_CHECKING:
    from starlette.requests import Request

    from ..bank.ledger import Bank, Transfer
    from ..config import SandboxConfig
    from ..deliveries import Deliveries
    from ..faults import Faults
    from ..pages import Pages
    from ..summary import PaymentSummary

_Endpoint: TypeAlias = "Callable[[Request], Awaitable[Response]]"

_SEE_OTHER: Final = 303
_LAST_ORDER_CODE: Final = 9_007_199_254_740_991
_LONGEST_DESCRIPTION: Final = 25
_LAST_SECOND: Final = 2**31 - 1
_MESSAGES: Final = {
    "01": "Invalid params",
    "20": "Thông tin truyền lên không đúng.",
    "101": "Mã thanh toán không tồn tại",
    "201": "Mã kiểm tra(signature) không hợp lệ",
    "214": "Cổng thanh toán không tồn tại hoặc đã tạm dừng",
    "231": "Đơn thanh toán đã tồn tại",
}
#: What payOS sends to an address that is being registered.
SAMPLE: Final[Mapping[str, Any]] = {
    "orderCode": 123,
    "amount": 3000,
    "description": "VQRIO123",
    "accountNumber": "12345678",
    "reference": "TF230204212323",
    "transactionDateTime": "2023-02-04 18:25:00",
    "currency": "VND",
    "paymentLinkId": "124c33293c43417ab7879e14c8d9eb18",
    "code": "00",
    "desc": "Thành công",
    "counterAccountBankId": "",
    "counterAccountBankName": "",
    "counterAccountName": "",
    "counterAccountNumber": "",
    "virtualAccountName": "",
    "virtualAccountNumber": "",
}


class _RefusedError(Exception):
    """payOS says no; ``code`` is its own."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


class PayOSSimulator:
    """One channel: its links in memory, and the routes under ``/payos``."""

    name: ClassVar = "payos"
    title: ClassVar = "payOS"

    def __init__(
        self,
        config: SandboxConfig,
        *,
        deliveries: Deliveries,
        faults: Faults,
        pages: Pages,
        bank: Bank,
    ) -> None:
        del faults
        self._config = config
        self._channel = config.payos
        self._deliveries = deliveries
        self._pages = pages
        self._links: dict[str, Link] = {}
        self._webhook_url = config.payos.webhook_url
        bank.watch(self._channel.account.number, self._arrived)

    def routes(self) -> list[Route]:
        """The routes, relative to the mount."""
        one = "/v2/payment-requests/{id}"
        return [
            Route("/v2/payment-requests", self._api(self._create), methods=["POST"]),
            Route(one, self._api(self._get)),
            Route(f"{one}/cancel", self._api(self._cancel), methods=["POST"]),
            Route("/confirm-webhook", self._api(self._confirm), methods=["POST"]),
            Route("/web/{id}", self._show),
            Route("/web/{id}/leave", self._leave, methods=["POST"]),
        ]

    def summaries(self) -> list[PaymentSummary]:
        """The links in a line each, the oldest first."""
        now = self._config.clock()
        return [link.summary(now, self._page_url(link)) for link in self._links.values()]

    def _page_url(self, link: Link) -> str:
        return f"{self._config.public_url}/payos/web/{link.id}"

    # The API.

    def _api(self, answer: _Endpoint) -> _Endpoint:
        """The endpoint that checks the caller's keys first and puts a refusal into words."""

        async def endpoint(request: Request) -> Response:
            try:
                self._authenticate(request)
                return await answer(request)
            except _RefusedError as error:
                return _refusal(error.code)

        return endpoint

    async def _create(self, request: Request) -> Response:
        link = self._new_link(await self._read(request))
        remember(self._links, link.id, link, keep=self._config.keep)
        return self._answer(link.created(self._channel, self._page_url(link)))

    def _new_link(self, body: Mapping[str, Any]) -> Link:
        now = self._config.clock()
        code, amount, text = (body.get(name) for name in ("orderCode", "amount", "description"))
        if type(code) is not int or not 0 < code <= _LAST_ORDER_CODE:
            raise _RefusedError("20")
        if type(amount) is not int or not 0 < amount < 500_000_000:  # noqa: PLR2004 - NAPAS's limit
            raise _RefusedError("20")
        if not isinstance(text, str) or not 0 < len(text) <= _LONGEST_DESCRIPTION:
            raise _RefusedError("20")
        urls = [body.get("returnUrl"), body.get("cancelUrl")]
        if not all(isinstance(url, str) and is_return_url(url) for url in urls):
            raise _RefusedError("20")
        expires = body.get("expiredAt")
        if expires is not None and (type(expires) is not int or not 0 < expires <= _LAST_SECOND):
            raise _RefusedError("20")
        given = body.get("signature")
        wanted = sign_create(self._channel.checksum_key, body)
        if not isinstance(given, str) or not hmac.compare_digest(wanted.encode(), given.encode()):
            raise _RefusedError("201")
        if self._find(str(code)) is not None:
            raise _RefusedError("231")
        link_id = self._config.new_id()
        # payOS puts a code of its own in front, by which it knows the transfer again.
        memo = f"CS{link_id[:8].upper()} {text}"[:_LONGEST_DESCRIPTION].strip()
        try:
            qr = VietQRPayload.of(
                self._channel.account.bin,
                self._channel.account.number,
                amount=Money(amount, "VND"),
                purpose=memo,
            ).to_text()
        except PaykitError:
            raise _RefusedError("20") from None
        return Link(
            id=link_id,
            order_code=code,
            amount=amount,
            description=text,
            memo=memo,
            qr=qr,
            return_url=str(urls[0]),
            cancel_url=str(urls[1]),
            created_at=now,
            expires_at=datetime.fromtimestamp(expires, UTC)
            if expires is not None
            else now + self._channel.session_lifetime,
        )

    async def _get(self, request: Request) -> Response:
        return self._answer(self._existing(request).told(self._config.clock()))

    async def _cancel(self, request: Request) -> Response:
        link = self._existing(request)
        reason = (await self._read(request, empty=True)).get("cancellationReason")
        now = self._config.clock()
        if link.status(now) not in {"PENDING", "UNDERPAID", "CANCELLED"}:
            raise _RefusedError("20")
        if link.canceled_at is None:
            link.canceled_at = now
            link.cancellation_reason = reason[:255] if isinstance(reason, str) else None
        return self._answer(link.told(now))

    async def _confirm(self, request: Request) -> Response:
        """Register an address: it has to answer a signed sample with 2xx."""
        url = (await self._read(request)).get("webhookUrl")
        if not isinstance(url, str) or not is_web_url(url):
            raise _RefusedError("20")
        attempt = await self._deliveries.send_now(
            self._webhook(url, SAMPLE), provider="payos", reference="123", rule=self._rule()
        )
        if not attempt.settled:
            return _refusal("20", status=400)
        self._webhook_url = url
        account = self._channel.account
        return JSONResponse(
            {
                "code": "00",
                "desc": "success",
                "data": {
                    "webhookUrl": url,
                    "accountName": account.holder,
                    "accountNumber": account.number,
                    "name": account.bank,
                    "shortName": account.bank,
                },
            }
        )

    def _authenticate(self, request: Request) -> None:
        for name, wanted in (
            ("x-client-id", self._channel.client_id),
            ("x-api-key", self._channel.api_key),
        ):
            if not hmac.compare_digest(request.headers.get(name, "").encode(), wanted.encode()):
                raise _RefusedError("214")

    async def _read(self, request: Request, *, empty: bool = False) -> dict[str, Any]:
        if empty and request.headers.get("content-length", "0") == "0":
            return {}
        try:
            return await read_json(request, self._config.max_body)
        except UnreadableError:
            raise _RefusedError("20") from None

    def _existing(self, request: Request) -> Link:
        link = self._find(request.path_params["id"])
        if link is None:
            raise _RefusedError("101")
        return link

    def _find(self, key: str) -> Link | None:
        if key in self._links:
            return self._links[key]
        return next((one for one in self._links.values() if str(one.order_code) == key), None)

    def _answer(self, data: dict[str, Any]) -> Response:
        signature = sign_data(self._channel.checksum_key, data)
        return JSONResponse({"code": "00", "desc": "success", "data": data, "signature": signature})

    # The checkout page, and the money.

    async def _show(self, request: Request) -> Response:
        link = self._links.get(request.path_params["id"])
        if link is None:
            return self._pages.not_found()
        now = self._config.clock()
        return self._pages.render(
            "payos_pay.html",
            link=link,
            status=200,
            state=link.status(now),
            amount=Money(link.amount, "VND").format(),
            missing=Money(max(0, link.amount - link.paid), "VND").format(),
            account=self._channel.account,
            back=self._return_url(link, now),
        )

    async def _leave(self, request: Request) -> Response:
        """The payer gives up: payOS cancels the link and sends the browser to ``cancelUrl``."""
        link = self._links.get(request.path_params["id"])
        try:
            await read_form(request, self._config.max_body)
        except UnreadableError:
            link = None
        if link is None:
            return self._pages.not_found()
        now = self._config.clock()
        if link.status(now) in {"PENDING", "UNDERPAID"}:
            link.canceled_at = now
        return RedirectResponse(self._return_url(link, now), status_code=_SEE_OTHER)

    def _return_url(self, link: Link, now: datetime) -> str:
        """Where the browser goes, with payOS's unsigned parameters."""
        status = link.status(now)
        left = status == "CANCELLED"
        fields = {
            "code": "00",
            "id": link.id,
            "cancel": "true" if left else "false",
            "status": status,
            "orderCode": link.order_code,
        }
        return with_query(link.cancel_url if left else link.return_url, urlencode(fields))

    def _arrived(self, transfer: Transfer) -> None:
        """Find the link by the memo; money for a closed one is told of as well."""
        plain = "".join(letter for letter in transfer.memo.upper() if letter.isalnum())
        for link in reversed(self._links.values()):
            if link.memo.split()[0] in plain:
                link.transfers.append(transfer)
                self._deliveries.enqueue(
                    self._webhook(self._webhook_url, webhook_data(link, transfer)),
                    provider="payos",
                    reference=str(link.order_code),
                    rule=self._rule(),
                )
                return

    def _webhook(self, url: str, data: Mapping[str, Any]) -> HttpRequest:
        signature = sign_data(self._channel.checksum_key, data)
        return HttpRequest.post_json(
            url,
            {
                "code": "00",
                "desc": "success",
                "success": True,
                "data": data,
                "signature": signature,
            },
        )

    def _rule(self) -> RetryRule:
        return RetryRule(
            delays=self._channel.retry_after,
            timeout=self._channel.timeout,
            judge=judge,
        )


def _refusal(code: str, *, status: int = 200) -> Response:
    return JSONResponse(
        {"code": code, "desc": _MESSAGES[code], "data": None, "signature": None}, status_code=status
    )


def judge(response: HttpResponse) -> Verdict:
    """Any 2xx ends it."""
    return Verdict(settled=200 <= response.status < 300, note=f"HTTP {response.status}")  # noqa: PLR2004
