"""Admin pages: payments with what happened to them, the inbox, the outbox. Nothing can be changed.

Tables may be large. So lists are in the order of an index, nothing sorts or counts a whole table,
and what is searched for is looked up whole.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from django.contrib import admin
from django.contrib.admin.utils import quote, unquote
from django.contrib.admin.views.main import ChangeList
from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join

from ..events import PaymentProcessed, Source, TransferReceived
from ..service.shown import account_key, words
from .looking import (
    AccountFilter,
    AttentionFilter,
    LookOnly,
    OwnFilter,
    PublishedFilter,
    StatusFilter,
)
from .models import Fact, OutboxEvent, Payment
from .runtime import current
from .timeline import details, line, spaced, state_of

#: An order may have so many payments on a page.
_FOUND: Final = 200


@admin.register(Payment)
class PaymentAdmin(LookOnly):
    """Payments, the newest first."""

    list_display = (
        "order_id", "shown_amount", "shown_status", "account_key", "created_at", "payment_id",
    )  # fmt: skip
    list_filter = (StatusFilter, AttentionFilter, AccountFilter, "created_at")
    search_fields = ("payment_id", "order_id", "reference", "provider_id")
    search_help_text = "A payment's id, an order, a reference, or the provider's own id; the whole."
    fieldsets = (
        (None, {"fields": ("payment_id", "order_id", "shown_status", "shown_reason")}),
        ("Money", {"fields": ("shown_amount", "shown_captured", "shown_refunded")}),
        ("At the provider", {"fields": ("account_key", "reference", "provider_id")}),
        ("Times", {"fields": ("created_at", "updated_at", "expires_at")}),
        ("Asking", {"fields": ("check_at", "check_note", "given_up_at"), "classes": ["collapse"]}),
        ("What happened", {"fields": ("happened",)}),
    )
    readonly_fields = (
        "shown_status", "shown_reason", "shown_amount", "shown_captured", "shown_refunded",
        "account_key", "happened",
    )  # fmt: skip

    def wanted(self, term: str) -> Q:
        """By the service, which knows all ids of a payment."""
        found = current().service.payments(search=term, limit=_FOUND)
        return Q(pk__in=[one.payment_id for one in found.items])

    @admin.display(description="account")
    def account_key(self, payment: Payment) -> str:
        """The key of the account: ``momo-eu``."""
        return account_key(payment)

    @admin.display(description="amount")
    def shown_amount(self, payment: Payment) -> str:
        """What was asked for."""
        return payment.money(payment.amount)

    @admin.display(description="captured")
    def shown_captured(self, payment: Payment) -> str:
        """What was taken."""
        return payment.money(payment.captured)

    @admin.display(description="refunded")
    def shown_refunded(self, payment: Payment) -> str:
        """What was given back."""
        return payment.money(payment.refunded)

    @admin.display(description="status")
    def shown_status(self, payment: Payment) -> str:
        """How it stands, and what is not as agreed."""
        said = (payment.status, payment.discrepancy)
        return ": ".join(spaced(one) for one in said if one)

    @admin.display(description="reason, code")
    def shown_reason(self, payment: Payment) -> str:
        """Why, in the provider's code and in our words."""
        return ", ".join(words(one) for one in (payment.reason, payment.code) if one) or "-"

    @admin.display(description="timeline")
    def happened(self, payment: Payment) -> Any:
        """The timeline as a table."""
        found = current().service.timeline(payment.payment_id)
        moments = found.moments if found else ()
        rows = [(_time(one.at), *line(one.entry)) for one in moments]
        return _table(("when", "what", "what came of it"), rows)


def _table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> Any:
    head = format_html_join("", "<th>{}</th>", ((one,) for one in heads))
    body = format_html_join("", f"<tr>{'<td>{}</td>' * len(heads)}</tr>", rows)
    return format_html("<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>", head, body)


def _time(moment: datetime) -> str:
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M:%S}"


def _link(page: str, key: str, text: str) -> Any:
    return format_html(
        '<a href="{}">{}</a>', reverse(f"admin:{page}_change", args=[quote(key)]), text
    )


class _OfPayment(LookOnly):
    """Rows about payments."""

    @admin.display(description="payment")
    def to_payment(self, row: Fact | OutboxEvent) -> Any:
        """A link to the payment."""
        return _link("paykit_payment", row.payment_id, row.payment_id) if row.payment_id else "-"


def fact_key(fact: Fact) -> str:
    """What a fact is found by; its id alone is unique at one account only."""
    return f"{fact.provider}|{fact.account}|{fact.event_id}"


class _FactList(ChangeList):
    """Links to pages by all that a fact is found by."""

    def url_for_result(self, result: Fact) -> str:
        return str(reverse("admin:paykit_fact_change", args=[quote(fact_key(result))]))


@admin.register(Fact)
class FactAdmin(_OfPayment):
    """What was told, the latest first."""

    list_display = ("received_at", "account_key", "source", "outcome", "to_payment", "event_id")
    list_filter = (OwnFilter, AccountFilter)
    search_fields = ("payment_id", "event_id", "reference")
    search_help_text = "A payment's id, an event's id, or a reference; the whole."
    fields = (
        "event_id", "account_key", "source", "reference", "to_payment", "outcome", "received_at",
        "digest", "told",
    )  # fmt: skip
    readonly_fields = ("account_key", "to_payment", "told")
    ordering = ("-received_at", "-provider", "-account", "-event_id")

    def get_changelist(self, _request: HttpRequest, **_more: Any) -> type[ChangeList]:
        """The list with links of its own."""
        return _FactList

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Fact | None:
        """Find one by all three parts of its key."""
        del from_field
        provider, _, rest = unquote(object_id).partition("|")
        account, _, event_id = rest.partition("|")
        one: Fact | None = (
            self.get_queryset(request)
            .filter(provider=provider, account=account, event_id=event_id)
            .first()
        )
        return one

    def wanted(self, term: str) -> Q:
        """By the ids; a reference, where no payment was found."""
        wanted = Q(payment_id=term)
        for one in current().service.providers.values():
            account = Q(provider=one.name, account=one.account)
            of_nobody = account & Q(reference=term, payment_id__isnull=True)
            wanted |= account & Q(event_id=term) | of_nobody
        return wanted

    @admin.display(description="account")
    def account_key(self, fact: Fact) -> str:
        """The key of the account."""
        return account_key(fact)

    @admin.display(description="what it says")
    def told(self, fact: Fact) -> Any:
        """What was understood, which is less than what was sent."""
        kind = TransferReceived if fact.source == Source.TRANSFER else PaymentProcessed
        said = details(kind.from_json(json.loads(fact.fact)))
        return _table(("of the payment", "it says"), [one for one in said if one[1]])


@admin.register(OutboxEvent)
class OutboxEventAdmin(_OfPayment):
    """Events, those of the newest payments first."""

    list_display = ("created_at", "state", "sequence", "to_payment", "event_id")
    list_filter = (PublishedFilter,)
    search_fields = ("event_id", "payment_id")
    search_help_text = "An event's id or a payment's; the whole."
    fields = (
        "event_id", "to_payment", "sequence", "type", "state", "attempts", "last_error",
        "created_at", "available_at", "published_at", "dead_at", "told",
    )  # fmt: skip
    readonly_fields = ("to_payment", "state", "told")
    # The beginning of a payment's id is the time of its making, and there is an index.
    ordering = ("-payment_id", "-sequence")

    def wanted(self, term: str) -> Q:
        """By the id of an event or a payment."""
        return Q(event_id=term) | Q(payment_id=term)

    @admin.display(description="state")
    def state(self, event: OutboxEvent) -> str:
        """Whether it is out."""
        return state_of(event)

    @admin.display(description="what it says")
    def told(self, event: OutboxEvent) -> Any:
        """The event as it goes out."""
        said = json.dumps(json.loads(event.payload), ensure_ascii=False, indent=2)
        return format_html("<pre>{}</pre>", said)
