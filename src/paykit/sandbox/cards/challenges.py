"""3-D Secure: the page of the bank that issued the card, on which the payer agrees or not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias
from urllib.parse import quote

import attrs
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ...money import Money
from ..edge import UnreadableError, read_form, remember
from .field import may_embed
from .numbers import Card

if TYPE_CHECKING:
    from starlette.requests import Request

    from ..config import SandboxConfig
    from ..pages import Pages

_SEE_OTHER: Final = 303
Outcome: TypeAlias = Literal["approve", "refuse", "abandon"]
_OUTCOMES: Final = ("approve", "refuse", "abandon")


@attrs.frozen(kw_only=True)
class Finished:
    """Where the browser goes; in a frame ``result`` goes to the shop's page instead."""

    redirect: str | None = None
    result: dict[str, Any] = attrs.field(factory=dict)


#: Tells the gateway what came of it, and says where the payer goes now.
Finish: TypeAlias = Callable[[Outcome, datetime], Finished]


@attrs.define(kw_only=True, eq=False)
class Challenge:
    """One question to the payer. ``done`` is the answer; an abandoned one stays open."""

    id: str
    key: str
    merchant: str
    amount: Money | None
    card: Card
    finish: Finish
    done: Finished | None = None


class Challenges:
    """The open questions, and their page under ``/3ds``.

    ``finish`` runs once with ``approve`` or ``refuse``; with ``abandon`` each time that the payer
    leaves without an answer, which need not mean anything to the gateway.
    """

    def __init__(self, config: SandboxConfig, pages: Pages, *, gateway: str, title: str) -> None:
        self._config = config
        self._pages = pages
        self._gateway = gateway
        self._title = title
        self._known: dict[str, Challenge] = {}

    def open(
        self, *, key: str, merchant: str, amount: Money | None, card: Card, finish: Finish
    ) -> str:
        """Ask the payer; returns the page. ``key`` is what the shop's page knows it by.

        That is a client secret, or what stands in the action object.
        """
        challenge = Challenge(
            id=self._config.new_id(),
            key=key,
            merchant=merchant,
            amount=amount,
            card=card,
            finish=finish,
        )
        remember(self._known, challenge.id, challenge, keep=self._config.keep)
        return f"{self._config.public_url}/{self._gateway}/3ds/{challenge.id}"

    def routes(self) -> list[Route]:
        """The page, relative to the simulator's mount."""
        return [
            Route("/3ds", self._find),
            Route("/3ds/{id}", self._show),
            Route("/3ds/{id}", self._choose, methods=["POST"]),
        ]

    async def _find(self, request: Request) -> Response:
        """The way of ``card-field.js``, which knows the key only."""
        key, origin = (request.query_params.get(name, "") for name in ("key", "origin"))
        found = [one for one in self._known.values() if key and one.key == key]
        if not found or not may_embed(origin, self._config.public_url):
            return self._pages.not_found()
        page = f"{self._config.root}/{self._gateway}/3ds/{found[-1].id}"
        return RedirectResponse(f"{page}?origin={quote(origin)}", status_code=_SEE_OTHER)

    async def _show(self, request: Request) -> Response:
        challenge = self._known.get(request.path_params["id"])
        origin = request.query_params.get("origin", "")
        if challenge is None or (origin and not may_embed(origin, self._config.public_url)):
            return self._pages.not_found()
        if challenge.done:
            return self._done(challenge.done, "done", origin)
        return self._pages.render(
            "card_challenge.html",
            framed_by=origin,
            challenge=challenge,
            origin=origin,
            gateway=self._gateway,
            title=self._title,
        )

    async def _choose(self, request: Request) -> Response:
        try:
            form = await read_form(request, self._config.max_body)
        except UnreadableError:
            form = {}
        challenge = self._known.get(request.path_params["id"])
        origin, outcome = form.get("origin", ""), form.get("outcome", "")
        if (
            challenge is None
            or outcome not in _OUTCOMES
            or (origin and not may_embed(origin, self._config.public_url))
        ):
            return self._pages.not_found()
        now = self._config.clock()
        if challenge.done:  # a second click only repeats where the browser goes
            return self._done(challenge.done, "done", origin)
        if outcome == "abandon":
            return self._done(challenge.finish("abandon", now), outcome, origin)
        passed = outcome == "approve" and challenge.card.does.check != "fails"
        challenge.done = challenge.finish("approve" if passed else "refuse", now)
        return self._done(challenge.done, "approve" if passed else "refuse", origin)

    def _done(self, finished: Finished, outcome: str, origin: str) -> Response:
        if finished.redirect and not origin:
            return RedirectResponse(finished.redirect, status_code=_SEE_OTHER)
        return self._pages.render(
            "card_done.html",
            framed_by=origin,
            scripts=bool(origin),
            origin=origin,
            outcome=outcome,
            result=finished.result,
            gateway=self._gateway,
            title=self._title,
        )
