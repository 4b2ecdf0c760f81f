"""A loopback HTTP server that behaves as badly as it is told, and remembers what it was sent."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

#: Gets the connection and an event that is set when the server stops; returns whether the
#: connection stays open for another request.
Behaviour = Callable[[socket.socket, threading.Event], bool]

#: Longer than any test waits; ends early when the server stops.
_FOREVER = 10.0


@dataclass(frozen=True)
class Seen:
    """One request as it arrived."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class LoopbackServer:
    """Plays one behaviour per request, and the last one from then on."""

    behaviours: tuple[Behaviour, ...]
    requests: list[Seen] = field(default_factory=list)
    #: Set when the first request has arrived.
    arrived: threading.Event = field(default_factory=threading.Event)
    connections: int = 0
    #: Where it listens; 0 lets the system choose.
    port: int = 0
    #: Speaks TLS with this certificate and key.
    tls: ssl.SSLContext | None = None

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self.port = self._listener.getsockname()[1]
        self.url = f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"
        self._threads[0].start()

    @property
    def lines(self) -> list[str]:
        return [request.line for request in self.requests]

    def stop(self) -> None:
        self._stop.set()
        with contextlib.suppress(OSError):  # macOS refuses shutdown of a listener
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.ExitStack() as stack:
            stack.enter_context(contextlib.suppress(OSError))
            stack.enter_context(connection)
            if self.tls is not None:
                connection = stack.enter_context(self.tls.wrap_socket(connection, server_side=True))
            while (seen := _read_request(connection)) is not None:
                with self._lock:
                    turn = len(self.requests)
                    self.requests.append(seen)
                self.arrived.set()
                behave = self.behaviours[min(turn, len(self.behaviours) - 1)]
                if not behave(connection, self._stop):
                    return


@contextlib.contextmanager
def loopback(
    *behaviours: Behaviour, port: int = 0, tls: ssl.SSLContext | None = None
) -> Iterator[LoopbackServer]:
    """A running server, stopped at the end of the block."""
    server = LoopbackServer(behaviours, port=port, tls=tls)
    try:
        yield server
    finally:
        server.stop()


def unused_port() -> int:
    """A port of the loopback interface at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def answer(
    status: int = 200, body: bytes = b"{}", *, headers: dict[str, str] | None = None
) -> Behaviour:
    """A complete answer; the connection stays open."""

    def behave(connection: socket.socket, _stop: threading.Event) -> bool:
        connection.sendall(_head(status, len(body), headers) + body)
        return True

    return behave


def truncate(*, promised: int = 100, sent: bytes = b"{") -> Behaviour:
    """Fewer bytes of body than promised, then the end of the connection."""

    def behave(connection: socket.socket, _stop: threading.Event) -> bool:
        connection.sendall(_head(200, promised, None) + sent)
        return False

    return behave


def drip(start: bytes | None = None, *, pause: float = 0.01) -> Behaviour:
    """After ``start`` (by default a complete head) one byte after the other, without an end."""

    def behave(connection: socket.socket, stop: threading.Event) -> bool:
        connection.sendall(_head(200, 1_000_000, None) if start is None else start)
        while not stop.wait(pause):
            connection.sendall(b"x")
        return False

    return behave


def raw(data: bytes) -> Behaviour:
    """These bytes, then the end of the connection."""

    def behave(connection: socket.socket, _stop: threading.Event) -> bool:
        connection.sendall(data)
        return False

    return behave


def hang(_connection: socket.socket, stop: threading.Event) -> bool:
    """No answer, ever."""
    stop.wait(_FOREVER)
    return False


def reset(connection: socket.socket, _stop: threading.Event) -> bool:
    """A TCP reset after the request was read."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def hang_up(_connection: socket.socket, _stop: threading.Event) -> bool:
    """The end of the connection after the request was read."""
    return False


def _head(status: int, length: int, headers: dict[str, str] | None) -> bytes:
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {length}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _read_request(connection: socket.socket) -> Seen | None:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return None
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    line, *fields = head.decode("latin-1").split("\r\n")
    headers = {}
    for text in fields:
        name, _, value = text.partition(":")
        headers[name.lower()] = value.strip()
    length = int(headers.get("content-length", "0"))
    while len(body) < length:
        piece = connection.recv(65536)
        if not piece:
            return None
        body += piece
    return Seen(line, headers, body)
