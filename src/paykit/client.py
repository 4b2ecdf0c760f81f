"""Providers with a network: one line per operation, sync and async with the same names.

Every operation of :class:`~paykit.provider.Provider` is here under its own name; see there for
what it does and which errors it raises. Both clients hold one provider account and one transport;
close them, or use them in a ``with`` block.
"""

from __future__ import annotations

from types import TracebackType
from typing import Self, TypeVar

from .events import Event, as_return
from .flow import Flow, arun, run
from .http import Delivery
from .models import (
    Payment,
    PaymentRef,
    PaymentRequest,
    PaymentSession,
    PaymentToken,
    Refund,
    RefundRef,
    RefundRequest,
    TokenRequest,
)
from .money import Money
from .provider import Provider
from .retries import Timeouts
from .transport import AsyncHttpxTransport, AsyncTransport, HttpxTransport, Transport

T = TypeVar("T")


class Client:
    """A provider that can be called from blocking code. Safe to share between threads.

    Without a ``transport`` it makes its own, with the timeouts that the provider advises, and
    closes it; a transport that you give stays yours to close.
    """

    def __init__(self, provider: Provider, *, transport: Transport | None = None) -> None:
        self.provider = provider
        self._own: HttpxTransport | None = None
        if transport is None:
            transport = self._own = HttpxTransport(
                timeouts=Timeouts.around(provider.info.read_timeout)
            )
        self._send = transport.send

    def create_payment(self, request: PaymentRequest) -> PaymentSession:
        """Ask for a payment."""
        return run(self.provider.create_payment(request), self._send)

    def fetch_payment(self, ref: PaymentRef) -> Payment:
        """Ask for the state of a payment."""
        return run(self.provider.fetch_payment(ref), self._send)

    def capture(
        self,
        ref: PaymentRef,
        amount: Money | None = None,
        *,
        idempotency_key: str,
        final: bool = True,
    ) -> Payment:
        """Take held funds."""
        flow = self.provider.capture(ref, amount, idempotency_key=idempotency_key, final=final)
        return run(flow, self._send)

    def void(self, ref: PaymentRef, *, idempotency_key: str) -> Payment:
        """Release held funds."""
        return run(self.provider.void(ref, idempotency_key=idempotency_key), self._send)

    def complete(self, ref: PaymentRef, *, idempotency_key: str) -> Payment:
        """Take or hold the money of a payment that the payer approved."""
        return run(self.provider.complete(ref, idempotency_key=idempotency_key), self._send)

    def reauthorize(
        self, ref: PaymentRef, amount: Money | None = None, *, idempotency_key: str
    ) -> Payment:
        """Renew a hold."""
        flow = self.provider.reauthorize(ref, amount, idempotency_key=idempotency_key)
        return run(flow, self._send)

    def refund(self, request: RefundRequest) -> Refund:
        """Give money back."""
        return run(self.provider.refund(request), self._send)

    def fetch_refund(self, ref: RefundRef) -> Refund:
        """Ask for the state of a refund."""
        return run(self.provider.fetch_refund(ref), self._send)

    def create_token(self, request: TokenRequest) -> PaymentToken:
        """Exchange a granted link for a token."""
        return run(self.provider.create_token(request), self._send)

    def delete_token(self, token: PaymentToken) -> None:
        """Make a stored token useless."""
        return run(self.provider.delete_token(token), self._send)

    def run(self, flow: Flow[T]) -> T:
        """Perform any flow of the provider: its own operations beyond those that all share."""
        return run(flow, self._send)

    def receive(self, delivery: Delivery) -> tuple[Event, ...]:
        """Verify a webhook and say what it means; raises :class:`~paykit.errors.WebhookError`."""
        return self.provider.parse(run(self.provider.verify(delivery), self._send))

    def receive_return(self, delivery: Delivery) -> tuple[Event, ...]:
        """Verify a browser return and say what it claims. Never settle on it."""
        verified = run(self.provider.verify_return(delivery), self._send)
        return as_return(self.provider.parse(verified))

    def close(self) -> None:
        """Close the transport, if this client made it."""
        if self._own is not None:
            self._own.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class AsyncClient:
    """A provider that can be called from async code; the same names as :class:`Client`."""

    def __init__(self, provider: Provider, *, transport: AsyncTransport | None = None) -> None:
        self.provider = provider
        self._own: AsyncHttpxTransport | None = None
        if transport is None:
            transport = self._own = AsyncHttpxTransport(
                timeouts=Timeouts.around(provider.info.read_timeout)
            )
        self._send = transport.send

    async def create_payment(self, request: PaymentRequest) -> PaymentSession:
        """Ask for a payment."""
        return await arun(self.provider.create_payment(request), self._send)

    async def fetch_payment(self, ref: PaymentRef) -> Payment:
        """Ask for the state of a payment."""
        return await arun(self.provider.fetch_payment(ref), self._send)

    async def capture(
        self,
        ref: PaymentRef,
        amount: Money | None = None,
        *,
        idempotency_key: str,
        final: bool = True,
    ) -> Payment:
        """Take held funds."""
        flow = self.provider.capture(ref, amount, idempotency_key=idempotency_key, final=final)
        return await arun(flow, self._send)

    async def void(self, ref: PaymentRef, *, idempotency_key: str) -> Payment:
        """Release held funds."""
        return await arun(self.provider.void(ref, idempotency_key=idempotency_key), self._send)

    async def complete(self, ref: PaymentRef, *, idempotency_key: str) -> Payment:
        """Take or hold the money of a payment that the payer approved."""
        return await arun(self.provider.complete(ref, idempotency_key=idempotency_key), self._send)

    async def reauthorize(
        self, ref: PaymentRef, amount: Money | None = None, *, idempotency_key: str
    ) -> Payment:
        """Renew a hold."""
        flow = self.provider.reauthorize(ref, amount, idempotency_key=idempotency_key)
        return await arun(flow, self._send)

    async def refund(self, request: RefundRequest) -> Refund:
        """Give money back."""
        return await arun(self.provider.refund(request), self._send)

    async def fetch_refund(self, ref: RefundRef) -> Refund:
        """Ask for the state of a refund."""
        return await arun(self.provider.fetch_refund(ref), self._send)

    async def create_token(self, request: TokenRequest) -> PaymentToken:
        """Exchange a granted link for a token."""
        return await arun(self.provider.create_token(request), self._send)

    async def delete_token(self, token: PaymentToken) -> None:
        """Make a stored token useless."""
        return await arun(self.provider.delete_token(token), self._send)

    async def run(self, flow: Flow[T]) -> T:
        """Perform any flow of the provider: its own operations beyond those that all share."""
        return await arun(flow, self._send)

    async def receive(self, delivery: Delivery) -> tuple[Event, ...]:
        """Verify a webhook and say what it means; raises :class:`~paykit.errors.WebhookError`."""
        return self.provider.parse(await arun(self.provider.verify(delivery), self._send))

    async def receive_return(self, delivery: Delivery) -> tuple[Event, ...]:
        """Verify a browser return and say what it claims. Never settle on it."""
        verified = await arun(self.provider.verify_return(delivery), self._send)
        return as_return(self.provider.parse(verified))

    async def close(self) -> None:
        """Close the transport, if this client made it."""
        if self._own is not None:
            await self._own.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()
