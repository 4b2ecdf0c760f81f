"""What this process has open: one service, and the endpoints over it."""

from __future__ import annotations

import atexit
import logging
import os
import threading
from functools import cached_property, partial
from typing import Any

import attrs
from asgiref.sync import sync_to_async

from ..errors import ConfigurationError
from ..service import PaymentService, RelaySettings
from ..webhooks.driving import AsyncDriver, BlockingDriver
from ..webhooks.endpoints import Endpoints
from . import conf, signals
from .conf import Conf
from .store import DjangoStore

log = logging.getLogger("paykit.django")


def open_service(settings: Conf, *, relay: RelaySettings | None = None) -> PaymentService:
    """A service by the settings, without anybody who gets its events. Close it."""
    on = DjangoStore(settings.database) if settings.is_on_djangos else settings.database
    return PaymentService(settings.providers, database=on, relay=relay)


class Runtime:
    """A service, and the drivers of its endpoints."""

    def __init__(self, settings: Conf, service: PaymentService) -> None:
        self.settings = settings
        self.service = service

    @cached_property
    def blocking(self) -> BlockingDriver:
        """For requests that have a thread of their own."""
        return BlockingDriver(self._endpoints(blocking=True))

    @cached_property
    def awaiting(self) -> AsyncDriver:
        """For requests on an event loop; what blocks is done in the thread that Django has for it.

        There its connections are closed after the request.
        """
        return AsyncDriver(self._endpoints(blocking=False), in_thread=_in_djangos_thread)

    def order_token(self, order_id: str) -> str:
        """The token by which a browser may see an order. Raises :class:`ConfigurationError`."""
        tokens = self.settings.options.order_tokens
        if tokens is None:
            raise ConfigurationError('PAYKIT["ORDER_TOKEN_KEYS"] is empty: orders are not shown')
        return tokens.make(order_id)

    def _endpoints(self, *, blocking: bool) -> Endpoints:
        settings = self.settings
        return Endpoints(
            self.service,
            return_to=settings.return_to,
            options=settings.options,
            blocking=blocking,
        )


def _in_djangos_thread(function: Any, *args: Any, **named: Any) -> Any:
    return sync_to_async(partial(function, *args, **named), thread_sensitive=True)()


@attrs.define
class _Process:
    """The runtime of this process, once it is needed."""

    runtime: Runtime | None = None
    guard: threading.Lock = attrs.field(factory=threading.Lock)

    def forget(self) -> None:
        """What a forked process finds is its parent's; it opens its own."""
        self.runtime = None
        self.guard = threading.Lock()


_process = _Process()
os.register_at_fork(after_in_child=_process.forget)


def current() -> Runtime:
    """The runtime, made when it is first asked for. Raises :class:`ConfigurationError`."""
    with _process.guard:
        if _process.runtime is None:
            _process.runtime = _open(conf.load())
        return _process.runtime


def _open(settings: Conf) -> Runtime:
    service = open_service(settings)
    if signals.payment_processed.has_listeners():
        service.subscribe(signals.send, background=settings.relay)
    elif settings.relay:
        log.warning(
            'PAYKIT["RELAY"] is on, and nothing is connected to payment_processed: events wait.'
            " Connect it in ready() of an app that is in INSTALLED_APPS"
        )
    return Runtime(settings, service)


async def current_async() -> Runtime:
    """As :func:`current`; opening may have to wait for a database, and does so in a thread."""
    return _process.runtime or await sync_to_async(current)()


def close() -> None:
    """Close the service, if it is open. The next one who asks gets a new one."""
    with _process.guard:
        runtime, _process.runtime = _process.runtime, None
    if runtime is not None:
        runtime.service.close()


atexit.register(close)
