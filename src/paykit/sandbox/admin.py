"""The sandbox's own addresses: what happened, sending again, and faults on demand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from .edge import UnreadableError, read_json
from .faults import BadFaultError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request

    from .config import SandboxConfig
    from .deliveries import Deliveries
    from .faults import Faults
    from .pages import Pages
    from .summary import PaymentSummary, Simulator

_SHOWN = 50


class Admin:
    """Everything under ``/_sandbox``, and the list at ``/``."""

    def __init__(
        self,
        config: SandboxConfig,
        *,
        simulators: Sequence[Simulator],
        deliveries: Deliveries,
        faults: Faults,
        pages: Pages,
    ) -> None:
        self._config = config
        self._simulators = simulators
        self._deliveries = deliveries
        self._faults = faults
        self._pages = pages

    def routes(self) -> list[Route]:
        """The routes, relative to the application."""
        return [
            Route("/", self._index),
            Route("/_sandbox/payments", self._list_payments),
            Route("/_sandbox/deliveries", self._list_deliveries),
            Route("/_sandbox/deliveries/{id}/resend", self._resend, methods=["POST"]),
            Route("/_sandbox/faults", self._show_faults),
            Route("/_sandbox/faults", self._change_faults, methods=["POST"]),
        ]

    def _payments(self) -> list[PaymentSummary]:
        """The payments of all providers, the newest first."""
        found = [one for simulator in self._simulators for one in simulator.summaries()]
        return sorted(found, key=lambda payment: payment.created_at, reverse=True)

    async def _index(self, _request: Request) -> Response:
        return self._pages.render(
            "index.html",
            payments=self._payments()[:_SHOWN],
            deliveries=list(self._deliveries)[:_SHOWN],
            simulators=self._simulators,
            names={one.name: one.title for one in self._simulators},
            config=self._config,
        )

    async def _list_payments(self, _request: Request) -> Response:
        return JSONResponse({"payments": [payment.to_json() for payment in self._payments()]})

    async def _list_deliveries(self, _request: Request) -> Response:
        return JSONResponse({"deliveries": [delivery.to_json() for delivery in self._deliveries]})

    async def _resend(self, request: Request) -> Response:
        delivery = self._deliveries.get(request.path_params["id"])
        if delivery is None:
            return JSONResponse({"error": "there is no such delivery"}, status_code=404)
        await self._deliveries.resend(delivery)
        if "text/html" in request.headers.get("accept", ""):
            return RedirectResponse(f"{self._config.root}/", status_code=303)
        return JSONResponse(delivery.to_json())

    async def _show_faults(self, _request: Request) -> Response:
        return JSONResponse(attrs.asdict(self._faults))

    async def _change_faults(self, request: Request) -> Response:
        try:
            self._faults.change(await read_json(request, self._config.max_body))
        except (BadFaultError, UnreadableError) as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        return JSONResponse(attrs.asdict(self._faults))
