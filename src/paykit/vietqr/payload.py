"""A VietQR code as a value, and how its text is written.

The format is NAPAS's for VietQR in NAPAS247, version 1.0 of 09/2021, which follows EMVCo's
merchant-presented codes (https://www.napas.com.vn, https://vietqr.net). Amounts are whole đồng.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import attrs

from ..errors import InvalidRequest
from ..money import Money
from ..text import to_ascii
from . import banks, rules, tlv
from .banks import Bank
from .rules import ASK_PAYER, TRANSFER_LIMIT, Initiation, Service, Tip, check

_PATHS: Final = tuple((name, path) for name, (path, _) in rules.TEXTS.items())
_LONGEST_INPUT: Final = 1000
_NOT_MEMO = re.compile(r"[^A-Za-z0-9 ]+")
_MEMO = re.compile(r"[A-Za-z0-9]+(?: [A-Za-z0-9]+)*")
_REQUEST = re.compile(r"(?!.*(.).*\1)[AME]{1,3}")


def memo(text: str) -> str:
    """The text as it can stand in a transfer: letters without marks, digits and single blanks.

    ``"Thanh toán đơn #1001"`` becomes ``"Thanh toan don 1001"``. It is not cut.
    """
    check("purpose", rules.text_trouble(text, _not_endless))
    return " ".join(_NOT_MEMO.sub("", to_ascii(" ".join(text.split()))).split())


def _not_endless(text: str) -> str:
    return "" if len(text) <= _LONGEST_INPUT else f"longer than {_LONGEST_INPUT} characters"


def _in_order(others: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(others, key=lambda pair: pair[0]))


def _masked(account: str) -> str:
    return repr(f"…{account[-4:]}")


@attrs.frozen(slots=True, kw_only=True)
class VietQRPayload:
    """One VietQR code, with exact values; :meth:`of` takes a bank's name and any text.

    ``bank_bin`` is the bank's six digits. ``account`` is an account, an alias or a card number, as
    ``service`` says, which is ``None`` where a foreign code does not say it. ``amount`` is in đồng;
    without it the payer enters one. ``purpose`` becomes the memo of the transfer; banking apps
    ignore most of the other texts. ``initiation`` is what was read, while :meth:`to_text` decides
    by the amount. ``others`` are fields without a name here, as pairs of path and value.

    Raises :class:`~paykit.errors.InvalidRequest` that names the attribute.
    """

    bank_bin: str
    account: str = attrs.field(repr=_masked)
    service: Service | None = Service.ACCOUNT
    amount: Money | None = None
    purpose: str | None = None
    bill_number: str | None = None
    mobile_number: str | None = attrs.field(default=None, repr=False)
    store_label: str | None = None
    loyalty_number: str | None = attrs.field(default=None, repr=False)
    reference_label: str | None = None
    customer_label: str | None = attrs.field(default=None, repr=False)
    terminal_label: str | None = None
    consumer_data_request: str | None = None
    merchant_category: str | None = None
    merchant_name: str | None = None
    merchant_city: str | None = None
    postal_code: str | None = None
    tip: Tip | None = None
    initiation: Initiation = attrs.field(eq=False)
    others: tuple[tuple[str, str], ...] = attrs.field(default=(), converter=_in_order, repr=False)

    @initiation.default
    def _by_amount(self) -> Initiation:
        return Initiation.STATIC if self.amount is None else Initiation.DYNAMIC

    def __attrs_post_init__(self) -> None:
        check("bank_bin", rules.text_trouble(self.bank_bin, rules.bin_trouble))
        check("account", rules.text_trouble(self.account, rules.account_trouble))
        if self.service is not None and not isinstance(self.service, Service):
            check("service", "must be a Service")
        if self.amount is not None:
            check("amount", rules.money_trouble(self.amount))
        for name, (_, rule) in rules.TEXTS.items():
            value: object = getattr(self, name)
            if value is not None:
                check(name, rules.text_trouble(value, rule))
        if self.tip is not None and not isinstance(self.tip, Tip):
            check("tip", "must be a Tip")
        check("others", rules.others_trouble(self.others))

    @classmethod
    def of(
        cls,
        bank: Bank | str,
        account: str,
        *,
        card: bool = False,
        amount: Money | None = None,
        purpose: str | None = None,
    ) -> VietQRPayload:
        """A transfer to an account or a card, checked in full.

        ``bank`` is a :class:`~paykit.vietqr.banks.Bank`, or its BIN, code or name. The purpose is
        brought into the form of a memo by :func:`memo`, and refused if it is too long: a memo that
        lost the end of an order's number could be taken for another order. Raises
        :class:`~paykit.errors.InvalidRequest`.
        """
        found = bank if isinstance(bank, Bank) else banks.find(bank)
        if found.bin is None:
            raise InvalidRequest(
                f"{found.short_name} has no BIN: no code can name it", field="bank"
            )
        if purpose is not None and purpose != ASK_PAYER:
            purpose = memo(purpose)
            check("purpose", "" if purpose else "has no letters and no digits")
        payload = cls(
            bank_bin=found.bin,
            account=account,
            service=Service.CARD if card else Service.ACCOUNT,
            amount=amount,
            purpose=purpose,
        )
        payload.to_text()
        return payload

    @property
    def bank(self) -> Bank | None:
        """The bank, if the table has its BIN."""
        return banks.by_bin(self.bank_bin)

    def to_text(self) -> str:
        """The text to draw as a QR code: fields in ascending order, the CRC at the end.

        It is dynamic if there is an amount, and else static. Raises
        :class:`~paykit.errors.InvalidRequest` for what banking apps refuse or change: an amount
        from 500,000,000 đồng on, a purpose of anything but letters, digits and single blanks.
        """
        self._check_for_apps()
        fields = {
            "00": rules.VERSION,
            "01": self._by_amount(),
            "38.00": rules.NAPAS,
            "38.01.00": self.bank_bin,
            "38.01.01": self.account,
            "53": rules.CURRENCY,
            "58": rules.COUNTRY,
            **dict(self.others),
        }
        if self.service:
            fields["38.02"] = self.service
        if self.amount:
            fields["54"] = str(self.amount.minor)
        if self.tip is not None:
            fields.update(_tip_fields(self.tip))
        for name, path in _PATHS:
            value: str | None = getattr(self, name)
            if value:
                fields[path] = value
        for template in rules.TEMPLATES:
            inner = sorted(path for path in fields if path.rpartition(".")[0] == template)
            if inner:
                fields[template] = "".join([tlv.write(path, fields.pop(path)) for path in inner])
        return tlv.seal("".join([tlv.write(path, fields[path]) for path in sorted(fields)]))

    def _check_for_apps(self) -> None:
        if self.service is None:
            check("service", "the code must say whether it is for an account or a card")
        if self.service is Service.CARD and not self.account.isdecimal():
            check("account", "a card number is digits only")
        if self.amount is not None and self.amount >= TRANSFER_LIMIT:
            check("amount", f"a transfer is below {TRANSFER_LIMIT.format()}")
        if self.purpose not in {None, ASK_PAYER} and not _MEMO.fullmatch(self.purpose or ""):
            check("purpose", "only letters, digits and single blanks: memo() makes it so")
        if self.consumer_data_request and not _REQUEST.fullmatch(self.consumer_data_request):
            check("consumer_data_request", "must be of A, M and E, each at most once")


def _tip_fields(tip: Tip) -> dict[str, str]:
    if tip.fee is None:
        return {"55": "01"}
    if isinstance(tip.fee, Money):
        return {"55": "02", "56": str(tip.fee.minor)}
    return {"55": "03", "57": f"{tip.fee:05.2f}"}
