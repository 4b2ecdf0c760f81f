"""A TCP relay on loopback that can be cut: an outage of a server that goes on for everyone else."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from collections.abc import Iterator


class Proxy:
    """Passes bytes between its own port and ``target``, until it is cut."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._selector = selectors.DefaultSelector()
        #: What comes out of a socket goes into the other one of its pair.
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._lock = threading.Lock()
        self._ended = False
        self._listener: socket.socket | None = None
        self.port = 0
        self.mend()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def cut(self) -> None:
        """Close all connections, and take no new ones."""
        with self._lock:
            for one in [self._listener, *self._pairs]:
                if one is not None:
                    self._drop(one)
            self._pairs.clear()
            self._listener = None

    def mend(self) -> None:
        """Take connections again, on the same port."""
        with self._lock:
            if self._listener is None:
                self._listener = socket.create_server(("127.0.0.1", self.port))
                self.port = self._listener.getsockname()[1]
                self._selector.register(self._listener, selectors.EVENT_READ)

    def stop(self) -> None:
        self._ended = True
        self._thread.join()
        self.cut()
        self._selector.close()

    def _run(self) -> None:
        while not self._ended:
            for key, _ in self._selector.select(timeout=0.02):
                with self._lock:
                    self._serve(key.fileobj)

    def _serve(self, ready: socket.socket) -> None:
        if ready is self._listener:
            ours, _ = self._listener.accept()
            theirs = socket.create_connection(self._target)
            for one, other in ((ours, theirs), (theirs, ours)):
                self._pairs[one] = other
                self._selector.register(one, selectors.EVENT_READ)
        elif ready in self._pairs:
            other = self._pairs[ready]
            try:
                piece = ready.recv(1 << 16)
                other.sendall(piece)
            except OSError:
                piece = b""
            if not piece:
                for one in (ready, other):
                    self._drop(one)
                    del self._pairs[one]

    def _drop(self, one: socket.socket) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(one)
        one.close()


@contextlib.contextmanager
def proxy(host: str, port: int) -> Iterator[Proxy]:
    """A relay to a server until the end of the block."""
    relay = Proxy((host, port))
    try:
        yield relay
    finally:
        relay.stop()
