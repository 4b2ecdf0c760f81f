"""ASGI applications behind real sockets, for tests of what talks to them."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import uvicorn


@contextlib.contextmanager
def serving(app: Any, listener: Any) -> Iterator[None]:
    """A real server on ``listener`` in a thread of its own, until the end of the block."""
    server = uvicorn.Server(uvicorn.Config(app, lifespan="on", log_level="error", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener.socket]})
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()
        listener.socket.close()
