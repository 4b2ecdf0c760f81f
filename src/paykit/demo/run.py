"""The whole demo: shop and sandbox in one process, on two ports of the loopback interface."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from ..errors import ConfigurationError
from ..sandbox import create_app
from .server import Listener, listen, serve
from .settings import DemoSettings
from .shop import create_shop

_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
#: Real notices take a moment too. It shows that the browser's return alone settles nothing.
_NOTICE_SECONDS: Final = 2


def run_demo(
    *,
    host: str,
    port: int,
    sandbox_port: int,
    database: Path | None = None,
    ready: Callable[[Listener, Listener], None],
) -> None:
    """Serve the demo until a signal. ``ready`` hears the shop's and the sandbox's listeners.

    Without ``database`` everything is kept in a directory that is removed at the end. Raises
    :class:`ConfigurationError`.
    """
    if host not in _LOOPBACK:
        # The sandbox's keys are public, and it calls whatever address a signed request names.
        raise ConfigurationError(f"the demo is only for this machine: {', '.join(_LOOPBACK)}")
    with ExitStack() as stack:
        shop_at = listen(host, port)
        stack.callback(shop_at.socket.close)
        sandbox_at = listen(host, sandbox_port)
        stack.callback(sandbox_at.socket.close)
        if database is None:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="paykit-demo-"))
            database = Path(folder) / "demo.db"
        settings = DemoSettings(database=database, shop_url=shop_at.url, sandbox_url=sandbox_at.url)
        shop, sandbox = create_shop(settings), create_app(settings.sandbox_config)
        sandbox.state.faults.delay_ipn = _NOTICE_SECONDS
        ready(shop_at, sandbox_at)
        serve({shop_at: shop, sandbox_at: sandbox})
