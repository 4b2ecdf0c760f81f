"""What small adapters share beyond the contract of a provider."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, TypeVar

import attrs

from .errors import InvalidRequest, MalformedResponse, ProviderError
from .flow import Flow
from .http import HttpRequest, HttpResponse, JsonObject
from .models import Payment, PaymentRef, PaymentRequest, PaymentStatus
from .money import Money
from .provider import Provider
from .provider_tools import BY_STATUS
from .wire import Wire

T = TypeVar("T")
W = TypeVar("W", bound=Wire)

_SUCCESSES: Final = range(200, 300)
_REFUSALS: Final = range(400, 500)


class Adapter(Provider):
    """For a provider whose payments are whole, and whose API means what HTTP statuses say."""

    def form(
        self, request: PaymentRequest, fields: Mapping[str, str | None], order: Sequence[str]
    ) -> tuple[tuple[str, str], ...]:
        """A form's ``fields`` that are not ``None``, with those of ``request.extra``, in ``order``.

        What ``order`` does not name comes last. ``extra`` can add, but neither change what is set
        nor bring a signature. Raises :class:`InvalidRequest`.
        """
        whole = {name: value for name, value in fields.items() if value is not None}
        same = {name for name, value in request.extra.items() if whole.get(name) == value}
        self.add_extra(whole, request, known=same & whole.keys(), reserved={"signature", *fields})
        if not all(isinstance(value, str) for value in whole.values()):
            raise InvalidRequest("a form has texts only", field="extra")
        known = [name for name in order if name in whole]
        others = [name for name in whole if name not in order]
        return tuple((name, whole[name]) for name in (*known, *others))

    def whole_payment(
        self,
        reference: str,
        status: PaymentStatus,
        amount: Money | None,
        *,
        provider_id: str | None = None,
        code: str | None = None,
        occurred_at: datetime | None = None,
    ) -> Payment:
        """A payment that is taken and given back as a whole: the totals follow from its status."""
        taken = status in {PaymentStatus.SUCCEEDED, PaymentStatus.REFUNDED}
        return Payment(
            provider=self.name,
            reference=reference,
            status=status,
            amount=amount,
            captured=amount if taken else None,
            refunded=amount if status is PaymentStatus.REFUNDED else None,
            provider_id=provider_id,
            code=code,
            occurred_at=occurred_at,
        )

    def same(self, ref: PaymentRef, payment: Payment) -> Payment:
        """``payment``, if it is the one that was asked about; raises ``MalformedResponse``."""
        if payment.reference != ref.reference or ref.amount not in {None, payment.amount}:
            raise MalformedResponse("the answer is about another payment", provider=self.name)
        return payment

    def ask_for(
        self,
        request: HttpRequest,
        shape: type[W],
        make: Callable[[W], T],
        *,
        at: str | None = None,
    ) -> Flow[T]:
        """Send ``request``, and make the result of its answer, which has this ``shape``.

        ``at`` names the object in the answer that has it. A refusal raises what its HTTP status
        means, with the provider's ``message``. A fault of the server is not taken for a refusal:
        nobody knows what it did.
        """
        response = yield request
        return self.read_as(request, response, shape, make, at=at)

    def read_as(
        self,
        request: HttpRequest,
        response: HttpResponse,
        shape: type[W],
        make: Callable[[W], T],
        *,
        at: str | None = None,
    ) -> T:
        """What ``make`` makes of the answer to ``request``; see :meth:`ask_for`."""

        def read(answer: JsonObject, response: HttpResponse) -> T:
            status = response.status
            if status in _REFUSALS:
                kind = BY_STATUS.get(status, ProviderError)
                message, code = answer.get("message"), str(status)
                raise self.answered_no(kind, message, code=code, response=response, raw=answer)
            if status not in _SUCCESSES:
                raise MalformedResponse(f"HTTP {status}", provider=self.name, http_status=status)
            told = answer if at is None else answer.get(at, {})
            result = make(shape.read(told, provider=self.name))
            return attrs.evolve(result, raw=answer) if isinstance(result, Payment) else result

        return self.understand(request, response, read)
