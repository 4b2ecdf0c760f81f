"""Texts of others, made to fit the columns that they are kept in."""

from __future__ import annotations

from typing import overload

from ..signing import fingerprint
from .schema import EVENT_ID_LENGTH, REFERENCE_LENGTH


def cut(text: str | None, length: int) -> str | None:
    """The beginning of a text that is kept for people, as much as its column has room for."""
    return text if text is None else text[:length].replace("\0", "\ufffd")


@overload
def fitting(name: str) -> str: ...
@overload
def fitting(name: None) -> None: ...
def fitting(name: str | None) -> str | None:
    """A name of somebody else's that fits its column: a longer one is told by its digest.

    No database but SQLite keeps NUL in a text, and no name of ours has one.
    """
    if name is None or (len(name) <= REFERENCE_LENGTH and "\0" not in name):
        return name
    return f"{name[:200]}#{fingerprint(name.encode())}".replace("\0", "\ufffd")


def fitting_id(event_id: str) -> str:
    """The id of an event, as :func:`fitting` does it for names."""
    if len(event_id) <= EVENT_ID_LENGTH and "\0" not in event_id:
        return event_id
    return f"{event_id[:100]}#{fingerprint(event_id.encode())}".replace("\0", "\ufffd")
