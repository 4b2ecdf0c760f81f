"""Casso: watches a bank account and posts a notice of each transfer.

Sources: https://developer.casso.vn (notices, the list of transfers) and
https://github.com/CassoHQ/casso-webhook-v2-verify-signature (the signature of version 2).
Amounts are whole đồng, less than nothing where money goes out; times are GMT+7.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode

from pydantic import AliasChoices, Field, model_validator

from ...adapter import Adapter
from ...bank_transfer import BankTransferConfig, BankTransferProvider, TransferPage, in_vietnam
from ...errors import (
    InvalidRequest,
    MalformedDelivery,
    MalformedResponse,
    ProviderError,
    SignatureError,
)
from ...events import Event, TransferReceived
from ...flow import Flow, done
from ...http import Delivery, Reply
from ...info import Asking
from ...models import PaymentStatus
from ...provider import Clock, IdFactory, ProviderInfo, hosts, random_id, utc_now
from ...signing import Verified, check_fresh, seal_header, seal_hmac_hex
from ...vietnam import from_milliseconds
from ...wire import CamelWire, Dong, Secret, Url, VietnamTime, Wire, signing_keys
from .canonical import spellings

__all__ = ["Casso", "CassoConfig"]

#: How far in the future a signed time may be. The past is ``CassoConfig.tolerance``.
AHEAD: Final = timedelta(minutes=5)
#: As long as the token in Casso's own sample.
SHORTEST_TOKEN: Final = 10
_SIGNATURE: Final = re.compile(r"t=([0-9]{1,13}),v1=([0-9a-f]{128})", re.ASCII)
_EXPECTED: Final = (
    "X-Casso-Signature: t=<Unix milliseconds>,v1=<128 lower-case hex digits of HMAC-SHA512 over t, "
    "a dot and the body's JSON with sorted keys and no blanks>"
)
LONGEST_TOLERANCE: Final = timedelta(days=7)
_MOST_ON_A_PAGE: Final = 100


class CassoConfig(BankTransferConfig):
    """One bank account at Casso, and what proves its webhook.

    ``security_key`` is the key of a version 2 webhook. Version 1 has to be chosen by
    ``webhook_version`` and has a ``secure_token`` instead, which signs nothing. A notice of version
    2 may be as old as ``tolerance``. ``api_key`` is for :meth:`Casso.list_transactions` alone.
    """

    provider = "casso"

    webhook_version: Literal["v2", "v1"] = "v2"
    security_key: Secret | None = None
    previous_security_keys: tuple[Secret, ...] = ()
    secure_token: Secret | None = None
    previous_secure_tokens: tuple[Secret, ...] = ()
    tolerance: timedelta = timedelta(hours=24)
    api_key: Secret | None = None
    base_url: Url | None = None

    @model_validator(mode="after")
    def _one_proof(self) -> CassoConfig:
        keys = self.security_key, *self.previous_security_keys
        tokens = self.secure_token, *self.previous_secure_tokens
        if self.webhook_version == "v2":
            if self.security_key is None:
                raise ValueError("security_key is missing: without it nobody proves a webhook")
            if any(tokens):
                raise ValueError('secure_token is for webhook_version "v1" only')
        else:
            if self.secure_token is None:
                raise ValueError("secure_token is missing: without it nobody proves a webhook")
            if any(keys):
                raise ValueError('security_key is for webhook_version "v2" only')
        if any(len(token.get_secret_value()) < SHORTEST_TOKEN for token in tokens if token):
            raise ValueError(f"secure_token must have at least {SHORTEST_TOKEN} characters")
        if not timedelta(0) < self.tolerance <= LONGEST_TOLERANCE:
            raise ValueError("tolerance must be more than nothing, and 7 days at most")
        return self


class _Transfer(Wire):
    id: Annotated[int, Field(ge=0, lt=2**63)]
    amount: Dong
    description: str | None = None


class _Told(_Transfer):
    """A transfer of a version 2 webhook."""

    reference: str | None = None
    at: VietnamTime = Field(alias="transactionDateTime")
    account: str | None = Field(default=None, alias="accountNumber")
    virtual_account: str | None = Field(default=None, alias="virtualAccountNumber")


class _Listed(_Transfer):
    """A transfer of a version 1 webhook, and of the list, which is spelt in more ways than one."""

    reference: str | None = Field(default=None, validation_alias=AliasChoices("tid", "reference"))
    at: VietnamTime = Field(validation_alias=AliasChoices("when", "transactionDateTime"))
    account: str | None = Field(
        default=None,
        validation_alias=AliasChoices("bank_sub_acc_id", "bankSubAccId", "accountNumber"),
    )
    virtual_account: str | None = Field(
        default=None,
        validation_alias=AliasChoices("virtual_account", "virtualAccount", "virtualAccountNumber"),
    )


class _Envelope(Wire):
    error: int
    message: str = ""
    data: Any


class _Page(CamelWire):
    page: int
    total_pages: int
    records: list[_Listed]


class Casso(BankTransferProvider, Adapter):
    """Casso: a QR code for a transfer to your own bank account, and a notice when it arrived."""

    name = "casso"
    info = ProviderInfo(
        title="Casso",
        homepage="https://casso.vn",
        docs=(
            "https://developer.casso.vn",
            "https://github.com/CassoHQ/casso-webhook-v2-verify-signature",
        ),
        currencies=frozenset({"VND"}),
        countries=frozenset({"VN"}),
        hosts=hosts(sandbox="https://oauth.casso.vn", production="https://oauth.casso.vn"),
        silent_on=frozenset(PaymentStatus) - {PaymentStatus.SUCCEEDED},
        # It cannot be asked, and takes minutes. A bank may keep a transfer back.
        asking=Asking(grace=timedelta(days=1)),
    )
    Config = CassoConfig
    config: CassoConfig
    #: The strict mode of a webhook reads the body, too.
    acknowledgement = Reply.json({"success": True})

    def __init__(
        self, config: CassoConfig, *, clock: Clock = utc_now, new_id: IdFactory = random_id
    ) -> None:
        super().__init__(config, clock=clock, new_id=new_id)
        keys = filter(None, (config.security_key, *config.previous_security_keys))
        self._keys = signing_keys("sha512", *keys)

    # Notices.

    def verify(self, delivery: Delivery) -> Flow[Verified]:
        """Prove a notice by HMAC-SHA512 over time and sorted JSON; in version 1 by its token."""
        if self.config.webhook_version == "v1":
            tokens = filter(None, (self.config.secure_token, *self.config.previous_secure_tokens))
            return done(seal_header(delivery, "Secure-Token", *tokens))
        header = _SIGNATURE.fullmatch(delivery.header("X-Casso-Signature") or "")
        if header is None:
            raise SignatureError(f"no signature of version 2; expected {_EXPECTED}")
        milliseconds, digest = header.groups()
        content = delivery.json()
        verified = seal_hmac_hex(
            delivery,
            keys=self._keys,
            messages=(
                b"%b.%b" % (milliseconds.encode(), text) for text in spellings(delivery.body)
            ),
            given=digest,
            fields=content,
            expected=_EXPECTED,
        )
        moment = from_milliseconds(int(milliseconds))
        check_fresh(moment, now=self.clock(), tolerance=self.config.tolerance, ahead=AHEAD)
        return done(verified)

    def parse(self, verified: Verified) -> tuple[Event, ...]:
        """The transfers that brought money in.

        None for money that went out, for the console's test call (its id is 0), for an ``error``,
        and where there is no data.
        """
        told = _Envelope.told(verified.fields, provider=self.name)
        if told.error or not told.data:
            return ()
        one = self.config.webhook_version == "v2"
        if not isinstance(told.data, dict if one else list):
            raise MalformedDelivery(
                "data has the form of a webhook of another version", provider=self.name
            )
        shape = _Told if one else _Listed
        several: list[Any] = [told.data] if one else list(told.data)
        rows = [shape.told(row, provider=self.name) for row in several]
        real = [row for row in rows if row.id]
        ours = [row for row in real if self._account(row)]
        if real and not ours:
            raise MalformedDelivery("the account is not one of ours", provider=self.name)
        came_in = [row for row in ours if row.amount > 0]
        # A row of nothing is an error, but must not keep back the money that is told of with it.
        nothing = [row for row in ours if row.amount == 0]
        return tuple(self._received(row) for row in came_in or nothing)

    # The list of transfers.

    def list_transactions(
        self, *, since: datetime, page: int = 1, page_size: int = 100
    ) -> Flow[TransferPage]:
        """Ask for the transfers from the day of ``since`` on, to find those nobody told of.

        Needs ``api_key``. The oldest come first; ask for :attr:`TransferPage.next_page` until there
        is none. Run it with ``client.run(flow)``.
        """
        if page < 1 or not 1 <= page_size <= _MOST_ON_A_PAGE:
            raise InvalidRequest("from 1 on, with 1 to 100 transfers each", field="page")
        query = {
            "fromDate": f"{in_vietnam(since, field='since'):%Y-%m-%d}",
            "page": page,
            "pageSize": page_size,
            "sort": "ASC",
        }
        call = self.get(f"/v2/transactions?{urlencode(query)}")
        return self.ask_for(call, _Envelope, lambda answer: self._page(answer, page))

    def headers(self) -> dict[str, str]:
        """The API's key."""
        if self.config.api_key is None:
            raise InvalidRequest("is not configured", field="api_key")
        return {"Authorization": f"Apikey {self.config.api_key.get_secret_value()}"}

    def _page(self, answer: _Envelope, page: int) -> TransferPage:
        if answer.error:
            raise ProviderError(
                answer.message or "refused", provider=self.name, code=str(answer.error)
            )
        listed = _Page.read(answer.data, provider=self.name)
        if listed.page != page:
            raise MalformedResponse("the answer is another page", provider=self.name)
        if any(not (row.account or row.virtual_account) for row in listed.records):
            raise MalformedResponse("a transfer does not name its account", provider=self.name)
        return TransferPage(
            transfers=tuple(
                self._received(row)
                for row in listed.records
                if row.id and row.amount > 0 and self._account(row)
            ),
            next_page=page + 1 if page < listed.total_pages else None,
        )

    def _account(self, row: _Told | _Listed) -> str | None:
        return self.own(row.account, row.virtual_account)

    def _received(self, row: _Told | _Listed) -> TransferReceived:
        return self.received(
            transfer_id=str(row.id),
            amount=row.amount,
            memo=row.description or "",
            occurred_at=row.at,
            account_number=self._account(row) or "",
            bank_reference=row.reference or None,
        )
