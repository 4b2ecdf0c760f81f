"""ZaloPay's lists of banks: which a payer can choose, and whose apps a QR code opens.

Sources: https://docs.zalopay.vn/v2/docs/gateway/api.html (list of banks, names of the older
interface) and ZaloPay's VietQR document (deep links).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

import attrs

from ...errors import InvalidRequest
from ...flow import Flow
from ...http import HttpRequest, HttpResponse, JsonObject
from ...money import Money
from ...wire import Environment
from .account import Account
from .answers import Answer, BankLinksAnswer, BanksAnswer
from .codes import BANK_LINK_REFUSALS, DONE
from .wire import (
    BANK_FIELDS,
    BANK_LINK_FIELDS,
    check_bank_code,
    check_text,
)

_GATEWAYS = {
    Environment.SANDBOX: "https://sbgateway.zalopay.vn",
    Environment.PRODUCTION: "https://gateway.zalopay.vn",
}
_CHANNEL = re.compile(r"[0-9]{1,9}", re.ASCII)
_MAX_TOKEN = 256


@attrs.frozen(kw_only=True)
class Bank:
    """A bank that takes part; ``code`` is a ``method`` of a request.

    ``channel`` is ZaloPay's number of the way to pay: 36 credit card, 37 bank account, 38 wallet,
    39 domestic card, 41 debit card.
    """

    code: str
    name: str
    channel: int
    smallest: Money | None = None
    largest: Money | None = None
    order: int | None = None


@attrs.frozen(kw_only=True)
class BankLink:
    """A bank's app; ``url`` opens it, with the order filled in if ``fills_in``."""

    code: str
    url: str
    name: str | None = None
    full_name: str | None = None
    logo_url: str | None = None
    fills_in: bool = False


class Banks(Account):
    """Questions about banks."""

    def banks(self) -> Flow[tuple[Bank, ...]]:
        """Which banks a payer can choose, and between which amounts."""
        body = {"appid": str(self.config.app_id), "reqtime": str(self._now())}
        signed = [*body.items(), ("mac", self.mac(BANK_FIELDS, body))]
        gateway = (
            self.config.gateway_url or self.config.base_url or _GATEWAYS[self.config.environment]
        )

        def read(raw: JsonObject, response: HttpResponse) -> tuple[Bank, ...]:
            answer = BanksAnswer.read(raw, provider=self.name)
            if answer.returncode != DONE:
                refused = Answer(return_code=answer.returncode, return_message=answer.returnmessage)
                raise self._refusal(refused, raw, response)
            return tuple(
                Bank(
                    code=bank.bankcode,
                    name=bank.name,
                    channel=int(channel),
                    smallest=_limit(bank.minamount),
                    largest=_limit(bank.maxamount),
                    order=bank.displayorder,
                )
                for channel, banks in (answer.banks or {}).items()
                if _CHANNEL.fullmatch(channel)
                for bank in banks
            )

        request = HttpRequest.post_form(
            f"{gateway}/api/getlistmerchantbanks", signed, replay_safe=True
        )
        return self.ask(request, read)

    def bank_links(
        self,
        os_type: Literal["ios", "android"],
        *,
        order_token: str = "",
        bank_codes: Sequence[str] = (),
    ) -> Flow[tuple[BankLink, ...]]:
        """Links that open banks' apps; ``order_token`` is that of ``session.raw``.

        Without a token the apps open empty; without codes all banks are told.
        """
        if os_type not in {"ios", "android"}:
            raise InvalidRequest("ios or android", field="os_type")
        body = {
            "app_id": self.config.app_id,
            "bank_codes": ",".join(check_bank_code(code) for code in bank_codes),
            "os_type": os_type,
            "order_token": check_text(order_token, "order_token", _MAX_TOKEN),
        }

        def read(raw: JsonObject, response: HttpResponse) -> tuple[BankLink, ...]:
            result = Answer.read(raw, provider=self.name)
            if not result.is_done:
                raise self._refusal(result, raw, response, more=BANK_LINK_REFUSALS)
            answer = BankLinksAnswer.read(raw, provider=self.name)
            return tuple(
                BankLink(
                    code=item.bank_code,
                    url=item.deep_link,
                    name=item.short_name,
                    full_name=item.full_name,
                    logo_url=item.logo_url,
                    fills_in=bool(item.is_auto_fill),
                )
                for item in answer.data
            )

        return self._call(
            "/zps/api/v2/get_bank_deep_link", BANK_LINK_FIELDS, body, read, replay_safe=True
        )


def _limit(amount: int | None) -> Money | None:
    return Money(amount, "VND") if amount else None
