"""Links of vietqr.io: an image of the code, and a way into a banking app.

Whoever opens one tells vietqr.io the account, the amount and the memo. :mod:`paykit.vietqr.qr`
draws the code without telling anyone.
"""

from __future__ import annotations

import re
from typing import Final, Literal
from urllib.parse import quote, urlsplit

from ..errors import InvalidRequest
from ..text import to_ascii
from .payload import VietQRPayload
from .rules import ASK_PAYER, Service, check

#: vietqr.io's own code, where it is not that of the table.
_OWN_CODES: Final = {"970403": "STB"}
_WORD = re.compile(r"[A-Za-z0-9_]{1,64}")
_NAME = re.compile(r"[A-Z0-9 ]{5,50}")
_NOT_NAME = re.compile(r"[^A-Z0-9 ]+")
#: What a query may hold as it is, except what ends or joins its parameters.
_PLAIN_IN_URL: Final = "!$'()*,-./:;=?@_~"


def quick_link(
    payload: VietQRPayload,
    *,
    template: str = "compact2",
    image: Literal["png", "jpg", "svg"] = "png",
    account_name: str | None = None,
) -> str:
    """The address of an image that vietqr.io draws (its "Quick Link").

    ``template`` is ``compact2``, ``compact``, ``qr_only``, ``print`` or one of your own.
    ``account_name`` is printed, not encoded. For accounts only, not for cards. Raises
    :class:`~paykit.errors.InvalidRequest`. https://www.vietqr.io/qr-dong
    """
    _check(payload)
    check("template", "" if _WORD.fullmatch(template) else "letters, digits and _ only")
    check("image", "" if image in {"png", "jpg", "svg"} else "must be png, jpg or svg")
    path = f"{payload.bank_bin}-{payload.account}-{template}.{image}"
    query = _query(
        ("amount", _amount(payload)),
        ("addInfo", payload.purpose),
        ("accountName", _account_name(account_name)),
    )
    return f"https://img.vietqr.io/image/{path}" + (f"?{query}" if query else "")


def app_link(
    payload: VietQRPayload,
    *,
    app: str,
    return_url: str | None = None,
    account_name: str | None = None,
    bank_code: str | None = None,
) -> str:
    """The address that opens a banking app on a phone and fills the transfer in, where it can.

    ``app`` is vietqr.io's id of the *payer's* app, such as ``"mb"``; only a few apps fill in. The
    payee's bank is named by vietqr.io's code, or by ``bank_code`` where the table has none.
    vietqr.io calls amount, purpose and ``return_url`` mandatory; what is not given is left out
    here. Nothing that comes back to ``return_url`` proves a payment. Raises
    :class:`~paykit.errors.InvalidRequest`. https://www.vietqr.io/deeplink
    """
    _check(payload)
    check("app", "" if _WORD.fullmatch(app) else "letters, digits and _ only")
    query = _query(
        ("app", app),
        ("am", _amount(payload)),
        ("tn", payload.purpose),
        ("bn", _account_name(account_name)),
    )
    # By vietqr.io's rules "@" and the address stay as they are. Only what would end the parameter
    # is escaped in the address.
    link = f"https://dl.vietqr.io/pay?{query}&ba={payload.account}@{_bank_code(payload, bank_code)}"
    return link if return_url is None else f"{link}&url={_address(return_url)}"


def _check(payload: VietQRPayload) -> None:
    payload.to_text()
    if payload.service is not Service.ACCOUNT:
        raise InvalidRequest("vietqr.io's links are for accounts only", field="service")
    if payload.purpose == ASK_PAYER:
        raise InvalidRequest("a link cannot ask the payer", field="purpose")


def _query(*pairs: tuple[str, str | None]) -> str:
    # A blank as %20 is read by every decoder; as + only by those of forms.
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in pairs if value)


def _amount(payload: VietQRPayload) -> str | None:
    return None if payload.amount is None else payload.amount.to_text()


def _account_name(name: str | None) -> str | None:
    if name is None:
        return None
    plain = " ".join(_NOT_NAME.sub(" ", to_ascii(name).upper()).split())
    check("account_name", "" if _NAME.fullmatch(plain) else "is 5 to 50 letters, digits, blanks")
    return plain


def _bank_code(payload: VietQRPayload, given: str | None) -> str:
    bank = payload.bank
    known = _OWN_CODES.get(payload.bank_bin) or (bank and (bank.code or bank.ticker))
    code = given or known
    if not code or not _WORD.fullmatch(code):
        raise InvalidRequest("give vietqr.io's code of the payee's bank", field="bank_code")
    return code.lower()


def _address(url: str) -> str:
    try:
        parts = urlsplit(url)
        absolute = parts.scheme in {"https", "http"} and parts.hostname
    except ValueError:
        absolute = None
    if not absolute or not url.isascii() or not url.isprintable() or " " in url:
        raise InvalidRequest("must be an absolute address", field="return_url")
    return quote(url, safe=_PLAIN_IN_URL)
