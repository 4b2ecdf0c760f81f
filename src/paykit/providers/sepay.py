"""SePay: watches a bank account and posts a notice of each transfer.

Sources: https://developer.sepay.vn/en/sepay-webhooks (notices, their proofs and replies) and
https://developer.sepay.vn/en/sepay-api/v1/api-giao-dich (the list of transfers).
Amounts are whole đồng, times are GMT+7. Its payment gateway is another product: ``sepaypg``.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Final
from urllib.parse import quote, urlencode

from pydantic import Field, model_validator

from ..adapter import Adapter
from ..bank_transfer import BankTransferConfig, BankTransferProvider, TransferPage, in_vietnam
from ..errors import (
    AuthenticationFailed,
    InvalidRequest,
    MalformedDelivery,
    MalformedResponse,
    RateLimited,
    SignatureError,
)
from ..events import Event, TransferReceived
from ..flow import Flow, done
from ..http import Delivery, Reply
from ..info import Asking
from ..models import PaymentStatus
from ..provider import Clock, IdFactory, ProviderInfo, hosts, random_id, utc_now
from ..retries import retry_after
from ..signing import Verified, check_fresh, seal_header, seal_hmac_hex
from ..wire import (
    CamelWire,
    Dong,
    DongText,
    Secret,
    Url,
    VietnamTime,
    Wire,
    signing_keys,
)

TOLERANCE: Final = timedelta(minutes=5)
#: The list holds so many transfers, and does not say whether there are more.
MOST: Final = 5000
_SECONDS: Final = re.compile(r"[0-9]{1,11}", re.ASCII)
_EXPECTED: Final = (
    "X-SePay-Signature: sha256=<64 lower-case hex digits of HMAC-SHA256 over X-SePay-Timestamp, "
    "a dot and the raw body>"
)


class SePayConfig(BankTransferConfig):
    """One bank account at SePay, and what proves its webhook.

    Give ``webhook_secret`` (HMAC-SHA256) or ``api_key``, whichever the webhook is set to in SePay's
    console. The former ones, of either kind, are accepted while you change them. ``api_token`` is
    for :meth:`SePay.list_transactions` alone.
    """

    provider = "sepay"

    webhook_secret: Secret | None = None
    api_key: Secret | None = None
    previous_webhook_secrets: tuple[Secret, ...] = ()
    previous_api_keys: tuple[Secret, ...] = ()
    api_token: Secret | None = None
    base_url: Url | None = None

    @model_validator(mode="after")
    def _one_proof(self) -> SePayConfig:
        if (self.webhook_secret is None) is (self.api_key is None):
            raise ValueError(
                "give either webhook_secret or api_key, as the webhook is set at SePay "
                "(the former one belongs into previous_webhook_secrets or previous_api_keys)"
            )
        return self


class _Notice(CamelWire):
    id: Annotated[int, Field(ge=1, lt=2**63)]
    transaction_date: VietnamTime
    account_number: str
    sub_account: str | None = None
    transfer_type: str
    transfer_amount: Dong
    content: str | None = None
    description: str | None = None
    reference_code: str | None = None


class _Row(Wire):
    id: Annotated[str, Field(pattern=r"^[1-9][0-9]{0,18}$")]
    transaction_date: VietnamTime
    account_number: str
    sub_account: str | None = None
    amount_in: DongText
    amount_out: DongText
    transaction_content: str | None = None
    reference_number: str | None = None


class _List(Wire):
    transactions: list[_Row]


class SePay(BankTransferProvider, Adapter):
    """SePay: a QR code for a transfer to your own bank account, and a notice when it arrived."""

    name = "sepay"
    info = ProviderInfo(
        title="SePay",
        homepage="https://sepay.vn",
        docs=(
            "https://developer.sepay.vn/en/sepay-webhooks",
            "https://developer.sepay.vn/en/sepay-api/v1/api-giao-dich",
        ),
        currencies=frozenset({"VND"}),
        countries=frozenset({"VN"}),
        hosts=hosts(sandbox="https://my.dev.sepay.vn", production="https://my.sepay.vn"),
        silent_on=frozenset(PaymentStatus) - {PaymentStatus.SUCCEEDED},
        # It cannot be asked. A notice comes again for 33 minutes; a bank may keep a transfer back.
        asking=Asking(grace=timedelta(days=1)),
    )
    Config = SePayConfig
    config: SePayConfig
    #: One page of SePay asks for status 200 only, another for this body as well.
    acknowledgement = Reply.json({"success": True})

    def __init__(
        self, config: SePayConfig, *, clock: Clock = utc_now, new_id: IdFactory = random_id
    ) -> None:
        super().__init__(config, clock=clock, new_id=new_id)
        secrets = (config.webhook_secret, *config.previous_webhook_secrets)
        self._keys = signing_keys("sha256", *filter(None, secrets))
        self._api_keys = tuple(filter(None, (config.api_key, *config.previous_api_keys)))

    # Notices.

    def verify(self, delivery: Delivery) -> Flow[Verified]:
        """Prove a notice by HMAC-SHA256 over time and body, or by the API key that it brings.

        Where a secret is configured, an API key is no proof, unless it is one of the former ones.
        """
        signed = delivery.header("X-SePay-Signature") is not None
        try:
            if self._keys and (signed or not self._api_keys):
                return done(self._signed(delivery))
            return done(seal_header(delivery, "Authorization", *self._api_keys, scheme="Apikey"))
        except MalformedDelivery:
            if "form" in (delivery.header("Content-Type") or ""):
                raise MalformedDelivery(
                    "not JSON: set the webhook's Content-Type at SePay to application/json",
                    provider=self.name,
                ) from None
            raise

    def _signed(self, delivery: Delivery) -> Verified:
        seconds = delivery.header("X-SePay-Timestamp") or ""
        scheme, _, digest = (delivery.header("X-SePay-Signature") or "").partition("=")
        if scheme != "sha256" or not _SECONDS.fullmatch(seconds):
            raise SignatureError(f"no signature with its time; expected {_EXPECTED}")
        verified = seal_hmac_hex(
            delivery,
            keys=self._keys,
            messages=[b"%b.%b" % (seconds.encode(), delivery.body)],
            given=digest,
            expected=_EXPECTED,
        )
        moment = datetime.fromtimestamp(int(seconds), UTC)
        check_fresh(moment, now=self.clock(), tolerance=TOLERANCE)
        return verified

    def parse(self, verified: Verified) -> tuple[Event, ...]:
        """The transfer, if money came in; nothing for any other ``transferType`` than ``in``.

        SePay's own ``code`` is not used: it follows rules that are set at SePay, not here.
        """
        told = _Notice.told(verified.fields, provider=self.name)
        account = self.own(told.account_number, told.sub_account)
        if account is None:
            raise MalformedDelivery("the account is not one of ours", provider=self.name)
        if told.transfer_type != "in":
            return ()
        memo, notice = told.content or "", told.description or ""
        transfer = self.received(
            transfer_id=str(told.id),
            amount=told.transfer_amount,
            # The bank's whole notice counts where the memo that was cut out of it has no code.
            memo=notice if self.codes.find(notice) and not self.codes.find(memo) else memo,
            occurred_at=told.transaction_date,
            account_number=account,
            bank_reference=told.reference_code,
        )
        return (transfer,)

    # The list of transfers.

    def list_transactions(
        self, *, since: datetime, until: datetime | None = None
    ) -> Flow[TransferPage]:
        """Ask for the transfers of a time, to find those that no notice told of.

        Needs ``api_token``. This is version 1 of the API, because only it numbers transfers as the
        notices do; SePay develops it no further, but keeps it. Run it with ``client.run(flow)``.
        Raises :class:`~paykit.errors.MalformedResponse` if there may be more than the 5,000 that
        SePay lists: ask for a shorter time.
        """
        query = {"transaction_date_min": _time(since, "since")}
        if until is not None:
            query["transaction_date_max"] = _time(until, "until")
        call = self.get(f"/userapi/transactions/list?{urlencode(query, quote_via=quote)}")
        response = yield call
        if response.status == HTTPStatus.TOO_MANY_REQUESTS:
            raise RateLimited(
                "too many calls",
                provider=self.name,
                retry_after=retry_after(response, header="x-sepay-userapi-retry-after"),
                http_status=response.status,
            )
        if response.status == HTTPStatus.OK and not response.body.strip():
            raise AuthenticationFailed(
                "an empty answer, which is how it refuses an api_token",
                provider=self.name,
                http_status=response.status,
            )
        return self.read_as(call, response, _List, self._page)

    def headers(self) -> dict[str, str]:
        """The API's token."""
        if self.config.api_token is None:
            raise InvalidRequest("is not configured", field="api_token")
        return {"Authorization": f"Bearer {self.config.api_token.get_secret_value()}"}

    def _page(self, listed: _List) -> TransferPage:
        if len(listed.transactions) >= MOST:
            raise MalformedResponse(
                f"{MOST} transfers, and there may be more: ask for a shorter time",
                provider=self.name,
            )
        found = (self._transfer(row) for row in listed.transactions)
        return TransferPage(transfers=tuple(transfer for transfer in found if transfer))

    def _transfer(self, row: _Row) -> TransferReceived | None:
        if bool(row.amount_in) is bool(row.amount_out):
            raise MalformedResponse("a transfer is neither in nor out", provider=self.name)
        account = self.own(row.account_number, row.sub_account)
        if account is None or not row.amount_in:
            return None
        return self.received(
            transfer_id=row.id,
            amount=row.amount_in,
            memo=row.transaction_content or "",
            occurred_at=row.transaction_date,
            account_number=account,
            bank_reference=row.reference_number,
        )


def _time(moment: datetime, field: str) -> str:
    return f"{in_vietnam(moment, field=field):%Y-%m-%d %H:%M:%S}"
