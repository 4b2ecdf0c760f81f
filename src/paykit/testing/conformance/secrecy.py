"""Checks that no secret shows: in ``repr``, dumps, pickles, errors, tracebacks or logs."""
# ruff: noqa: S101 - a test suite asserts

from __future__ import annotations

import asyncio
import base64
import logging
import pickle
import traceback
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from ...client import AsyncClient, Client
from ...errors import PaykitError
from ...provider import Provider
from .base import AsyncWire, Checks, Ended, Wire, attempt
from .data import Call, Case


class SecrecyChecks(Checks):
    """What holds for every secret of every provider."""

    def test_configuration_has_secrets(self) -> None:
        """Who takes deliveries has something to hide, and it is declared as such."""
        assert list(_secrets(self.build())) or not self.can(returned=False)

    def test_nothing_shows_a_secret(self) -> None:
        """``repr``, ``str``, ``vars`` and dumps of the provider, its settings and its clients."""
        provider = self.build()
        config = provider.config
        for value in (provider, config, Client(provider, transport=Wire([]))):
            self._hides(repr(value), str(value), repr(vars(value)))
        self._hides(repr(AsyncClient(provider, transport=AsyncWire([]))))
        self._hides(
            repr(dict(config)),
            repr(config.model_dump()),
            repr(config.model_dump(mode="json")),
            config.model_dump_json(),
        )

    def test_pickles_hold_no_secret(self) -> None:
        """A pickle that lands in a cache or a queue holds no secret; refusing is right, too."""
        provider = self.build()
        for value in (provider, provider.config, Client(provider, transport=Wire([]))):
            for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
                self._hides(_pickled(value, protocol))

    def test_operation_tells_no_secret(
        self, typical_case: Case, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Neither the result, nor an error with all its local variables, nor the log."""
        caplog.set_level(logging.DEBUG)
        answers = [exchange.answer for exchange in typical_case.exchanges]
        wire, line = Wire(answers), AsyncWire(answers)
        client = Client(self.build(), transport=wire)
        later = AsyncClient(self.build(), transport=line)
        for ended in (
            attempt(lambda: getattr(client, typical_case.command)(**self.arguments(typical_case))),
            attempt(
                lambda: asyncio.run(
                    getattr(later, typical_case.command)(**self.arguments(typical_case))
                )
            ),
        ):
            self._tells_nothing(ended, caplog)
        assert [request.url for request in wire.sent] == [request.url for request in line.sent]

    def test_refusal_tells_no_secret(self, call: Call, caplog: pytest.LogCaptureFixture) -> None:
        """As above, for genuine calls, refused ones, and one that lost its signature."""
        caplog.set_level(logging.DEBUG)
        provider, delivery = self.recorded(call)
        unsigned = self.factory(provider).signature.remove(delivery)
        for received in (delivery, unsigned):
            ended = attempt(
                lambda received=received: self.receive(  # type: ignore[misc]
                    provider, received, returned=call.returned
                )
            )
            self._tells_nothing(ended, caplog)
        self._hides(repr(delivery), str(delivery))

    def _tells_nothing(self, ended: Ended, caplog: pytest.LogCaptureFixture) -> None:
        self._hides(repr(ended.result))
        if ended.error is not None:
            self._hides(*_told_by(ended.error))
        for record in caplog.records:
            self._hides(record.getMessage(), repr(vars(record)))

    def _hides(self, *texts: str) -> None:
        for secret in _secrets(self.build()):
            # Not "in" under assert: pytest would print both.
            if any(secret in text for text in texts):
                shown = next(text for text in texts if secret in text)
                pytest.fail(f"a secret shows in: {shown.replace(secret, '<SECRET>')[:2000]}")


def _secrets(provider: Provider) -> Iterator[str]:
    """Every secret of the configuration, as it is and in base64."""
    for value in dict(provider.config).values():
        for item in value if isinstance(value, tuple) else (value,):
            if isinstance(item, SecretStr):
                secret = item.get_secret_value()
                yield secret
                yield base64.b64encode(secret.encode()).decode()


def _told_by(error: PaykitError) -> Iterator[str]:
    yield repr(error)
    yield str(error)
    yield repr(vars(error))
    # The first frame is the suite's own.
    error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    yield "".join(shown.format())


def _pickled(value: Any, protocol: int) -> str:
    try:
        return pickle.dumps(value, protocol).decode("latin-1")
    except Exception:  # noqa: BLE001 - how it refuses is its own business
        return ""
