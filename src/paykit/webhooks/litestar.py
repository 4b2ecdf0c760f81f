"""The endpoints as a Litestar router: ``Litestar([paykit_router(service, …)])``."""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote

from litestar import Router, asgi
from litestar.handlers import ASGIRouteHandler
from litestar.utils.path import normalize_path

from .asgi import PaykitApp, Receive, Scope, Send
from .endpoints import Mountable
from .options import MountOptions
from .receiver import PATHS

#: By these Litestar's own CSRF protection and authentication leave a route alone.
_LEFT_ALONE: Final = {"exclude_from_csrf": True, "exclude_from_auth": True}


def paykit_router(
    service: Mountable,
    *,
    return_to: str,
    path: str = "/pay",
    options: MountOptions | None = None,
) -> Router:
    """All endpoints below ``path``; see :class:`~paykit.webhooks.asgi.PaykitApp`.

    The body is read by paykit itself, so no middleware may read it before.
    """
    app = PaykitApp(service, return_to=return_to, options=options)
    # One mount for the whole of "/pay" would take "/payments/…" as well: Litestar compares by the
    # beginning alone. So each endpoint is a mount of its own, or a path if no name belongs to it.
    handlers = [_handler(app, *own.partition("/{")) for own in PATHS.values()]
    return Router(path=path, route_handlers=handlers)


def _handler(app: PaykitApp, own: str, named: str, _: str) -> ASGIRouteHandler:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        raw = scope.get("raw_path")  # not every server has it
        whole = unquote(raw) if raw else scope["path"]
        path = own
        if named:
            # Litestar takes slashes away that belong to a name. What it leaves below the mount
            # tells where the mount is, and so where the name begins in the path as it came.
            mount = normalize_path(whole).removesuffix(scope["path"].rstrip("/"))
            path += whole.removeprefix(mount)
        await app.answer({**scope, "path": whole}, receive, send, path=path)

    return asgi(own, is_mount=bool(named), copy_scope=True, opt=_LEFT_ALONE)(answer)
