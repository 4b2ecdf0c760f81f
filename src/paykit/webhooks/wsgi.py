"""The endpoints as a plain WSGI app (PEP 3333), for blocking servers and frameworks.

::

    application = PaykitWsgi(service, return_to="https://shop.example/thanks")
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from http import HTTPStatus
from io import BytesIO
from typing import Any, Final, Protocol, TypeAlias

from ..http import WITHOUT_BODY, Reply
from .driving import BlockingDriver, Read
from .endpoints import Answer, Endpoints, EventStream, Mountable, Problem
from .options import MountOptions
from .receiver import STREAM_HEADERS, Head, below_prefix, check_prefix, path_below

Environ: TypeAlias = Mapping[str, Any]
StartResponse: TypeAlias = Callable[..., Any]

_CHUNK: Final = 64 * 1024
#: Where servers show the connection.
_SOCKETS: Final = ("gunicorn.socket", "werkzeug.socket")
#: These are headers of a request too, but WSGI names them apart.
_APART: Final = {"CONTENT_TYPE": b"content-type", "CONTENT_LENGTH": b"content-length"}


class Readable(Protocol):
    """A body that is read bit by bit."""

    def read(self, size: int, /) -> bytes:
        """At most so many bytes; none at the end."""
        ...


class PaykitWsgi:
    """A WSGI app over a blocking payment service or event receiver.

    As :class:`~paykit.webhooks.asgi.PaykitApp`. A client that waits for a change holds a thread of
    the server, so nobody may unless ``options`` say how many.
    """

    def __init__(
        self,
        service: Mountable,
        *,
        return_to: str,
        options: MountOptions | None = None,
        prefix: str = "",
    ) -> None:
        self._prefix = check_prefix(prefix)
        self._driver = BlockingDriver(
            Endpoints(service, return_to=return_to, options=options, blocking=True)
        )

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        path = below_prefix(_text(environ.get("PATH_INFO", "")), self._prefix)
        status, headers, body = answer_environ(self._driver, environ, path=path)
        start_response(f"{status} {_phrase(status)}", headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else body


def answer_environ(
    driver: BlockingDriver, environ: Environ, *, path: str | None = None, read: Read | None = None
) -> tuple[int, list[tuple[str, str]], Iterable[bytes]]:
    """Status, headers and body of the answer to one WSGI request.

    A router that knows the path below the mount gives it. ``read`` is how to read a body that the
    server no longer has.
    """
    root, below = _text(environ.get("SCRIPT_NAME", "")), _text(environ.get("PATH_INFO", ""))
    path = below if path is None else path_below(below, path)
    head = head_of(environ, path, whole_path=root + below)
    source: Readable = environ["wsgi.input"]

    def read_it(limit: int, seconds: float) -> bytes | Problem:
        return read_body(source, environ, limit, seconds)

    return to_wsgi(driver, driver.answer(head, read or read_it))


def length_of(environ: Environ) -> int | None:
    """How long the body is; ``None``: it is in chunks, and the server knows where it ends."""
    is_chunked = "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower()
    if is_chunked and environ.get("wsgi.input_terminated"):
        return None
    return int(environ.get("CONTENT_LENGTH") or 0)


def to_wsgi(
    driver: BlockingDriver, answer: Answer
) -> tuple[int, list[tuple[str, str]], Iterable[bytes]]:
    """An answer in the words of WSGI; also what Flask and Django make theirs of."""
    if isinstance(answer, EventStream):
        streamed = driver.stream(answer)
        if not isinstance(streamed, Reply):
            return 200, list(STREAM_HEADERS), streamed
        answer = streamed
    headers = list(answer.headers)
    if answer.content_type is not None:
        headers.append(("content-type", answer.content_type))
    if answer.status not in WITHOUT_BODY:
        headers.append(("content-length", str(len(answer.body))))
    return answer.status, headers, [answer.body] if answer.body else []


def read_body(source: Readable, environ: Environ, limit: int, seconds: float) -> bytes | Problem:
    """The body that ``source`` has; read aside, for a read cannot be given up."""
    length = length_of(environ)
    if length == 0:
        return b""
    if length is not None and length > limit:
        return Problem.TOO_LARGE
    reading = _Reading(source, length, limit)
    if isinstance(source, BytesIO):  # a server such as waitress has received all of it before
        reading.run()
        return reading.result
    thread = threading.Thread(target=reading.run, name="paykit-body", daemon=True)
    thread.start()
    thread.join(seconds)
    reading.is_over = True
    if not thread.is_alive():
        return reading.result
    _end_reading(environ)
    return Problem.TOO_SLOW


def _end_reading(environ: Environ) -> None:
    """Let a read that waits come to an end, where the server shows its socket.

    Elsewhere the thread stays until the sender hangs up.
    """
    for name in _SOCKETS:
        found = environ.get(name)
        if isinstance(found, socket.socket):
            with suppress(OSError):
                # Not its own method: that of a TLS socket would end the TLS of the answer, too.
                socket.socket.shutdown(found, socket.SHUT_RD)


class _Reading:
    """Reads a body in a thread that is left alone when it takes too long."""

    def __init__(self, source: Readable, length: int | None, limit: int) -> None:
        self._source = source
        self._length = length
        self._limit = limit
        self.is_over = False
        self.result: bytes | Problem = Problem.GONE

    def run(self) -> None:
        chunks: list[bytes] = []
        size = 0
        try:
            while self._length is None or size < self._length:
                wanted = _CHUNK if self._length is None else min(_CHUNK, self._length - size)
                chunk = self._source.read(wanted)
                size += len(chunk)
                if self.is_over:
                    return
                if size > self._limit:
                    self.result = Problem.TOO_LARGE
                    return
                if not chunk:
                    break
                chunks.append(chunk)
        except Exception:  # noqa: BLE001 - whatever a server raises when the client has gone
            return
        if self._length is None or size == self._length:
            self.result = b"".join(chunks)


def head_of(environ: Environ, path: str, *, whole_path: str) -> Head:
    """The head of a request; ``path`` is the one below the mount."""
    headers = [
        (name[5:].replace("_", "-").lower().encode("latin-1"), value.encode("latin-1"))
        for name, value in environ.items()
        if name.startswith("HTTP_")
    ]
    headers += [
        (name, environ[key].encode("latin-1")) for key, name in _APART.items() if environ.get(key)
    ]
    return Head(
        environ["REQUEST_METHOD"],
        path,
        environ.get("QUERY_STRING", "").encode("latin-1"),
        headers,
        _peer(environ.get("REMOTE_ADDR")),
        whole_path,
    )


def _peer(address: str | None) -> str | None:
    """The other end of the connection; at a Unix socket it has no address, and waitress a name."""
    return None if address in {"", "localhost"} else address


def _text(wsgi_text: str) -> str:
    """Text whose UTF-8 bytes WSGI shows as one character each."""
    return wsgi_text.encode("latin-1").decode("utf-8", "replace")


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase
