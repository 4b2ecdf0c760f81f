"""The banks and wallets that NAPAS 247 reaches, from the table ``banks.tsv`` beside this file.

Key on the BIN: codes differ between sources (ICB and CTG are one bank, BVB is two), and names
change with mergers. The table names its sources. When a bank is missing, compare it with
https://api.vietqr.io/v2/banks.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Final

import attrs

from ..errors import InvalidRequest
from ..text import to_ascii

_LONGEST_INPUT: Final = 200
_FEW: Final = 5
_NOT_WORD = re.compile(r"[^a-z0-9]+")
#: What stands before a bank's proper name: "Ngân hàng thương mại cổ phần …".
_LEGAL_FORM = re.compile(
    r"(?:(?:ngan hang|nh|thuong mai|co phan|tmcp|tm|cp|tnhh|mtv|mot thanh vien) )+"
)
_ANSWERS: Final = {"y": True, "n": False, "?": None}


@attrs.frozen(slots=True, kw_only=True)
class Bank:
    """A bank or wallet. A flag is ``None`` where no source says it.

    ``code`` is NAPAS's and vietqr.io's, ``ticker`` that of the other family. Its app scans VietQR
    codes and pays (``transfer_supported``), or it can only be paid (``receive_only``). The name of
    an account can be asked for (``lookup_supported``). ``listed``: by the State Bank at the end of
    2023. ``other_names`` are further and former names.
    """

    bin: str | None
    code: str | None
    ticker: str | None
    short_name: str
    name: str
    swift: str | None
    transfer_supported: bool | None
    receive_only: bool | None
    lookup_supported: bool | None
    listed: bool
    other_names: tuple[str, ...] = ()


def every() -> tuple[Bank, ...]:
    """The whole table, by BIN."""
    return _table()


def by_bin(digits: str) -> Bank | None:
    """The bank with this BIN, or ``None``."""
    return _bins().get(digits)


def by_code(code: str) -> Bank | None:
    """The bank with this code of either family, in any case, or ``None``.

    Raises :class:`~paykit.errors.InvalidRequest` if the families use it for different banks.
    """
    return _only(code, _codes().get(_key(code), frozenset()))


def by_name(name: str) -> Bank | None:
    """The bank with this short, full or former name, or ``None``.

    Case, accents, blanks and punctuation do not matter, nor does the legal form in front. Raises
    :class:`~paykit.errors.InvalidRequest` if two banks have the name.
    """
    return _only(name, _names().get(_key(name)) or _names().get(_proper(name), frozenset()))


def find(text: str) -> Bank:
    """The bank with this BIN, code or name.

    Raises :class:`~paykit.errors.InvalidRequest` if there is none, or more than one. It names those
    that may be meant.
    """
    if not isinstance(text, str):
        raise InvalidRequest(f"must be a str, not {type(text).__name__}", field="bank")
    key = _key(text)
    meant = _codes().get(key, frozenset()) | _names().get(key, frozenset())
    found = by_bin(text) or _only(text, meant) or by_name(text)
    if found is None:
        near = ", ".join(_label(bank) for bank in search(text)[:_FEW])
        raise InvalidRequest(
            f"no bank here has the BIN, code or name {text!r:.60}"
            + (f"; perhaps {near}" if near else ""),
            field="bank",
        )
    return found


def search(text: str) -> tuple[Bank, ...]:
    """The banks whose BIN, codes or names contain ``text``, for a list to choose from."""
    key = _key(text)
    keys = ({bank.bin or "", *_codes_of(bank), *_names_of(bank)} for bank in _table())
    return tuple(
        bank
        for bank, own in zip(_table(), keys, strict=True)
        if key and any(key in one for one in own)
    )


def _only(text: str, meant: frozenset[Bank]) -> Bank | None:
    if len(meant) > 1:
        names = " and ".join(_label(bank) for bank in _table() if bank in meant)
        raise InvalidRequest(f"{text!r:.60} may be {names}: give the BIN", field="bank")
    return next(iter(meant), None)


def _label(bank: Bank) -> str:
    return f"{bank.short_name} ({bank.bin or 'no BIN'})"


@cache
def _table() -> tuple[Bank, ...]:
    from importlib.resources import files

    lines = files("paykit.vietqr").joinpath("banks.tsv").read_text("utf-8").splitlines()
    return tuple(_bank(line.split("\t")) for line in lines if not line.startswith("#"))


def _bank(row: list[str]) -> Bank:
    number, code, ticker, short_name, swift, pays, receives, known, listed, others, name = (
        "" if cell == "-" else cell for cell in row
    )
    return Bank(
        bin=number or None,
        code=code or None,
        ticker=ticker or None,
        short_name=short_name,
        name=name,
        swift=swift or None,
        transfer_supported=_ANSWERS[pays],
        receive_only=_ANSWERS[receives],
        lookup_supported=_ANSWERS[known],
        listed=listed == "y",
        other_names=tuple(filter(None, others.split(";"))),
    )


@cache
def _bins() -> dict[str, Bank]:
    return {bank.bin: bank for bank in _table() if bank.bin}


@cache
def _codes() -> dict[str, frozenset[Bank]]:
    return _index(_codes_of)


@cache
def _names() -> dict[str, frozenset[Bank]]:
    return _index(_names_of)


def _index(keys_of: Callable[[Bank], set[str]]) -> dict[str, frozenset[Bank]]:
    index: dict[str, frozenset[Bank]] = {}
    for bank in _table():
        for key in keys_of(bank):
            index[key] = index.get(key, frozenset()) | {bank}
    return index


def _codes_of(bank: Bank) -> set[str]:
    return {_key(code) for code in (bank.code, bank.ticker) if code}


def _names_of(bank: Bank) -> set[str]:
    names = (bank.short_name, bank.name, *bank.other_names)
    return {key for name in names for key in (_key(name), _proper(name))}


def _key(text: str) -> str:
    return "".join(_words(text))


def _proper(name: str) -> str:
    """The key of a name without its legal form."""
    return _LEGAL_FORM.sub("", " ".join(_words(name)), count=1).replace(" ", "")


def _words(text: str) -> list[str]:
    if len(text) > _LONGEST_INPUT:
        return []
    return _NOT_WORD.sub(" ", to_ascii(text).lower()).split()
