"""The dashboard as an ASGI app: who may see it, what it answers, and nothing that changes anything.

::

    dashboard = Dashboard(service, authorize=is_staff)

Starlette: ``Mount("/dashboard", dashboard)``.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias
from urllib.parse import quote, unquote

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocketClose

from ..aside import in_thread
from ..errors import ConfigurationError, InvalidRequest, StoreUnavailable
from ..provider import Clock, utc_now
from ..service import AsyncPaymentService, PaymentService
from .pages import Pages, plain
from .views import Views

log = logging.getLogger("paykit.dashboard")

#: Says of an ASGI scope whether whoever asks may see everything that is on record.
Authorize: TypeAlias = Callable[[Scope], bool | Awaitable[bool]]

_READING: Final = ("GET", "HEAD")


class Dashboard:
    """Pages over a payment service, blocking or async, for those that ``authorize`` lets in.

    ``authorize`` gets the ASGI scope of each request, with what your middleware has put there (a
    session, a user). It may be a plain function, which is called in a thread, or an async one.
    Whatever it returns but ``True``, or raises, is a refusal. ``clock`` is what "5 min ago" is
    counted from. The service stays yours to close. Raises
    :class:`~paykit.errors.ConfigurationError` for an ``authorize`` that cannot be called.
    """

    def __init__(
        self,
        service: AsyncPaymentService | PaymentService,
        *,
        authorize: Authorize,
        clock: Clock = utc_now,
    ) -> None:
        if not callable(authorize):
            raise ConfigurationError("authorize must be a function of the ASGI scope")
        self._authorize = authorize
        self._views = Views(service, Pages(), clock)
        self._app = Starlette(
            routes=self._views.routes(),
            exception_handlers={
                HTTPException: self._nothing_here,
                InvalidRequest: self._unreadable,
                StoreUnavailable: self._no_database,
                Exception: self._broken,
            },
        )
        # It would redirect to an address made of what the request says of its host.
        self._app.router.redirect_slashes = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await WebSocketClose()(scope, receive, send)
        else:
            scope = _as_it_came(scope)
            answer = await self._refuse(scope) or _to_the_mount(scope) or self._app
            await answer(scope, receive, send)

    async def _refuse(self, scope: Scope) -> Response | None:
        """The refusal of who may not see anything, or wants more than to see."""
        if not await self._may_see(scope):
            return plain("This is not for you.", status=403)
        if scope["method"] not in _READING:
            allowed = {"Allow": ", ".join(_READING)}
            return plain("Here is nothing to change.", status=405, more=allowed)
        return None

    async def _may_see(self, scope: Scope) -> bool:
        try:
            if inspect.iscoroutinefunction(self._authorize):
                allowed = await self._authorize(scope)
            else:
                allowed = await in_thread(self._authorize, scope)
                if inspect.isawaitable(allowed):
                    allowed = await allowed
        except Exception:
            log.exception("authorize failed, which lets nobody in")
            return False
        return allowed is True

    # When there is nothing to show.

    def _nothing_here(self, _request: Request, _error: Exception) -> Response:
        return self._views.message("There is no such page", "It may have moved.", 404)

    def _unreadable(self, _request: Request, error: Exception) -> Response:
        if not isinstance(error, InvalidRequest) or error.field is None:
            raise error  # not what was asked for, but a row that nobody can read
        return self._views.message("This address cannot be read", str(error), 400)

    def _no_database(self, _request: Request, error: Exception) -> Response:
        log.warning("the dashboard cannot read: %s", error)
        text = "Nothing can be shown until it answers again. Payments are not changed by that."
        answer = self._views.message("The database does not answer", text, 503)
        answer.headers["Retry-After"] = "10"
        return answer

    def _broken(self, _request: Request, _error: Exception) -> Response:
        return plain("This page could not be made. The server's log says why.", status=500)


def _as_it_came(scope: Scope) -> Scope:
    """Litestar ends every path below a mount with a slash; the raw one tells whether it did."""
    path: str = scope["path"]
    if len(path) > 1 and path.endswith("/") and not _ends_with_slash(scope):
        return {**scope, "path": path[:-1]}
    return scope


def _to_the_mount(scope: Scope) -> Response | None:
    """A redirect from the mount without its last slash, where the links would lead elsewhere."""
    path: str = scope["path"]
    if path == "/" and not _ends_with_slash(scope):
        path = unquote(scope["raw_path"].decode("latin-1"))
    elif path.endswith("/") or path != scope.get("root_path", "").rstrip("/"):
        return None
    last = quote(path.rpartition("/")[2], safe="")
    return plain("It is here.", status=307, more={"Location": f"{last}/"})


def _ends_with_slash(scope: Scope) -> bool:
    """Whether the path did as it came, where the server says how it came."""
    raw: bytes = scope.get("raw_path") or b"/"
    return raw.endswith(b"/")
