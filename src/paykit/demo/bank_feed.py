"""The shop's own look at its bank account, for transfers that nobody sends a notice of.

The pretended bank shows a statement; this reads it again and again, as a shop would read its bank's
API or an exported file, and hands what is new to the payment service.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from typing import Any, Final

from ..errors import MalformedResponse, PaykitError
from ..http import HttpRequest
from ..providers.vietqr import VietQR
from ..service import AsyncPaymentService
from ..transport import AsyncTransport

log = logging.getLogger("paykit.demo")

_SECONDS: Final = 2.0


class BankFeed:
    """Reads the statement of the account that ``provider`` shows codes for."""

    def __init__(
        self,
        service: AsyncPaymentService,
        provider: VietQR,
        *,
        statement_url: str,
        transport: AsyncTransport,
    ) -> None:
        self._service = service
        self._provider = provider
        self._url = statement_url
        self._transport = transport
        self._last = 0

    async def read_forever(self) -> None:
        """Read until the task is canceled; a failure is only a pause."""
        while True:
            await asyncio.sleep(_SECONDS)
            try:
                await self.read()
            except PaykitError as error:
                log.info("the bank statement cannot be read: %s", error)

    async def read(self) -> int:
        """Take what is new; returns how many events that published.

        The place in the statement is kept in memory only. After a restart everything is read
        again, and counts no second time.
        """
        response = await self._transport.send(HttpRequest.get(f"{self._url}?after={self._last}"))
        lines = response.json().get("transactions")
        if not isinstance(lines, list):
            raise MalformedResponse("no transactions", provider=self._provider.name)
        if not lines:
            return 0
        transfers = [self._transfer(line) for line in lines]
        published = await self._service.record_transfers(transfers, provider=self._provider.key)
        self._last = max(line["number"] for line in lines)
        return published

    def _transfer(self, line: dict[str, Any]) -> Any:
        try:
            return self._provider.received(
                transfer_id=str(line["number"]),
                amount=line["amount"],
                memo=line["text"],
                occurred_at=datetime.fromisoformat(line["at"]),
                account_number=self._provider.config.account_number,
                bank_reference=line["reference"],
            )
        except (KeyError, TypeError, ValueError):
            raise MalformedResponse(
                "an unreadable transaction", provider=self._provider.name
            ) from None
