"""The endpoints beside Django, in ``asgi.py``: a body is read by paykit itself.

::

    from paykit.django.asgi import beside

    application = beside(get_asgi_application(), prefix="/pay")

Django receives a whole body before it looks at the path, however long it is and however slowly it
comes. Here the limits hold while it is read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from django.db import close_old_connections

from .. import aside
from ..webhooks.asgi import PaykitApp, Receive, Scope, Send, below_root
from ..webhooks.receiver import check_prefix, find_route
from .runtime import Runtime, close, current_async

App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]


def beside(application: App, *, prefix: str) -> App:
    """An ASGI app that answers the endpoints below ``prefix`` and leaves the rest to Django.

    Leave ``paykit.django.urls`` in your URLconf under the same prefix, for its names. When the
    server ends, the service is closed.
    """
    root = check_prefix(prefix)
    mount = _Mount(root)

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http" and _is_ours(scope, root):
            app = await mount.app()
            await app(scope, receive, send)
        else:
            await application(scope, receive, send)

    return answer


class _Mount:
    """The app over the service that is open now."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._made: tuple[Runtime, PaykitApp] | None = None

    async def app(self) -> PaykitApp:
        runtime = await current_async()
        if self._made is None or self._made[0] is not runtime:
            app = PaykitApp(
                runtime.service,
                return_to=runtime.settings.return_to,
                options=runtime.settings.options,
                prefix=self._root,
                in_thread=_in_thread,
            )
            self._made = runtime, app
        return self._made[1]


def _is_ours(scope: Scope, root: str) -> bool:
    """Whether there is such an endpoint; the shop's own views may have paths beside them."""
    path = below_root(scope)
    return path.startswith(f"{root}/") and find_route(path.removeprefix(root)) is not None


def _in_thread(function: Any, *args: Any, **named: Any) -> Awaitable[Any]:
    return aside.in_thread(_as_a_request, function, *args, **named)


def _as_a_request(function: Any, *args: Any, **named: Any) -> Any:
    """Do what Django does around a request: connections that are too old are closed."""
    close_old_connections()
    try:
        return function(*args, **named)
    finally:
        close_old_connections()


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.shutdown":
            await asyncio.to_thread(close)
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
