"""What an operation of the service asks for while it runs.

An effect is a transaction, a read, or a provider's flow. The two facades perform them, one by
blocking and one by awaiting; the operations do not know which.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from typing import Any, TypeAlias, TypeVar

import attrs
from sqlalchemy import Connection

from ..errors import PaykitError
from ..flow import Flow
from ..provider import Provider
from .state import PaymentRecord

T = TypeVar("T")
log = logging.getLogger("paykit.service")


def about(account: Provider | PaymentRecord, error: PaykitError | None = None) -> dict[str, str]:
    """What a line of the log is about, as extra fields."""
    name = account.name if isinstance(account, Provider) else account.provider
    fields = {"provider": name, "account": account.account}
    return fields if error is None else {**fields, "error": type(error).__name__}


@attrs.frozen(slots=True)
class Transact:
    """Run ``body`` in a transaction that is on disk before the answer comes."""

    body: Callable[[Connection], Any]


@attrs.frozen(slots=True)
class Read:
    """Run ``body`` on a connection that only reads."""

    body: Callable[[Connection], Any]


@attrs.frozen(slots=True)
class Talk:
    """Drive a provider's flow over that provider's transport."""

    provider: Provider
    flow: Callable[[], Flow[Any]]


Effect: TypeAlias = Transact | Read | Talk
Operation: TypeAlias = Generator[Effect, Any, T]
