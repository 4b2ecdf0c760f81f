"""ZaloPay's addresses: the API operations, and the pages where the payer decides."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, ClassVar

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ...http import parse_json_object
from ..edge import UnreadableError, decode_form, read_body
from . import lines
from .agreements import Agreements
from .banks import Banks
from .callbacks import Callbacks
from .gateway import Gateway
from .orders import Orders
from .payer import PayerPages
from .refunds import Refunds
from .state import Books

if TYPE_CHECKING:
    from starlette.requests import Request

    from ..config import SandboxConfig
    from ..deliveries import Deliveries
    from ..faults import Faults
    from ..pages import Pages
    from ..summary import PaymentSummary

_JSON = "application/json"
_FORM = "application/x-www-form-urlencoded"


class ZaloPaySimulator:
    """ZaloPay for a few merchants: its books in memory, and the routes under ``/zalopay``."""

    name: ClassVar = "zalopay"
    title: ClassVar = "ZaloPay"

    def __init__(
        self, config: SandboxConfig, *, deliveries: Deliveries, faults: Faults, pages: Pages
    ) -> None:
        self._config = config
        self._books = Books(keep=config.keep)
        callbacks = Callbacks(config=config, deliveries=deliveries)
        self._pages = PayerPages(config=config, books=self._books, callbacks=callbacks, pages=pages)
        self._gateway = Gateway(
            config.zalopay,
            orders=Orders(config=config, books=self._books),
            refunds=Refunds(config=config, books=self._books, faults=faults),
            banks=Banks(config=config, books=self._books),
            agreements=Agreements(config=config, books=self._books, notify=callbacks.about_order),
        )

    def routes(self) -> list[Route]:
        """The routes, relative to the mount."""
        operations = [
            Route(f"/{name}", self._operation(name), methods=["POST"])
            for name in self._gateway.names
        ]
        return [*operations, *self._pages.routes()]

    def summaries(self) -> list[PaymentSummary]:
        """The orders and agreements in a line each."""
        return lines.summaries(self._books, self._config)

    def _operation(self, name: str) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            try:
                sent, form = await _read(request, self._config.max_body)
            except UnreadableError:
                sent, form = None, False
            said = self._gateway.answer(name, sent, self._config.clock(), form=form)
            # Errors, too, come with HTTP 200: nothing else was ever seen or published.
            return JSONResponse(said)

        return endpoint


async def _read(request: Request, limit: int) -> tuple[dict[str, Any], bool]:
    """What a merchant sent, and whether it is all text; raises :class:`UnreadableError`.

    JSON, a form, or with an empty body the query: official samples use all three.
    """
    body = await read_body(request, limit)
    if not body:
        return dict(decode_form(request.scope["query_string"])), True
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == _FORM:
        return dict(decode_form(body)), True
    if kind != _JSON:
        raise UnreadableError("neither JSON nor a form")
    try:
        return parse_json_object(body), False
    except ValueError as error:
        raise UnreadableError(f"the body is not a usable JSON object: {error}") from None
