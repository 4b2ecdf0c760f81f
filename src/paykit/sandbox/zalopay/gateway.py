"""The way into ZaloPay's API: who asks, is it well formed, is it signed? Then the operation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Final, TypeAlias

import attrs

from ..rules import Rule, problems
from . import codes, fields, signing
from .agreements import Agreements
from .answers import Answer, Fields, Refusal, refusal
from .banks import Banks
from .config import ZaloPayConfig, ZaloPayMerchant
from .orders import Orders
from .refunds import Refunds

Operation: TypeAlias = Callable[[Fields, ZaloPayMerchant, datetime], Answer]

_LINK_CODES: Final = {
    "app_id": codes.LINK_APP_ID,
    "os_type": codes.LINK_OS_TYPE,
    "mac": codes.LINK_MAC,
    "bank_codes": codes.LINK_BANK_CODES,
    "order_token": codes.LINK_ORDER_TOKEN,
}


@attrs.frozen(kw_only=True)
class Endpoint:
    """One operation: the rules of its fields, which of them are signed, what it does.

    ``own_codes`` are its codes for wrong fields, by name; all others get -401 and -402.
    """

    rules: Mapping[str, Rule]
    signed: Iterable[str] | Callable[[Fields], Iterable[str]]
    operation: Operation
    own_codes: Mapping[str, int] = {}
    old_names: bool = False  #: whether it speaks as version 1 did: appid, returncode


class Gateway:
    """ZaloPay's API without its transport."""

    def __init__(
        self,
        config: ZaloPayConfig,
        *,
        orders: Orders,
        refunds: Refunds,
        banks: Banks,
        agreements: Agreements,
    ) -> None:
        self._config = config
        self._endpoints = {
            "v2/create": Endpoint(
                rules=fields.CREATE, signed=signing.CREATE, operation=orders.create
            ),
            "v2/query": Endpoint(rules=fields.QUERY, signed=signing.QUERY, operation=orders.query),
            # Documented, but not under which address.
            "v2/cancel": Endpoint(
                rules=fields.QUERY, signed=signing.QUERY, operation=orders.cancel
            ),
            "v2/refund": Endpoint(
                rules=fields.REFUND, signed=_signed_of_refund, operation=refunds.refund
            ),
            "v2/query_refund": Endpoint(
                rules=fields.QUERY_REFUND, signed=signing.QUERY_REFUND, operation=refunds.query
            ),
            "v2/agreement/bind": Endpoint(
                rules=fields.BIND, signed=signing.BIND, operation=agreements.bind
            ),
            "v2/agreement/query": Endpoint(
                rules=fields.QUERY_BINDING,
                signed=signing.QUERY_BINDING,
                operation=agreements.query,
            ),
            "v2/agreement/unbind": Endpoint(
                rules=fields.UNBIND, signed=signing.UNBIND, operation=agreements.unbind
            ),
            "v2/agreement/balance": Endpoint(
                rules=fields.BALANCE, signed=signing.BALANCE, operation=agreements.balance
            ),
            "v2/agreement/pay": Endpoint(
                rules=fields.CHARGE, signed=signing.CHARGE, operation=agreements.pay
            ),
            "v2/agreement/query_user": Endpoint(
                rules=fields.QUERY_USER,
                signed=signing.QUERY_USER,
                operation=agreements.query_user,
            ),
            "zps/api/v2/get_bank_deep_link": Endpoint(
                rules=fields.BANK_LINKS,
                signed=signing.BANK_LINKS,
                operation=banks.deep_links,
                own_codes=_LINK_CODES,
            ),
            "api/getlistmerchantbanks": Endpoint(
                rules=fields.BANKS, signed=signing.BANKS, operation=banks.listing, old_names=True
            ),
        }

    @property
    def names(self) -> tuple[str, ...]:
        """The operations: their addresses, relative to the mount."""
        return tuple(self._endpoints)

    def answer(
        self, name: str, sent: Mapping[str, Any] | None, now: datetime, *, form: bool
    ) -> Answer:
        """The answer; ``sent`` is ``None`` if it could not be read, ``form`` if it is all text."""
        endpoint = self._endpoints[name]
        try:
            known = _readable(sent, endpoint.rules if form else {})
            merchant = self._authenticate(endpoint, known)
            said = endpoint.operation(known, merchant, now)
        except Refusal as error:
            said = refusal(error, flat=self._config.flat_errors)
        return _in_old_names(said) if endpoint.old_names else said

    def _authenticate(self, endpoint: Endpoint, sent: Fields) -> ZaloPayMerchant:
        wrong = problems(sent, endpoint.rules)
        if wrong:
            code = endpoint.own_codes.get(next(iter(wrong)), codes.ILLEGAL_DATA)
            raise Refusal(code, "; ".join(f"{name} {what}" for name, what in wrong.items()))
        merchant = self._config.merchant(sent["appid" if endpoint.old_names else "app_id"])
        if merchant is None:
            code = endpoint.own_codes.get("app_id", codes.ILLEGAL_APP_OR_MAC)
            raise Refusal(code, "there is no such app")
        signed = endpoint.signed(sent) if callable(endpoint.signed) else endpoint.signed
        if not signing.matches(signed, sent, merchant.key1):
            code = endpoint.own_codes.get("mac", codes.ILLEGAL_APP_OR_MAC)
            raise Refusal(code, f"mac is not that of {signing.joined(signed, sent)}")
        return merchant


def _readable(sent: Fields | None, rules: Mapping[str, Rule]) -> Fields:
    if sent is None:
        raise Refusal(codes.ILLEGAL_DATA, "the request cannot be read")
    return fields.from_form(sent, rules)


def _signed_of_refund(sent: Fields) -> Iterable[str]:
    return signing.REFUND if sent.get("refund_fee_amount") is None else signing.REFUND_WITH_FEE


def _in_old_names(said: Answer) -> Answer:
    if "returncode" in said:
        return said
    text = said.get("sub_return_message", said["return_message"])
    return {"returncode": codes.FAILED, "returnmessage": text}
