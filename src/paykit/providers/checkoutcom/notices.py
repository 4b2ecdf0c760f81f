"""What a proven webhook says, as events."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field

from ...errors import MalformedDelivery
from ...events import Event, Movement, PaymentProcessed, TokenGranted
from ...models import PaymentStatus
from ...money import Money
from ...provider_tools import ProviderTools
from ...wire import Environment, Moment, Whole, Wire
from .codes import APPROVED, AUTHENTICATIONS, DISPUTE, EVENTS, Meaning, decline_reason
from .forms import SOURCE_ID
from .wire import CUSTOMER_ID, REFERENCE, SAVES, ActId, Id, PayId, Plain, Told, Word, kept

S = PaymentStatus
_DIGITS: Final = re.compile(r"[0-9]{1,15}", re.ASCII)
_SANDBOX: Final = re.compile(r"https://(?:[a-z0-9-]+\.)*sandbox\.checkout\.com/", re.ASCII)


def _from_digits(value: object) -> object:
    return int(value) if isinstance(value, str) and _DIGITS.fullmatch(value) else value


class Envelope(Wire):
    """Any webhook. The time of it is ``created_on``, or ``timestamp`` in some of its types."""

    id: Id
    type: Word
    created_on: Moment | None = None
    timestamp: Moment | None = None
    data: dict[str, Any] = Field(default_factory=dict)
    links: Any = Field(default=None, alias="_links")


class Notice(Told):
    """A webhook about a payment; its amount is that of what was done, not of the payment."""

    id: PayId
    action_id: ActId | None = None
    response_code: Word | None = None
    processed_on: Moment | None = None
    # These are looked into, and a strange one is no reason to lose what the rest says.
    source: Any = None
    customer: Any = None
    destination: Any = None
    balances: Any = None


class Authentication(Told):
    """A webhook about the 3-D Secure session of a payment. Its amount is a text."""

    payment_id: PayId
    amount: Annotated[Whole, BeforeValidator(_from_digits)]


class Dispute(Told):
    """A webhook about a dispute."""

    id: Id
    payment_id: PayId
    payment_reference: Plain | None = None


def events_of(provider: ProviderTools, fields: Mapping[str, Any]) -> tuple[Event, ...]:
    """The events of a webhook: none of a type that says nothing about a payment in."""
    told = Envelope.told(fields, provider=provider.name)
    _check_world(provider, told)
    if told.type.startswith(DISPUTE):
        return (_disputed(provider, told),)
    if told.type in AUTHENTICATIONS:
        return (_unauthenticated(provider, told),) if "payment_id" in told.data else ()
    meaning = EVENTS.get(told.type)
    if meaning is None or _is_paid_out(told):
        return ()
    notice = Notice.told(told.data, provider=provider.name)
    event = _processed(provider, told, notice, meaning)
    return (event, *_granted(provider, told, notice, event))


def _processed(
    provider: ProviderTools, told: Envelope, notice: Notice, meaning: Meaning
) -> PaymentProcessed:
    status, reason, captured = meaning.status, meaning.reason, None
    movement = _movement(provider, notice, meaning)
    code = notice.response_code
    if meaning.declines:
        reason = decline_reason(code)
    if meaning.done and code is not None and not code.startswith(APPROVED):
        # It says "done", and its code says no: only the payment itself can tell.
        status, reason, movement = S.UNKNOWN, None, None
    if status is S.CANCELED:
        captured = _captured(notice)
        if captured is not None:
            status = S.SUCCEEDED  # the rest of a hold was released, after a part was taken
    return PaymentProcessed(
        event_id=provider.event_id(told.id),
        provider=provider.name,
        account=provider.account,
        reference=notice.our_reference or notice.id,
        provider_id=notice.id,
        status=status,
        amount=notice.money,
        occurred_at=_moment(provider, told, notice.processed_on),
        code=code or told.type,
        reason=reason,
        captured=captured,
        movement=movement,
    )


def _movement(provider: ProviderTools, notice: Notice, meaning: Meaning) -> Movement | None:
    if meaning.moves is None:
        return None
    if notice.action_id is None:
        raise MalformedDelivery("action_id is missing", provider=provider.name)
    return Movement(
        kind=meaning.moves, id=notice.action_id, amount=notice.money, undone=meaning.undone
    )


def _captured(notice: Notice) -> Money | None:
    """What was taken in all, where a webhook has the totals and something was."""
    total = notice.balances.get("total_captured") if isinstance(notice.balances, Mapping) else None
    if type(total) is not int or not 0 < total < 2**53:
        return None
    try:
        return notice.count(total)
    except ValueError:
        return None


def _unauthenticated(provider: ProviderTools, told: Envelope) -> PaymentProcessed:
    session = Authentication.told(told.data, provider=provider.name)
    return PaymentProcessed(
        event_id=provider.event_id(told.id),
        provider=provider.name,
        account=provider.account,
        reference=session.our_reference or session.payment_id,
        provider_id=session.payment_id,
        status=S.UNKNOWN,
        amount=session.money,
        occurred_at=_moment(provider, told, None),
        code=told.type,
        reason="authentication_failed",
    )


def _disputed(provider: ProviderTools, told: Envelope) -> PaymentProcessed:
    """A dispute in any state: that it is over does not say that the money is back."""
    dispute = Dispute.told(told.data, provider=provider.name)
    return PaymentProcessed(
        event_id=provider.event_id(told.id),
        provider=provider.name,
        account=provider.account,
        reference=dispute.kept(REFERENCE)
        or dispute.payment_reference
        or dispute.reference
        or dispute.payment_id,
        provider_id=dispute.payment_id,
        status=S.DISPUTED,
        amount=dispute.money,
        occurred_at=_moment(provider, told, None),
        code=told.type,
        reason="disputed",
    )


def _granted(
    provider: ProviderTools, told: Envelope, notice: Notice, event: PaymentProcessed
) -> tuple[TokenGranted, ...]:
    """The stored card: of a verification, or of a payment that was to store it."""
    stores = notice.kept(SAVES) is not None and told.type == "payment_approved"
    if event.status is S.UNKNOWN or not (stores or told.type == "card_verified"):
        return ()
    card = _inside(notice.source, "id")
    if card is None or not SOURCE_ID.fullmatch(card):
        return ()
    customer = notice.kept(CUSTOMER_ID) or _inside(notice.customer, "id") or event.reference
    return (
        TokenGranted(
            event_id=provider.event_id(told.id, "card"),
            provider=provider.name,
            account=provider.account,
            reference=event.reference,
            customer_id=customer,
            grant=card,
            occurred_at=event.occurred_at,
        ),
    )


def _is_paid_out(told: Envelope) -> bool:
    """Whether it is about a payout: that is approved, too, and goes to a ``destination``."""
    ours = kept(told.data.get("metadata"), REFERENCE) is not None
    return isinstance(told.data.get("destination"), Mapping) and not ours


def _check_world(provider: ProviderTools, told: Envelope) -> None:
    """Refuse news of the sandbox where money is real. Only the links say where it comes from."""
    if provider.config.environment is not Environment.PRODUCTION:
        return
    link = told.links.get("self") if isinstance(told.links, Mapping) else None
    if _SANDBOX.match(_inside(link, "href") or ""):
        raise MalformedDelivery("it comes from the sandbox", provider=provider.name)


def _moment(provider: ProviderTools, told: Envelope, processed_on: datetime | None) -> datetime:
    return processed_on or told.created_on or told.timestamp or provider.clock()


def _inside(value: Any, name: str) -> str | None:
    """A text in an object that may be none."""
    return kept(value, name)
