"""What the spans and metrics say of the service's operations."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from ..http import HttpRequest
from ..metrics import TIME_TO_EVENT
from ..models import PaymentSession
from ..orders import OrderPlaced
from ..provider import Outcome, Provider
from ..telemetry import Attributes, Span, Telemetry
from .commands import Commanded, Wanted
from .receiving import Receipt, ReturnInfo
from .recording import Fact, source_of
from .reports import Report
from .state import PaymentRecord


def of_account(provider: Provider | None) -> Attributes:
    """Which account it is about; ``None``: there is none of this name."""
    if provider is None:
        return {}
    return {"paykit.provider": provider.name, "paykit.account": provider.account}


def of_request(provider: Provider, request: HttpRequest) -> Attributes:
    """What is asked of whom. Paths and queries stay out: they have ids and payers' data in them."""
    return {
        **of_account(provider),
        "http.request.method": request.method,
        "server.address": urlsplit(request.url).hostname or "",
    }


def of_command(wanted: Wanted | OrderPlaced) -> Attributes:
    """What is to be done with which payment; an order may have none yet."""
    if isinstance(wanted, OrderPlaced):
        return {"paykit.command.kind": "order"}
    return {"paykit.command.kind": wanted.kind.value, "paykit.payment_id": wanted.payment_id}


def tell_result(span: Span, result: object) -> None:
    """Note on a span what came of its operation."""
    if not span.is_recording:
        return
    span.tell(lambda: _of_result(result))
    if isinstance(result, Receipt) and result.error is not None:
        if result.outcome is Outcome.TRY_AGAIN:
            span.fail(result.error)
        else:  # whoever sent it is at fault, and not this service
            name = type(result.error).__name__
            span.tell(lambda: {"error.type": name})


def measure_facts(telemetry: Telemetry, facts: Sequence[Fact], now: datetime) -> None:
    """Measure how long facts took to become events, which are on disk by now."""
    for fact in facts:
        source = source_of(fact).value
        telemetry.measure(TIME_TO_EVENT, fact.provider, source, begin=fact.occurred_at, end=now)


def _of_result(result: object) -> Attributes:
    match result:
        case Receipt():
            return {
                "paykit.outcome": result.outcome.value,
                "paykit.events": result.published,
                **_of_payments(result.payment_ids),
            }
        case ReturnInfo():
            return {
                "paykit.verified": result.verified,
                "paykit.events": result.published,
                **({} if result.record is None else _of_record(result.record)),
            }
        case PaymentSession():
            return {
                "paykit.payment_id": result.payment_id or "",
                "paykit.status": result.status.value,
            }
        case Commanded():
            return {
                "paykit.provider": result.record.provider,
                "paykit.account": result.record.account,
                "paykit.events": result.published,
                **_of_record(result.record),
            }
        case Report():
            return {
                "paykit.asked": result.asked,
                "paykit.events": result.published,
                "paykit.changes": len(result.changes),
                "paykit.given_up": len(result.given_up),
                "paykit.failures": len(result.failures),
            }
        case int():
            return {"paykit.events": result}
    return {}


def _of_record(record: PaymentRecord) -> dict[str, Any]:
    return {"paykit.payment_id": record.payment_id, "paykit.status": record.status.value}


def _of_payments(payment_ids: tuple[str, ...]) -> dict[str, Any]:
    """Nearly always it is one; of several each can be found by the list."""
    if len(payment_ids) == 1:
        return {"paykit.payment_id": payment_ids[0]}
    return {"paykit.payment_ids": payment_ids} if payment_ids else {}
