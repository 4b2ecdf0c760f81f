"""The gateway's card field inside the shop's page: the shop gets a token, never the number.

``/static/card-field.js`` puts a frame with this page into the shop's. The payer types into the
frame; the frame posts to the sandbox and hands the token to the one page that it was made for.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import attrs
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..edge import UnreadableError, read_json
from .numbers import SHOWN_CARDS, Card, CardTable, MistypedError, read_card

if TYPE_CHECKING:
    from starlette.requests import Request

    from ..config import SandboxConfig
    from ..pages import Pages

_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


@attrs.frozen(kw_only=True)
class CardField:
    """The frame and what it posts to. ``tokenize`` makes what the shop's backend is to be given.

    ``asks_name`` adds the name on the card, which some gateways use to steer their test answers.
    """

    config: SandboxConfig
    pages: Pages
    gateway: str
    table: CardTable
    tokenize: Callable[[Card, datetime], str]
    asks_name: bool = False

    def routes(self) -> list[Route]:
        """The frame, relative to the simulator's mount."""
        return [
            Route("/card-field", self._show),
            Route("/card-field", self._take, methods=["POST"]),
        ]

    async def _show(self, request: Request) -> Response:
        origin = request.query_params.get("origin", "")
        if not may_embed(origin, self.config.public_url):
            return self.pages.not_found()
        return self.pages.render(
            "card_field.html",
            framed_by=origin,
            scripts=True,
            gateway=self.gateway,
            origin=origin,
            asks_name=self.asks_name,
            example=self.table.cards[0],
            cards=SHOWN_CARDS,
        )

    async def _take(self, request: Request) -> Response:
        try:
            typed = await read_json(request, self.config.max_body)
            now = self.config.clock()
            card = read_card(self.table, typed, now)
        except UnreadableError:
            return JSONResponse(
                {"error": {"field": "", "message": "not readable"}}, status_code=400
            )
        except MistypedError as error:
            wrong = {"field": error.field, "message": str(error)}
            return JSONResponse({"error": wrong}, status_code=422)
        token = self.tokenize(card, now)
        shown = {"brand": card.brand, "last4": card.last4}
        return JSONResponse({"token": token, "card": shown}, headers={"Cache-Control": "no-store"})


def may_embed(origin: str, public_url: str) -> bool:
    """Whether a page from there may hold the sandbox's frames: this machine, or the same origin."""
    try:
        parts = urlsplit(origin)
        host, port = parts.hostname, parts.port
    except ValueError:
        return False
    shown = f"[{host}]" if host and ":" in host else host
    whole = f"{parts.scheme}://{shown}" + (f":{port}" if port else "")
    own = urlsplit(public_url)
    # Exactly an origin, so that nothing else gets into a policy header.
    good = parts.scheme in {"http", "https"} and origin == whole
    return good and (host in _LOOPBACK or origin == f"{own.scheme}://{own.netloc}")
