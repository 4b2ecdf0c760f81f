"""What the admin pages have in common: nothing can be changed, and no list reads a whole table."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property

from ..models import PaymentStatus
from . import conf
from .runtime import current

#: Nobody turns over more pages than these rows fill.
_COUNTED: Final = 10_000


class CappedPaginator(Paginator):
    """Counts no further than anybody turns pages."""

    @cached_property
    def count(self) -> int:
        """How many there are, or 10,000."""
        rows: Any = self.object_list
        counted: int = rows.order_by()[:_COUNTED].count()
        return counted


class LookOnly(admin.ModelAdmin):
    """Pages to look at."""

    paginator = CappedPaginator
    show_full_result_count = False
    list_per_page = 50
    # A count for each choice of a filter would read the table as often.
    show_facets = getattr(admin, "ShowFacets", None) and admin.ShowFacets.NEVER
    sortable_by: ClassVar = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """The rows where the service has them."""
        found: QuerySet[Any] = super().get_queryset(request)
        return found.using(conf.alias())

    def get_search_results(
        self, _request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Look the words up whole, each by an index."""
        term = search_term.strip()
        return (queryset.filter(self.wanted(term)) if term else queryset), False

    def wanted(self, term: str) -> Q:
        """The rows that are looked for by these words."""
        raise NotImplementedError

    def has_add_permission(self, _request: HttpRequest) -> bool:
        """Nobody."""
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        """Nobody."""
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        """Nobody."""
        return False


class _Choice(admin.SimpleListFilter):
    """A filter whose choices are known without asking the database."""

    column = ""

    def queryset(self, _request: HttpRequest, found: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        return found if value is None else found.filter(**self.wanted(value))

    def wanted(self, value: str) -> dict[str, Any]:
        return {self.column: value}


class StatusFilter(_Choice):
    """Payments of one status."""

    title = "status"
    parameter_name = column = "status"

    def lookups(self, _request: HttpRequest, _admin: Any) -> list[tuple[str, str]]:
        """All that there are."""
        return [(one.value, one.value.replace("_", " ")) for one in PaymentStatus]


class AccountFilter(_Choice):
    """Rows of one account at a provider."""

    title = parameter_name = "account"

    def lookups(self, _request: HttpRequest, _admin: Any) -> list[tuple[str, str]]:
        """Those that are configured."""
        accounts = current().service.providers
        return [(key, key) for key in accounts]

    def wanted(self, value: str) -> dict[str, Any]:
        """By both names."""
        provider = current().service.providers.get(value)
        if provider is None:
            return {"pk__in": ()}
        return {"provider": provider.name, "account": provider.account}


class AttentionFilter(_Choice):
    """Payments that a person should look at."""

    title = "attention"
    parameter_name = "attention"

    def lookups(self, _request: HttpRequest, _admin: Any) -> list[tuple[str, str]]:
        """Those that nobody asks about any more, and those that are not as agreed."""
        return [("given_up_at", "given up"), ("discrepancy", "not as agreed")]

    def wanted(self, value: str) -> dict[str, Any]:
        """Rows that have it."""
        return {f"{value}__isnull": False} if value in dict(self.lookup_choices) else {}


class OwnFilter(_Choice):
    """Facts about payments of ours, or about nothing that is on record."""

    title = "payment"
    parameter_name = "payment"

    def lookups(self, _request: HttpRequest, _admin: Any) -> list[tuple[str, str]]:
        """On record or not."""
        return [("ours", "on record"), ("nobody", "of nobody")]

    def wanted(self, value: str) -> dict[str, Any]:
        """By whether a payment was found."""
        return {"payment_id__isnull": value == "nobody"}


class PublishedFilter(_Choice):
    """Events by whether they are out."""

    title = parameter_name = "state"

    def lookups(self, _request: HttpRequest, _admin: Any) -> list[tuple[str, str]]:
        """The three states."""
        return [("waiting", "waits"), ("dead", "dead"), ("published", "published")]

    def wanted(self, value: str) -> dict[str, Any]:
        """By the times."""
        return {
            "published_at__isnull": value != "published",
            **({} if value == "published" else {"dead_at__isnull": value != "dead"}),
        }
